// The local server as a person uses it: off at first, switched on by a click, answering, shown, switched off.
#include "app/server/server_dialog.h"
#include "tests/gui/window_fixture.h"
#include "tests/unit/server/http_client.h"
#include "widgets/actions/action_registry.h"

#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTableWidget>
#include <QTest>

#include <future>

namespace mmfree
{

using test::WindowFixture;

class ServerDialogTest : public QObject
{
    Q_OBJECT

    // A port that was free a moment ago.
    static quint16 freePort()
    {
        static quint16 next = static_cast<quint16>(20'000 + QCoreApplication::applicationPid() % 20'000);
        while (test::HttpClient(++next).connected()) {
        }
        return next;
    }

private slots:
    void isOffUntilSwitchedOnAndShowsRequests()
    {
        WindowFixture window;
        window.open();
        window.m_window->actions().action("app.server")->trigger();
        auto* dialog = window.m_window->findChild<app::ServerDialog*>();
        QVERIFY(dialog && dialog->isVisible());
        const quint16 port = freePort();
        window.child<QSpinBox>("serverPort")->setValue(port);
        QVERIFY(!test::HttpClient(port).connected());

        window.child<QLineEdit>("serverKey")->setText("secret");
        window.click(window.child<QPushButton>("serverSwitch"));
        auto* status = window.child<QLabel>("serverStatus");
        QTRY_VERIFY2(status->text().contains(QString("http://127.0.0.1:%1/v1").arg(port)),
                     qPrintable(status->text()));
        QVERIFY(!window.child<QSpinBox>("serverPort")->isEnabled());
        QVERIFY(window.child<QPlainTextEdit>("serverExample")->toPlainText().contains("Bearer secret"));

        auto refused = std::async(std::launch::async, [port] { return test::get(port, "/v1/models"); });
        auto answered = std::async(std::launch::async, [port] {
            test::HttpClient client(port);
            client.send(test::request("POST", "/v1/chat/completions",
                                      R"({"messages":[{"role":"user","content":"Hello"}],"max_tokens":5})",
                                      "Authorization: Bearer secret\r\n"));
            return client.answer();
        });
        QCOMPARE(refused.get().status, 401);
        QCOMPARE(answered.get().status, 200);
        auto* requests = window.child<QTableWidget>("serverRequests");
        QTRY_COMPARE(requests->rowCount(), 2);

        window.click(window.child<QPushButton>("serverSwitch"));
        QTRY_VERIFY(window.child<QSpinBox>("serverPort")->isEnabled());
        QVERIFY(!test::HttpClient(port).connected());
    }

    void saysWhyItCannotStart()
    {
        WindowFixture window;
        window.open("/models/silent"); // brings no tokenizer
        window.m_window->actions().action("app.server")->trigger();
        window.child<QSpinBox>("serverPort")->setValue(freePort());
        window.click(window.child<QPushButton>("serverSwitch"));
        auto* status = window.child<QLabel>("serverStatus");
        QTRY_VERIFY2(status->text().contains("tokenizer"), qPrintable(status->text()));
    }

    void closingTheWindowEndsTheServer()
    {
        const quint16 port = freePort();
        {
            WindowFixture window;
            window.open();
            window.m_window->actions().action("app.server")->trigger();
            window.child<QSpinBox>("serverPort")->setValue(port);
            window.click(window.child<QPushButton>("serverSwitch"));
            QTRY_VERIFY(window.child<QLabel>("serverStatus")->text().contains("127.0.0.1"));
        }
        QVERIFY(!test::HttpClient(port).connected());
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::ServerDialogTest)
#include "tst_server_dialog.moc"
