// Many clients at once, and clients that misbehave: nothing hangs, leaks or crosses conversations.
#include "tests/unit/server/server_fixture.h"

#include "engine/core/random.h"

#include <QTest>

#include <thread>

using namespace mmfree;
using namespace mmfree::test;
using nlohmann::json;

namespace
{

constexpr int kClients = 64;

json endlessStream(const std::string& prompt)
{
    json body = endless(prompt, 1'000'000);
    body["stream"] = true;
    return body;
}

std::string textOf(const HttpAnswer& answer)
{
    std::string text;
    for (const std::string& event : eventsOf(answer.body)) {
        if (event != "[DONE]")
            text += json::parse(event)["choices"][0]["text"].get<std::string>();
    }
    return text;
}

template <class Condition>
bool becomes(Condition condition)
{
    return QTest::qWaitFor(condition, 30'000);
}

} // namespace

class ApiServerAbuse : public QObject
{
    Q_OBJECT
private slots:
    void manyClientsProgressTogetherAndGetTheirOwnText();
    void longRequestsDoNotHoldUpShortOnes();
    void aSlowReaderHoldsUpNobodyAndIsLeftBehind();
    void clientsThatGoAwayEndTheirWork();
    void moreConnectionsThanAllowedAreTold();
    void malformedRequests_data();
    void malformedRequests();
    void randomBytesHarmNothing();
    void slowHeadersAreCutOff();
    void requestsHaveATimeLimit();
    void stoppingEndsStreamsWithAWord();
};

void ApiServerAbuse::manyClientsProgressTogetherAndGetTheirOwnText()
{
    ServerFixture alone, f;
    const auto bodyOf = [](int client, int round) {
        json body = endless("the cat " + std::to_string(client) + " sat on " + std::to_string(round), 40);
        body["seed"] = client * 100 + round;
        return body;
    };
    constexpr int kRounds = 3;
    std::vector<std::vector<std::string>> texts(kClients);
    std::vector<std::thread> clients;
    for (int client = 0; client < kClients; ++client) {
        clients.emplace_back([&, client] {
            HttpClient connection(f.port());
            for (int round = 0; round < kRounds; ++round) {
                json body = bodyOf(client, round);
                body["stream"] = (client + round) % 2 == 0;
                connection.send(request("POST", "/v1/completions", body.dump()));
                const HttpAnswer answer = connection.answer();
                texts[static_cast<std::size_t>(client)].push_back(
                    body["stream"] ? textOf(answer)
                                   : json::parse(answer.body)["choices"][0]["text"].get<std::string>());
            }
        });
    }
    for (std::thread& client : clients)
        client.join();
    for (int client = 0; client < kClients; client += 7) {
        for (int round = 0; round < kRounds; ++round) {
            const json expected = alone.complete(bodyOf(client, round))["choices"][0]["text"];
            QCOMPARE(json(texts[static_cast<std::size_t>(client)][static_cast<std::size_t>(round)]),
                     expected);
        }
    }
    QCOMPARE(f.api->stats().failed, std::uint64_t(0));
    QVERIFY(becomes([&] { return f.api->stats().connections == 0; }));
}

void ApiServerAbuse::longRequestsDoNotHoldUpShortOnes()
{
    ServerFixture f;
    std::vector<std::unique_ptr<HttpClient>> busy;
    std::vector<std::thread> readers;
    for (int i = 0; i < 8; ++i) {
        busy.push_back(std::make_unique<HttpClient>(f.port()));
        QVERIFY(busy.back()->send(request("POST", "/v1/completions", endlessStream("the dog").dump())));
        QVERIFY(busy.back()->waitFor("data: "));
    }
    QCOMPARE(f.api->stats().active, 8);
    QCOMPARE(ask(f.port(), "/v1/completions", endless("the cat", 20).dump()).status, 200);
    QVERIFY(becomes([&] { return f.api->stats().active == 8; }));
}

void ApiServerAbuse::aSlowReaderHoldsUpNobodyAndIsLeftBehind()
{
    server::ServerOptions options;
    options.unreadTime = std::chrono::seconds(1);
    ServerFixture f(options);
    HttpClient slow(f.port(), 2048);
    json body = endlessStream("the dog");
    body["logprobs"] = 5;
    QVERIFY(slow.send(request("POST", "/v1/completions", body.dump())));
    QVERIFY(slow.waitFor("data: "));
    QCOMPARE(ask(f.port(), "/v1/completions", endless("the cat", 20).dump()).status, 200);
    QVERIFY(becomes([&] { return f.api->stats().connections == 0; }));
    QVERIFY(becomes([&] { return f.api->stats().active == 0; }));
    // It was not written on for a reader that does not read.
    QVERIFY(f.api->stats().completionTokens < 100'000);
}

void ApiServerAbuse::clientsThatGoAwayEndTheirWork()
{
    ServerFixture f;
    for (const bool stream : {true, false}) {
        for (const bool crash : {true, false}) {
            HttpClient client(f.port());
            json body = endlessStream("the dog");
            body["stream"] = stream;
            QVERIFY(client.send(request("POST", "/v1/completions", body.dump())));
            QVERIFY(becomes([&] { return f.api->stats().active == 1; }));
            if (crash)
                client.reset();
            else
                client.finishSending();
            QVERIFY(becomes([&] { return f.api->stats().active == 0; }));
            QVERIFY(becomes([&] { return f.api->stats().connections == 0; }));
        }
    }
    QCOMPARE(ask(f.port(), "/v1/completions", R"({"prompt":"a","max_tokens":1})").status, 200);
}

void ApiServerAbuse::moreConnectionsThanAllowedAreTold()
{
    server::ServerOptions options;
    options.connections = 4;
    ServerFixture f(options);
    std::vector<std::unique_ptr<HttpClient>> held;
    for (int i = 0; i < 4; ++i) {
        held.push_back(std::make_unique<HttpClient>(f.port()));
        held.back()->send(request("GET", "/health"));
        QCOMPARE(held.back()->answer().status, 200);
    }
    QCOMPARE(get(f.port(), "/health").status, 503);
    held.clear();
    QVERIFY(becomes([&] { return f.api->stats().connections == 0; }));
    QCOMPARE(get(f.port(), "/health").status, 200);
}

void ApiServerAbuse::malformedRequests_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("status"); // 0: closed without an answer
    const std::string start = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n";
    const auto raw = [](const std::string& bytes) { return QByteArray::fromStdString(bytes); };
    QTest::newRow("nonsense") << raw("hello\r\n\r\n") << 400;
    QTest::newRow("binary") << raw(std::string("\x16\x03\x01\x00\xa5\x01\x00\x00", 8) + "\r\n\r\n") << 400;
    QTest::newRow("version") << raw("GET / HTTP/9.9\r\nHost: localhost\r\n\r\n") << 400;
    QTest::newRow("space in target") << raw("GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n") << 400;
    QTest::newRow("no host") << raw("GET /v1/models HTTP/1.1\r\n\r\n") << 403;
    QTest::newRow("length word") << raw(start + "Content-Length: many\r\n\r\n") << 400;
    QTest::newRow("length negative") << raw(start + "Content-Length: -1\r\n\r\n") << 400;
    QTest::newRow("two lengths") << raw(start + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab") << 400;
    QTest::newRow("length too large") << raw(start + "Content-Length: 99999999999\r\n\r\n") << 413;
    QTest::newRow("body too large")
        << raw(start + "Content-Type: application/json\r\nContent-Length: 2000000\r\n\r\n" +
               std::string(2'000'000, 'x'))
        << 413;
    QTest::newRow("chunks too large") << raw(start + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n") << 413;
    QTest::newRow("bad chunk") << raw(start + "Transfer-Encoding: chunked\r\n\r\nzz\r\n") << 400;
    QTest::newRow("header too large") << raw(start + "X: " + std::string(100'000, 'x') + "\r\n\r\n") << 431;
    std::string many = start;
    for (int i = 0; i < 10'000; ++i)
        many += "X" + std::to_string(i) + ": y\r\n";
    QTest::newRow("too many headers") << raw(many + "\r\n") << 431;
    QTest::newRow("line folding") << raw("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n")
                                  << 400;
    QTest::newRow("cut headers") << raw("POST /v1/comp") << 0;
    QTest::newRow("cut body") << raw(start + "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{")
                              << 0;
    QTest::newRow("nothing") << QByteArray() << 0;
}

void ApiServerAbuse::malformedRequests()
{
    QFETCH(QByteArray, bytes);
    QFETCH(int, status);
    ServerFixture f;
    HttpClient client(f.port());
    client.send(bytes.toStdString());
    client.finishSending();
    const HttpAnswer answer = client.answer();
    QCOMPARE(answer.status, status);
    if (status != 0)
        QVERIFY(json::parse(answer.body)["error"]["message"].is_string());
    QVERIFY(client.waitForClose());
    QVERIFY(becomes([&] { return f.api->stats().connections == 0; }));
    QCOMPARE(get(f.port(), "/v1/models").status, 200);
}

// Valid requests with seeded damage: cut, doubled, with bytes changed.
void ApiServerAbuse::randomBytesHarmNothing()
{
    ServerFixture f;
    Random random(7);
    const std::vector<std::string> seeds = {
        request("POST", "/v1/completions",
                R"({"prompt":"the cat","max_tokens":3,"stop":["a","b"],"logprobs":2})"),
        request("POST", "/v1/chat/completions",
                R"({"messages":[{"role":"user","content":"a"}],"stream":true,"max_tokens":2})"),
        request("GET", "/v1/models", {}, "Accept: */*\r\nUser-Agent: x\r\n"),
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"pro\r\n0\r\n\r\n",
    };
    for (int round = 0; round < 300; ++round) {
        std::string bytes = seeds[random.below(seeds.size())];
        const auto damages = 1 + random.below(4);
        for (std::uint64_t i = 0; i < damages; ++i) {
            const std::size_t at = random.below(bytes.size());
            switch (random.below(4)) {
            case 0:
                bytes[at] = static_cast<char>(random.below(256));
                break;
            case 1:
                bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(40)));
                break;
            case 2:
                bytes.erase(at, random.below(20) + 1);
                if (bytes.empty())
                    bytes = "x";
                break;
            default:
                bytes.insert(at, std::string(random.below(200), static_cast<char>(random.below(256))));
            }
        }
        HttpClient client(f.port());
        client.send(bytes);
        client.finishSending();
        QVERIFY(client.waitForClose());
    }
    QVERIFY(becomes([&] { return f.api->stats().connections == 0 && f.api->stats().active == 0; }));
    QCOMPARE(ask(f.port(), "/v1/completions", R"({"prompt":"a","max_tokens":1})").status, 200);
}

void ApiServerAbuse::slowHeadersAreCutOff()
{
    server::ServerOptions options;
    options.headerTime = std::chrono::seconds(1);
    ServerFixture f(options);
    HttpClient client(f.port());
    QVERIFY(client.send("GET /v1/models HTTP/1.1\r\nX-"));
    QVERIFY(client.waitForClose());
    QVERIFY(becomes([&] { return f.api->stats().connections == 0; }));
}

void ApiServerAbuse::requestsHaveATimeLimit()
{
    server::ServerOptions options;
    options.requestTime = std::chrono::seconds(1);
    ServerFixture f(options);
    json body = endless("the dog", 1'000'000);
    const HttpAnswer answer = ask(f.port(), "/v1/completions", body.dump());
    QCOMPARE(answer.status, 504);
    QVERIFY(answer.body.find("1 seconds") != std::string::npos);
}

void ApiServerAbuse::stoppingEndsStreamsWithAWord()
{
    ServerFixture f;
    HttpClient streaming(f.port()), waiting(f.port()), idle(f.port());
    QVERIFY(streaming.send(request("POST", "/v1/completions", endlessStream("the dog").dump())));
    QVERIFY(streaming.waitFor("data: "));
    QVERIFY(waiting.send(request("POST", "/v1/completions", endless("the cat", 1'000'000).dump())));
    QVERIFY(becomes([&] { return f.api->stats().active == 2; }));
    std::thread reader([&] { // so that the stream is not congested
        (void)streaming.waitFor("shutting down");
    });
    f.api->stop(std::chrono::milliseconds(10));
    reader.join();
    QVERIFY(streaming.received().find("shutting down") != std::string::npos);
    QCOMPARE(waiting.answer().status, 503);
    QVERIFY(idle.waitForClose());
    QVERIFY(!HttpClient(f.port()).connected());
}

QTEST_GUILESS_MAIN(ApiServerAbuse)
#include "tst_api_server_abuse.moc"
