#include "widgets/actions/action_registry.h"

#include "widgets/theme/icon.h"

#include <QWidget>

namespace mmfree::gui
{

ActionRegistry::ActionRegistry(QObject* parent)
    : QObject(parent)
{
}

QAction* ActionRegistry::add(const ActionSpec& spec)
{
    auto* action = new QAction(spec.text, this);
    action->setObjectName(spec.id);
    action->setProperty("category", spec.category);
    action->setShortcuts(spec.shortcuts);
    if (!spec.icon.isEmpty())
        action->setIcon(themedIcon(spec.icon));
    const QString hint = spec.hint.isEmpty() ? plainText(action) : spec.hint;
    const QString keys = action->shortcut().toString(QKeySequence::NativeText);
    action->setToolTip(keys.isEmpty() ? hint : tr("%1 (%2)").arg(hint, keys));
    for ([[maybe_unused]] const QAction* other : std::as_const(m_actions))
        Q_ASSERT_X(other->objectName() != spec.id, "ActionRegistry::add", qPrintable(spec.id));
    if (spec.scope) {
        action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
        spec.scope->addAction(action);
    }
    m_actions.append(action);
    return action;
}

QAction* ActionRegistry::action(const QString& id) const
{
    for (QAction* candidate : m_actions) {
        if (candidate->objectName() == id)
            return candidate;
    }
    Q_ASSERT_X(false, "ActionRegistry::action", qPrintable(id));
    return nullptr;
}

QString ActionRegistry::category(const QAction* action)
{
    return action->property("category").toString();
}

QString ActionRegistry::plainText(const QAction* action)
{
    QString text = action->text();
    text.remove(QLatin1Char('&'));
    text.remove(QChar(0x2026));
    return text;
}

} // namespace mmfree::gui
