// The server as its clients see it, over real sockets and a scripted model.
#include "tests/unit/server/server_fixture.h"

#include "tests/support/expect_error.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <thread>

using namespace mmfree;
using namespace mmfree::test;
using nlohmann::json;

class ApiServerTest : public QObject
{
    Q_OBJECT
private slots:
    void listsItsModel();
    void completionHasTheShapeClientsRead();
    void theSameSeedGivesTheSameText();
    void chatStreamsWhatItWouldAnswerWhole();
    void completionLogprobsAndEcho();
    void chatLogprobs();
    void stopStringsEndTheText();
    void severalChoicesAndPrompts();
    void penaltiesAndBiases();
    void aFollowUpReadsOnlyWhatIsNew();
    void anotherConversationShareNothingButItsCommonStart();
    void errorsAreJson_data();
    void errorsAreJson();
    void aContextThatIsTooSmallIsSaid();
    void keepsConnectionsAndAnswersInOrder();
    void expectsHeadsAndOldClients();
    void asksForTheKey();
    void pagesNeedPermission();
    void refusesOptionsThatContradict();
    void recordsRequestsWithoutTheirText();
    void aFailingModelIsAnError();
};

void ApiServerTest::listsItsModel()
{
    ServerFixture f;
    const HttpAnswer answer = get(f.port(), "/v1/models");
    QCOMPARE(answer.status, 200);
    QCOMPARE(answer.headers.at("content-type"), std::string("application/json"));
    const json list = json::parse(answer.body);
    QCOMPARE(list["object"], json("list"));
    QCOMPARE(list["data"][0]["id"], json("pocket"));
    QCOMPARE(json::parse(get(f.port(), "/v1/models/pocket").body)["id"], json("pocket"));
    QCOMPARE(get(f.port(), "/v1/models/other").status, 404);
    QCOMPARE(get(f.port(), "/health").status, 200);
    QVERIFY(f.api->address().starts_with("http://127.0.0.1:"));
}

void ApiServerTest::completionHasTheShapeClientsRead()
{
    ServerFixture f;
    const json answer =
        f.complete({{"model", "pocket"}, {"prompt", "the cat"}, {"max_tokens", 5}, {"seed", 3}});
    QCOMPARE(answer["object"], json("text_completion"));
    QCOMPARE(answer["model"], json("pocket"));
    QVERIFY(answer["id"].get<std::string>().starts_with("cmpl-"));
    QVERIFY(answer["choices"][0]["text"].is_string());
    QVERIFY(answer["choices"][0]["logprobs"].is_null());
    QVERIFY(answer["usage"]["completion_tokens"] <= 5);
    QCOMPARE(answer["usage"]["prompt_tokens"], json(servedTokenizer()->encode("the cat").size() + 1));
    const bool ended = answer["choices"][0]["finish_reason"] == "stop";
    QVERIFY(ended || answer["usage"]["completion_tokens"] == 5);
}

void ApiServerTest::theSameSeedGivesTheSameText()
{
    ServerFixture f;
    const json once = f.complete(endless("the dog", 40)), again = f.complete(endless("the dog", 40));
    QCOMPARE(once["choices"], again["choices"]);
    json other = endless("the dog", 40);
    other["seed"] = 2;
    QVERIFY(f.complete(other)["choices"] != once["choices"]);
    QVERIFY(again["usage"]["prompt_tokens_details"]["cached_tokens"] > 0);
}

void ApiServerTest::chatStreamsWhatItWouldAnswerWhole()
{
    ServerFixture f;
    json body = {{"messages", {{{"role", "user"}, {"content", "the cat"}}}}, {"max_tokens", 60}, {"seed", 9}};
    const json whole = f.chat(body);
    QCOMPARE(whole["object"], json("chat.completion"));
    QCOMPARE(whole["choices"][0]["message"]["role"], json("assistant"));
    body["stream"] = true;
    body["stream_options"] = {{"include_usage", true}};
    const HttpAnswer streamed = ask(f.port(), "/v1/chat/completions", body.dump());
    QVERIFY(streamed.complete);
    QVERIFY(streamed.headers.at("content-type").starts_with("text/event-stream"));
    const std::vector<std::string> events = eventsOf(streamed.body);
    QCOMPARE(events.back(), std::string("[DONE]"));
    std::string text;
    json finish, usage;
    for (std::size_t i = 0; i + 1 < events.size(); ++i) {
        const json chunk = json::parse(events[i]);
        QCOMPARE(chunk["object"], json("chat.completion.chunk"));
        if (chunk["choices"].empty()) {
            usage = chunk["usage"];
            continue;
        }
        QVERIFY(chunk["usage"].is_null());
        const json& delta = chunk["choices"][0]["delta"];
        QCOMPARE(delta.contains("role"), i == 0);
        text += delta.value("content", "");
        if (!chunk["choices"][0]["finish_reason"].is_null())
            finish = chunk["choices"][0]["finish_reason"];
    }
    QCOMPARE(json(text), whole["choices"][0]["message"]["content"]);
    QCOMPARE(finish, whole["choices"][0]["finish_reason"]);
    QCOMPARE(usage["completion_tokens"], whole["usage"]["completion_tokens"]);
}

void ApiServerTest::completionLogprobsAndEcho()
{
    ServerFixture f;
    json body = endless("the cat sat", 6);
    body["logprobs"] = 3;
    body["echo"] = true;
    const json choice = f.complete(body)["choices"][0];
    const json& logprobs = choice["logprobs"];
    const std::string text = choice["text"];
    QVERIFY(text.starts_with("the cat sat"));
    const std::size_t count = servedTokenizer()->encode("the cat sat").size() + 6;
    for (const char* list : {"tokens", "token_logprobs", "top_logprobs", "text_offset"})
        QCOMPARE(logprobs[list].size(), count);
    std::size_t last = 0;
    for (std::size_t i = 0; i < count; ++i) {
        QVERIFY(logprobs["token_logprobs"][i] <= 0.0);
        QVERIFY(logprobs["top_logprobs"][i].size() >= 3 && logprobs["top_logprobs"][i].size() <= 4);
        QVERIFY(logprobs["text_offset"][i] >= last);
        last = logprobs["text_offset"][i];
    }
    body["max_tokens"] = 0; // scoring alone
    const json scored = f.complete(body)["choices"][0];
    QCOMPARE(scored["text"], json("the cat sat"));
    QCOMPARE(scored["logprobs"]["tokens"].size(), count - 6);
    for (std::size_t i = 0; i < count - 6; ++i)
        QCOMPARE(scored["logprobs"]["token_logprobs"][i], logprobs["token_logprobs"][i]);
}

void ApiServerTest::chatLogprobs()
{
    ServerFixture f;
    const json choice = f.chat({{"messages", {{{"role", "user"}, {"content", "the dog"}}}},
                                {"max_tokens", 4},
                                {"seed", 2},
                                {"logprobs", true},
                                {"top_logprobs", 2}})["choices"][0];
    const json& content = choice["logprobs"]["content"];
    QVERIFY(!content.empty() && content.size() <= 4);
    std::string bytes;
    for (const json& token : content) {
        QCOMPARE(token["top_logprobs"].size(), std::size_t(2));
        QVERIFY(token["top_logprobs"][0]["logprob"] >= token["top_logprobs"][1]["logprob"]);
        for (const json& byte : token["bytes"])
            bytes += static_cast<char>(byte.get<int>());
    }
    if (findInvalidUtf8(bytes) == std::string_view::npos)
        QVERIFY(choice["message"]["content"].get<std::string>().find(bytes) != std::string::npos ||
                choice["finish_reason"] == "stop");
}

void ApiServerTest::stopStringsEndTheText()
{
    const Tokenizer& tokenizer = *servedTokenizer();
    const auto prompt = static_cast<std::int64_t>(tokenizer.encode("a").size()) + 1;
    ServerFixture f({}, [&](FakeExecutor& executor) {
        executor.say(prompt, tokenizer.encode(" the cat sat on the mat"));
    });
    const auto text = [&](const json& stop) {
        return f.complete(
            {{"prompt", "a"}, {"max_tokens", 30}, {"temperature", 0}, {"stop", stop}})["choices"][0];
    };
    QCOMPARE(text("sat")["text"], json(" the cat "));
    QCOMPARE(text({"zzz", "on the"})["text"], json(" the cat sat "));
    QCOMPARE(text("sat")["finish_reason"], json("stop"));
}

void ApiServerTest::severalChoicesAndPrompts()
{
    ServerFixture f;
    json body = endless("x", 12);
    body["prompt"] = {"the cat", "the dog"};
    body["n"] = 2;
    const json choices = f.complete(body)["choices"];
    QCOMPARE(choices.size(), std::size_t(4));
    for (std::size_t i = 0; i < 4; ++i)
        QCOMPARE(choices[i]["index"], json(i));
    QVERIFY(choices[0]["text"] != choices[1]["text"]);
    // A choice is the one a request of its own would give.
    const json alone = f.complete(endless("the cat", 12))["choices"][0];
    QCOMPARE(choices[0]["text"], alone["text"]);
}

void ApiServerTest::penaltiesAndBiases()
{
    ServerFixture f;
    const TokenId wanted = servedTokenizer()->encode(" cat").back();
    const json biased =
        f.complete({{"prompt", "the"}, {"max_tokens", 5}, {"logit_bias", {{std::to_string(wanted), 100}}}});
    QCOMPARE(biased["choices"][0]["text"].get<std::string>(),
             servedTokenizer()
                 ->decode(std::vector<TokenId>(6, wanted))
                 .substr(servedTokenizer()->bytesOf(wanted).size()));
    const json penalised = f.complete({{"prompt", "the"},
                                       {"max_tokens", 5},
                                       {"frequency_penalty", 2},
                                       {"presence_penalty", 2},
                                       {"temperature", 0},
                                       {"logit_bias", {{std::to_string(wanted), 6}}}});
    QVERIFY(penalised["choices"][0]["text"] != biased["choices"][0]["text"]);
}

void ApiServerTest::aFollowUpReadsOnlyWhatIsNew()
{
    ServerFixture f;
    json messages = {{{"role", "user"}, {"content", "the cat sat on the mat and the dog ran to the park"}}};
    const json bias = {{std::to_string(servedTokenizer()->eosId()), -100}};
    std::int64_t known = 0;
    for (int turn = 0; turn < 4; ++turn) {
        const json answer =
            f.chat({{"messages", messages}, {"max_tokens", 20}, {"seed", turn}, {"logit_bias", bias}});
        const std::int64_t cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"];
        // Everything of the turns before but the newest token of the answer, or the tokens of a stop string.
        QVERIFY2(cached >= known, answer.dump().c_str());
        known = answer["usage"]["prompt_tokens"].get<std::int64_t>() - 1;
        if (answer["choices"][0]["finish_reason"] == "length")
            known += answer["usage"]["completion_tokens"].get<std::int64_t>();
        messages.push_back(answer["choices"][0]["message"]);
        messages.back().erase("refusal");
        messages.push_back({{"role", "user"}, {"content", "and then"}});
    }
    QVERIFY(known > 60);
}

void ApiServerTest::anotherConversationShareNothingButItsCommonStart()
{
    ServerFixture warm, cold;
    const json first = {{"messages",
                         {{{"role", "system"}, {"content", "the man in the park"}},
                          {{"role", "user"}, {"content", "the cat"}}}},
                        {"max_tokens", 20},
                        {"seed", 1}};
    json second = first;
    second["messages"][1]["content"] = "the dog";
    (void)warm.chat(first);
    const json shared = warm.chat(second), fresh = cold.chat(second);
    QCOMPARE(shared["choices"], fresh["choices"]);
    QVERIFY(shared["usage"]["prompt_tokens_details"]["cached_tokens"] > 0);
    QCOMPARE(fresh["usage"]["prompt_tokens_details"]["cached_tokens"], json(0));
}

void ApiServerTest::errorsAreJson_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("status");
    const auto raw = [](const std::string& bytes) { return QByteArray::fromStdString(bytes); };
    const std::string good = R"({"prompt":"a","max_tokens":1})";
    QTest::newRow("unknown path") << raw(request("GET", "/v1/nothing")) << 404;
    QTest::newRow("file") << raw(request("GET", "/../../etc/passwd")) << 404;
    QTest::newRow("file below models") << raw(request("GET", "/v1/models/..%2f..%2fetc%2fpasswd")) << 404;
    QTest::newRow("get completion") << raw(request("GET", "/v1/completions")) << 405;
    QTest::newRow("post models") << raw(request("POST", "/v1/models", "{}")) << 405;
    QTest::newRow("delete") << raw(request("DELETE", "/v1/models/pocket")) << 405;
    QTest::newRow("wrong model") << raw(request("POST", "/v1/completions",
                                                R"({"prompt":"a","model":"gpt-4"})"))
                                 << 404;
    QTest::newRow("not json") << raw(request("POST", "/v1/completions", "{")) << 400;
    QTest::newRow("empty body") << raw("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                       "application/json\r\nContent-Length: 0\r\n\r\n")
                                << 400;
    QTest::newRow("form") << raw("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                 "text/plain\r\nContent-Length: 29\r\n\r\n" +
                                 good)
                          << 415;
    QTest::newRow("foreign host") << raw("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n") << 403;
    QTest::newRow("foreign page") << raw(request("GET", "/v1/models", {}, "Origin: http://evil.example\r\n"))
                                  << 403;
    QTest::newRow("invalid utf-8") << raw(request("POST", "/v1/completions", "{\"prompt\":\"\xff\xfe\"}"))
                                   << 400;
}

void ApiServerTest::errorsAreJson()
{
    QFETCH(QByteArray, bytes);
    QFETCH(int, status);
    ServerFixture f;
    HttpClient client(f.port());
    QVERIFY(client.send(bytes.toStdString()));
    const HttpAnswer answer = client.answer();
    QCOMPARE(answer.status, status);
    const json error = json::parse(answer.body)["error"];
    QVERIFY(error["message"].is_string() && error["type"].is_string());
    QVERIFY(error.contains("param") && error.contains("code"));
    QCOMPARE(ask(f.port(), "/v1/completions", R"({"prompt":"a","max_tokens":1})").status, 200);
}

void ApiServerTest::aContextThatIsTooSmallIsSaid()
{
    ServerFixture f({}, [](FakeExecutor& executor) {
        executor.m_config.architecture = Architecture::Transformer;
        executor.m_config.maxPositions = 16;
    });
    const HttpAnswer full =
        ask(f.port(), "/v1/completions", json{{"prompt", std::vector<int>(17, 5)}, {"max_tokens", 1}}.dump());
    QCOMPARE(full.status, 400);
    QCOMPARE(json::parse(full.body)["error"]["code"], json("context_length_exceeded"));
    json body = endless("", 100);
    body["prompt"] = std::vector<int>(10, 5);
    const json answer = f.complete(body);
    QCOMPARE(answer["choices"][0]["finish_reason"], json("length"));
    QCOMPARE(answer["usage"]["completion_tokens"], json(7)); // the last one need not be read
}

void ApiServerTest::keepsConnectionsAndAnswersInOrder()
{
    ServerFixture f;
    HttpClient client(f.port());
    for (int i = 0; i < 3; ++i) {
        client.send(request("GET", "/v1/models"));
        QCOMPARE(client.answer().status, 200);
    }
    // Three at once: a list, a text, an error.
    client.send(request("GET", "/v1/models") +
                request("POST", "/v1/completions", R"({"prompt":"a","max_tokens":3})") +
                request("GET", "/x"));
    QCOMPARE(client.answer().status, 200);
    const HttpAnswer text = client.answer();
    QVERIFY(text.body.find("text_completion") != std::string::npos);
    QCOMPARE(client.answer().status, 404);
    client.send(request("GET", "/v1/models", {}, "Connection: close\r\n"));
    QCOMPARE(client.answer().headers.at("connection"), std::string("close"));
    QVERIFY(client.waitForClose());
}

void ApiServerTest::expectsHeadsAndOldClients()
{
    ServerFixture f;
    HttpClient expecting(f.port());
    const std::string body = R"({"prompt":"a","max_tokens":1})";
    const std::string whole = request("POST", "/v1/completions", body, "Expect: 100-continue\r\n");
    expecting.send(whole.substr(0, whole.size() - body.size()));
    QVERIFY(expecting.waitFor("HTTP/1.1 100 Continue\r\n\r\n"));
    QCOMPARE(expecting.answer().status, 100);
    expecting.send(body);
    QCOMPARE(expecting.answer().status, 200);

    HttpClient head(f.port());
    head.send(request("HEAD", "/v1/models", {}, "Connection: close\r\n"));
    QVERIFY(head.waitFor("\r\n\r\n"));
    QVERIFY(head.received().ends_with("\r\n\r\n"));

    HttpClient old(f.port());
    const std::string stream = R"({"prompt":"a","max_tokens":3,"stream":true})";
    old.send("POST /v1/completions HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             "Content-Length: " +
             std::to_string(stream.size()) + "\r\n\r\n" + stream);
    const HttpAnswer answer = old.answer();
    QCOMPARE(answer.status, 200);
    QVERIFY(!answer.headers.contains("transfer-encoding"));
    QCOMPARE(eventsOf(answer.body).back(), std::string("[DONE]"));
}

void ApiServerTest::asksForTheKey()
{
    server::ServerOptions options;
    options.apiKey = "open-sesame";
    ServerFixture f(options);
    const auto with = [&](const std::string& header) {
        HttpClient client(f.port());
        client.send(request("GET", "/v1/models", {}, header));
        return client.answer();
    };
    const HttpAnswer without = with("");
    QCOMPARE(without.status, 401);
    QCOMPARE(without.headers.at("www-authenticate"), std::string("Bearer"));
    QCOMPARE(with("Authorization: Bearer open-sesam\r\n").status, 401);
    QCOMPARE(with("Authorization: Bearer open-sesame\r\n").status, 200);
}

void ApiServerTest::pagesNeedPermission()
{
    server::ServerOptions options;
    options.apiKey = "key";
    options.allowedOrigins = {"http://ui.example"};
    ServerFixture f(options);
    HttpClient client(f.port());
    client.send(request("OPTIONS", "/v1/chat/completions", {},
                        "Origin: http://ui.example\r\nAccess-Control-Request-Method: POST\r\n"));
    const HttpAnswer preflight = client.answer();
    QCOMPARE(preflight.status, 204);
    QCOMPARE(preflight.headers.at("access-control-allow-origin"), std::string("http://ui.example"));
    QVERIFY(preflight.headers.at("access-control-allow-headers").find("Authorization") != std::string::npos);
}

void ApiServerTest::refusesOptionsThatContradict()
{
    const auto start = [](const std::function<void(server::ServerOptions&, server::ServedModel&)>& change) {
        server::ServerOptions options;
        options.port = 0;
        server::ServedModel model{
            "m", std::make_shared<FakeExecutor>(kServedVocabulary), servedTokenizer(), {}, "1"};
        change(options, model);
        const server::ApiServer api(std::move(model), options);
    };
    MMFREE_EXPECT_ERROR(start([](auto& options, auto&) { options.host = "0.0.0.0"; }),
                        ErrorCode::InvalidArgument, "0.0.0.0", "API key");
    MMFREE_EXPECT_ERROR(start([](auto& options, auto&) {
                            options.host = "example.org";
                            options.apiKey = "k";
                        }),
                        ErrorCode::InvalidArgument, "example.org");
    MMFREE_EXPECT_ERROR(start([](auto&, auto& model) { model.tokenizer.reset(); }),
                        ErrorCode::InvalidArgument, "tokenizer");
    ServerFixture f;
    MMFREE_EXPECT_ERROR(start([&](auto& options, auto&) { options.port = f.port(); }), ErrorCode::Io,
                        std::to_string(f.port()));
}

void ApiServerTest::recordsRequestsWithoutTheirText()
{
    ServerFixture f;
    (void)f.complete({{"prompt", "the cat"}, {"max_tokens", 3}});
    (void)get(f.port(), "/nothing");
    f.api->stop(std::chrono::seconds(5));
    QCOMPARE(f.records.size(), std::size_t(2));
    // Each connection records its request when it has written the answer; two of them in either order.
    std::sort(f.records.begin(), f.records.end(),
              [](const auto& a, const auto& b) { return a.status < b.status; });
    QCOMPARE(f.records[0].status, 200);
    QVERIFY(f.records[0].promptTokens > 0 && f.records[0].completionTokens > 0);
    QCOMPARE(f.records[1].status, 404);
    const server::ServerStats stats = f.api->stats();
    QCOMPARE(stats.requests, std::uint64_t(2));
    QCOMPARE(stats.failed, std::uint64_t(1));
    QCOMPARE(stats.connections, 0);
}

void ApiServerTest::aFailingModelIsAnError()
{
    std::atomic<bool> fails = true;
    ServerFixture f({}, [&](FakeExecutor& executor) {
        executor.m_onForward = [&] {
            if (fails)
                throw Error(ErrorCode::NumericFailure, "logit of token 3 is NaN");
        };
    });
    const HttpAnswer answer = ask(f.port(), "/v1/completions", R"({"prompt":"a"})");
    QCOMPARE(answer.status, 500);
    QVERIFY(answer.body.find("logit of token 3 is NaN") != std::string::npos);
    fails = false;
    QCOMPARE(ask(f.port(), "/v1/completions", R"({"prompt":"a"})").status, 200);
}

QTEST_GUILESS_MAIN(ApiServerTest)
#include "tst_api_server.moc"
