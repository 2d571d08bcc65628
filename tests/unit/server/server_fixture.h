// The server over a scripted model with a small tokenizer, on a free port.
#pragma once

#include "engine/server/api_server.h"
#include "tests/unit/server/http_client.h"
#include "tests/unit/session/fake_executor.h"

#include <nlohmann/json.hpp>

#include <QFloat16>
#include <QTest>

#include <mutex>

namespace QTest
{
// Without it a JSON value converts to too many things to be shown.
template <>
inline char* toString(const nlohmann::json& value)
{
    return qstrdup(value.dump().c_str());
}
} // namespace QTest

namespace mmfree::test
{

inline constexpr std::int64_t kServedVocabulary = 300;

inline std::shared_ptr<const Tokenizer> servedTokenizer()
{
    static const auto shared = [] {
        std::string text;
        for (int i = 0; i < 20; ++i)
            text += "the cat sat on the mat and the dog ran to the man in the park\n";
        TokenizerTrainingOptions options;
        options.vocabularySize = kServedVocabulary;
        options.userSymbols = {"<user>", "<model>"};
        return std::make_shared<const Tokenizer>(trainTokenizer(text, options));
    }();
    return shared;
}

struct ServerFixture {
    std::shared_ptr<FakeExecutor> executor = std::make_shared<FakeExecutor>(kServedVocabulary);
    std::mutex recordMutex;
    std::vector<server::RequestRecord> records;
    std::unique_ptr<server::ApiServer> api;

    explicit ServerFixture(server::ServerOptions options = {},
                           const std::function<void(FakeExecutor&)>& prepare = {})
    {
        if (prepare)
            prepare(*executor);
        options.port = 0;
        server::ServedModel model;
        model.name = "pocket";
        model.executor = executor;
        model.tokenizer = servedTokenizer();
        model.version = "1.0";
        model.chatTemplate.name = "turns";
        model.chatTemplate.userPrefix = "<user>";
        model.chatTemplate.userSuffix = "\n";
        model.chatTemplate.assistantPrefix = "<model>";
        model.chatTemplate.assistantSuffix = "\n";
        model.chatTemplate.stopStrings = {"<user>"};
        api = std::make_unique<server::ApiServer>(std::move(model), options,
                                                  [this](const server::RequestRecord& record) {
                                                      const std::lock_guard lock(recordMutex);
                                                      records.push_back(record);
                                                  });
    }

    [[nodiscard]] std::uint16_t port() const { return api->port(); }
    [[nodiscard]] nlohmann::json complete(nlohmann::json body) const
    {
        return nlohmann::json::parse(ask(port(), "/v1/completions", body.dump()).body);
    }
    [[nodiscard]] nlohmann::json chat(nlohmann::json body) const
    {
        return nlohmann::json::parse(ask(port(), "/v1/chat/completions", body.dump()).body);
    }
};

// Never ends by itself: the end token is out of reach.
inline nlohmann::json endless(const std::string& prompt, std::int64_t maxTokens)
{
    return {{"prompt", prompt},
            {"max_tokens", maxTokens},
            {"seed", 1},
            {"logit_bias", {{std::to_string(servedTokenizer()->eosId()), -100}}}};
}

} // namespace mmfree::test
