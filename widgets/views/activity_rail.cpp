#include "widgets/views/activity_rail.h"

#include "widgets/actions/action_registry.h"
#include "widgets/theme/theme.h"

#include <QAction>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace mmfree::gui
{

namespace
{

constexpr int kNarrowest = 58;       // pixels
constexpr double kTitlePoints = 8.0; // as in the style sheet

} // namespace

ActivityRail::ActivityRail(QWidget* parent)
    : QWidget(parent)
    , m_layout(new QVBoxLayout(this))
{
    setObjectName(QStringLiteral("activityRail"));
    setAttribute(Qt::WA_StyledBackground);
    setAccessibleName(tr("Pages"));
    m_layout->setContentsMargins(kGrid / 2, kGrid, kGrid / 2, kGrid);
    m_layout->setSpacing(kGrid / 2);
    m_layout->addStretch(1);
}

void ActivityRail::addPage(QAction* action)
{
    auto* button = new QToolButton(this);
    button->setDefaultAction(action);
    button->setText(ActionRegistry::plainText(action));
    button->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
    button->setIconSize({22, 22});
    button->setAccessibleName(ActionRegistry::plainText(action));
    button->setFocusPolicy(Qt::TabFocus);
    button->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed); // all as wide as the longest title
    const auto fitTitle = [button, action] {
        QFont font = button->font();
        font.setPointSizeF(kTitlePoints);
        font.setWeight(QFont::Medium);
        const int text = QFontMetrics(font).horizontalAdvance(ActionRegistry::plainText(action));
        button->setMinimumWidth(std::max(kNarrowest, text + kGrid + kGrid / 2));
    };
    fitTitle();
    connect(action, &QAction::changed, button, fitTitle); // another language
    m_layout->insertWidget(m_count++, button);
}

} // namespace mmfree::gui
