#include "tests/gui/window_fixture.h"

#include "widgets/chat/chat_controller.h"
#include "widgets/pages/chat_page.h"
#include "widgets/views/transcript_view.h"
#include "widgets/workers/inference_service.h"

#include <QApplication>
#include <QTest>

#include <algorithm>

namespace mmfree::test
{

WindowFixture::WindowFixture(QString dataFolder, gui::OpenFunction open,
                             const std::function<void(app::WindowSetup&)>& adjust)
    : m_dataFolder(dataFolder.isEmpty() ? m_temporary.path() : std::move(dataFolder))
    , m_control(std::make_shared<FakeControl>())
{
    app::WindowSetup setup;
    setup.dataFolder = m_dataFolder;
    setup.openModel = open ? std::move(open) : fakeOpen(m_control);
    setup.listBackends = fakeBackends();
    if (adjust)
        adjust(setup);
    m_window = std::make_unique<app::MainWindow>(setup);
    QObject::connect(
        &m_window->chat(), &gui::ChatController::problem, m_window.get(),
        [](const QString& title, const QString& detail) { qInfo().noquote() << title << detail; });
    m_window->resize(1200, 760);
    m_window->show();
    QApplication::setActiveWindow(m_window.get());
    (void)QTest::qWaitForWindowActive(m_window.get());
}

WindowFixture::~WindowFixture()
{
    m_control->release();
}

void WindowFixture::open(const QString& model)
{
    m_window->openModel(model);
    QTRY_VERIFY(!m_window->service().isOpening());
}

void WindowFixture::type(const QString& text)
{
    editor()->setFocus();
    QTest::keyClicks(editor(), text);
}

void WindowFixture::press(Qt::Key key, Qt::KeyboardModifiers modifiers)
{
    QWidget* target = QApplication::focusWidget();
    QTest::keyClick(target ? target : m_window.get(), key, modifiers);
}

void WindowFixture::click(QWidget* widget)
{
    QTest::mouseClick(widget, Qt::LeftButton);
}

void WindowFixture::set(const QString& field, const QJsonValue& value)
{
    m_window->chat().setChatValue(field, value);
}

bool WindowFixture::waitIdle()
{
    return QTest::qWaitFor([this] { return !m_window->chat().isBusy(); }, 10'000);
}

QPlainTextEdit* WindowFixture::editor() const
{
    return child<QPlainTextEdit>("composerEditor");
}

QList<gui::MessageView*> WindowFixture::messages() const
{
    QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
    QTest::qWait(0);
    QList<gui::MessageView*> views =
        child<gui::TranscriptView>("transcript")->findChildren<gui::MessageView*>();
    std::sort(views.begin(), views.end(), [](const auto* a, const auto* b) { return a->y() < b->y(); });
    return views;
}

QString WindowFixture::lastText() const
{
    const auto views = messages();
    return views.isEmpty() ? QString() : views.last()->message().text;
}

} // namespace mmfree::test
