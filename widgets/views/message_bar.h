// One line under the menu for what people must know: a plain title, the exact detail, an optional action.
#pragma once

#include <QFrame>
#include <QTimer>

#include <functional>

class QLabel;
class QPushButton;
class QToolButton;

namespace mmfree::gui
{

class MessageBar : public QFrame
{
    Q_OBJECT
public:
    enum class Severity { Information, Warning, Error };

    explicit MessageBar(QWidget* parent = nullptr);

    // Replaces what is shown. `milliseconds` 0: stays until closed. `onClosed` runs once when it goes without
    // action.
    void showMessage(Severity severity, const QString& title, const QString& detail, int milliseconds = 0);
    void showAction(Severity severity, const QString& title, const QString& actionText, int milliseconds,
                    std::function<void()> action);
    void clear();
    [[nodiscard]] QString title() const;
    [[nodiscard]] QString detail() const;

private:
    void present(Severity severity, const QString& title, const QString& detail, int milliseconds);

    QLabel *m_icon, *m_title, *m_detail;
    QPushButton* m_action;
    QToolButton* m_close;
    QTimer m_timer;
    std::function<void()> m_callback;
};

} // namespace mmfree::gui
