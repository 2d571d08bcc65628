// The real window over the scripted model, with its own data folder, and the clicks and keys tests make.
#pragma once

#include "app/main_window.h"

#include "tests/gui/fake_model.h"
#include "widgets/views/message_view.h"

#include <QPlainTextEdit>
#include <QTemporaryDir>

namespace mmfree::test
{

class WindowFixture
{
public:
    // `open` empty: the scripted model.
    // `adjust` may change what the window is given.
    explicit WindowFixture(QString dataFolder = {}, gui::OpenFunction open = {},
                           const std::function<void(app::WindowSetup&)>& adjust = {});
    ~WindowFixture();

    void open(const QString& model = QStringLiteral("/models/pocket")); // and waits
    void type(const QString& text);
    void press(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier); // to the focused widget
    void click(QWidget* widget);
    void send(const QString& text) // types and presses Enter
    {
        type(text);
        press(Qt::Key_Return);
    }
    bool waitIdle();
    void set(const QString& field, const QJsonValue& value); // of the current chat
    [[nodiscard]] QPlainTextEdit* editor() const;
    [[nodiscard]] QList<gui::MessageView*> messages() const; // visible ones, in reading order
    [[nodiscard]] QString lastText() const;
    template <class Widget>
    [[nodiscard]] Widget* child(const char* name) const
    {
        return m_window->findChild<Widget*>(QString::fromLatin1(name));
    }

    QTemporaryDir m_temporary;
    QString m_dataFolder;
    std::shared_ptr<FakeControl> m_control;
    std::unique_ptr<app::MainWindow> m_window;
};

} // namespace mmfree::test
