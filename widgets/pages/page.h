// What the shell needs of a page: a name for the command line, a title and icon for the rail, and what Esc
// stops.
#pragma once

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
    virtual void stopRunning() {}                            // Esc
};

} // namespace mmfree::gui
