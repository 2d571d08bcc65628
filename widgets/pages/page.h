// What the shell needs of a page: a name for the command line, a title and icon for the rail, its menu, what
// F6 goes through, and what is remembered between starts.
#pragma once

#include <QByteArray>
#include <QStringList>
#include <QWidget>

namespace mmfree::gui
{

class Page : public QWidget
{
    Q_OBJECT
public:
    using QWidget::QWidget;

    [[nodiscard]] virtual QString id() const = 0;            // "chat"
    [[nodiscard]] virtual QString title() const = 0;         // translated
    [[nodiscard]] virtual QString iconName() const = 0;      // for themedIcon
    [[nodiscard]] virtual QList<QWidget*> panes() const = 0; // F6 goes through these
    // Ids of the registry's actions for this page's own menu, "" for a separator. Empty: no menu.
    [[nodiscard]] virtual QStringList menuActions() const { return {}; }
    // Splitters, chosen tabs and columns; stored by the shell under the page's id.
    [[nodiscard]] virtual QByteArray saveLayout() const { return {}; }
    virtual void restoreLayout(const QByteArray& /*layout*/) {}
    // A part of the page by name, for `--page explore/state`. False: there is no such part.
    virtual bool showView(const QString& /*name*/) { return false; }
    // False while work started by showing the page still changes what it shows; pictures wait for it.
    [[nodiscard]] virtual bool isSettled() const { return true; }
    virtual void startWorking() { setFocus(Qt::OtherFocusReason); } // shown by the user: take the keyboard
};

} // namespace mmfree::gui
