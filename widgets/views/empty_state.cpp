#include "widgets/views/empty_state.h"

#include "widgets/actions/action_registry.h"
#include "widgets/theme/theme.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace mmfree::gui
{

EmptyState::EmptyState(QWidget* parent)
    : QWidget(parent)
    , m_title(new QLabel(this))
    , m_body(new QLabel(this))
    , m_actions(new QHBoxLayout)
    , m_suggestions(new QVBoxLayout)
{
    setTextRole(m_title, TextRole::Display);
    setTextRole(m_body, TextRole::Muted);
    m_title->setAlignment(Qt::AlignHCenter);
    m_title->setWordWrap(true);
    m_body->setAlignment(Qt::AlignHCenter);
    m_body->setWordWrap(true);
    m_actions->setSpacing(kGrid);
    m_actions->setAlignment(Qt::AlignHCenter);
    m_suggestions->setSpacing(kGrid);

    auto* layout = new QVBoxLayout(this);
    layout->setSpacing(kGrid);
    layout->addStretch(2);
    layout->addWidget(m_title);
    layout->addWidget(m_body);
    layout->addSpacing(kGrid);
    layout->addLayout(m_actions);
    layout->addLayout(m_suggestions);
    layout->addStretch(3);
}

void EmptyState::setTexts(const QString& title, const QString& body)
{
    m_title->setText(title);
    m_body->setText(body);
}

void EmptyState::clear(QLayout* layout)
{
    while (QLayoutItem* item = layout->takeAt(0)) {
        if (QWidget* widget = item->widget()) {
            widget->hide();
            widget->deleteLater(); // may be the very button whose click got us here
        }
        delete item;
    }
}

void EmptyState::setActions(const QList<QAction*>& actions)
{
    clear(m_actions);
    for (QAction* action : actions) {
        auto* button = new QPushButton(ActionRegistry::plainText(action), this);
        button->setToolTip(action->toolTip());
        if (action == actions.first())
            button->setProperty("kind", "primary");
        connect(button, &QPushButton::clicked, action, &QAction::trigger);
        m_actions->addWidget(button);
    }
}

void EmptyState::setSuggestions(const QStringList& suggestions)
{
    clear(m_suggestions);
    for (const QString& text : suggestions) {
        auto* button = new QPushButton(text, this);
        button->setProperty("kind", "suggestion");
        button->setMaximumWidth(480);
        connect(button, &QPushButton::clicked, this, [this, text] { emit suggestionChosen(text); });
        m_suggestions->addWidget(button, 0, Qt::AlignHCenter);
        button->setMinimumWidth(320);
    }
}

} // namespace mmfree::gui
