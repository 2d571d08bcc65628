// Every action of the window, once: menus, shortcuts, the command palette and the shortcuts dialog all read
// this list.
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QList>
#include <QObject>
#include <QString>

class QWidget;

namespace mmfree::gui
{

struct ActionSpec {
    QString id;       // "chat.new"; stable, for tests and settings
    QString category; // translated; groups the shortcuts dialog and the palette
    QString text;     // translated, with mnemonic
    QString icon;     // name for themedIcon; empty: none
    QList<QKeySequence> shortcuts;
    QString hint; // one sentence for status tip and tooltip; empty: the text
    QWidget* scope =
        nullptr; // the page whose keyboard focus makes the shortcuts work; null: the whole window
};

class ActionRegistry : public QObject
{
    Q_OBJECT
public:
    explicit ActionRegistry(QObject* parent = nullptr);

    QAction* add(const ActionSpec& spec);                                      // ids are unique (asserted)
    [[nodiscard]] QAction* action(const QString& id) const;                    // must exist (asserted)
    [[nodiscard]] const QList<QAction*>& actions() const { return m_actions; } // in the order of adding
    [[nodiscard]] static QString category(const QAction* action);
    [[nodiscard]] static QString plainText(const QAction* action); // without mnemonic marks and dots

private:
    QList<QAction*> m_actions;
};

} // namespace mmfree::gui
