#include "widgets/views/activity_rail.h"

#include "widgets/actions/action_registry.h"
#include "widgets/theme/theme.h"

#include <QAction>
#include <QToolButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

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
    m_layout->insertWidget(m_count++, button);
}

} // namespace mmfree::gui
