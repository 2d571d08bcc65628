#include "engine/session/session.h"

#include "engine/core/error.h"

#include <algorithm>
#include <utility>

namespace mmfree
{

namespace
{

constexpr std::size_t kChunkTokens = 512;

const Tokenizer& requireTokenizer(const Tokenizer* tokenizer, const char* act)
{
    if (!tokenizer)
        throw Error(ErrorCode::InvalidArgument,
                    std::string(act) + ": this model has no tokenizer, needed: token ids");
    return *tokenizer;
}

} // namespace

const char* stopReasonName(StopReason reason)
{
    switch (reason) {
    case StopReason::EndOfSequence:
        return "end of sequence";
    case StopReason::StopString:
        return "stop string";
    case StopReason::MaxTokens:
        return "token limit";
    case StopReason::Cancelled:
        return "cancelled";
    case StopReason::ContextFull:
        return "context full";
    }
    return "unknown";
}

void checkTokenizerMatches(const Tokenizer& tokenizer, const ModelConfig& config, const std::string& name)
{
    if (tokenizer.size() != config.vocabularySize)
        throw Error(ErrorCode::InvalidConfig,
                    name + ": tokenizer has " + std::to_string(tokenizer.size()) + " tokens, needed: " +
                        std::to_string(config.vocabularySize) + " (vocab_size of the model)");
}

Session::Session(std::shared_ptr<InferenceExecutor> executor, std::shared_ptr<const Tokenizer> tokenizer)
    : m_executor(std::move(executor))
    , m_tokenizer(std::move(tokenizer))
{
    if (m_tokenizer)
        checkTokenizerMatches(*m_tokenizer, m_executor->config(), "session");
    m_state = m_executor->createState();
}

MemoryUse Session::memoryUse() const
{
    return m_executor->memoryUse(m_state.get());
}

void Session::reset()
{
    m_executor->reset(*m_state);
    m_tokens.clear();
    m_consumed = 0;
}

void Session::append(std::span<const TokenId> tokens)
{
    const std::int64_t vocabulary = m_executor->config().vocabularySize;
    for (const TokenId id : tokens) {
        if (id < 0 || id >= vocabulary)
            throw Error(ErrorCode::InvalidArgument, "token id is " + std::to_string(id) + ", needed: 0 .. " +
                                                        std::to_string(vocabulary - 1));
    }
    m_tokens.insert(m_tokens.end(), tokens.begin(), tokens.end());
}

void Session::appendText(std::string_view text, bool parseSpecial)
{
    const Tokenizer& tokenizer = requireTokenizer(m_tokenizer.get(), "appending text");
    const std::vector<TokenId> ids = tokenizer.encode(text, parseSpecial, atTextStart());
    if (m_tokens.empty() && tokenizer.bosId() >= 0)
        m_tokens.push_back(tokenizer.bosId());
    append(ids);
}

// Reads the tokens before index `end`; only the last chunk has logits, in `last` mode. An empty result:
// stopped, or there was nothing to read.
ForwardResult Session::readPending(std::size_t end, LogitsMode last, const std::stop_token& stop,
                                   const std::function<void(std::int64_t, std::int64_t)>& progress)
{
    const auto begin = static_cast<std::size_t>(m_consumed);
    const auto total = static_cast<std::int64_t>(end - begin);
    ForwardResult result;
    for (std::size_t at = begin; at < end;) {
        if (stop.stop_requested())
            return {};
        const std::size_t count = std::min(kChunkTokens, end - at);
        ForwardRequest request;
        request.tokens = std::span<const TokenId>(m_tokens).subspan(at, count);
        request.logits = at + count == end ? last : LogitsMode::None;
        result = m_executor->forward(request, *m_state);
        at += count;
        m_consumed = static_cast<std::int64_t>(at);
        if (progress)
            progress(static_cast<std::int64_t>(at - begin), total);
    }
    return result;
}

void Session::prefill(std::stop_token stop, const std::function<void(std::int64_t, std::int64_t)>& progress)
{
    const auto consumed = static_cast<std::size_t>(m_consumed);
    if (m_tokens.size() > consumed + 1)
        (void)readPending(m_tokens.size() - 1, LogitsMode::None, stop, progress);
}

bool Session::atTextStart(std::vector<TokenId>::const_iterator end) const
{
    return std::all_of(m_tokens.begin(), end, [this](TokenId id) { return m_tokenizer->isControl(id); });
}

SessionSnapshot Session::snapshot()
{
    return {m_executor->snapshot(*m_state), m_tokens, m_consumed};
}

void Session::restore(const SessionSnapshot& snapshot)
{
    const auto size = static_cast<std::int64_t>(snapshot.tokens.size());
    if (snapshot.consumed < 0 || snapshot.consumed > size || snapshot.state.position != snapshot.consumed)
        throw Error(ErrorCode::InvalidArgument, "snapshot of " + std::to_string(size) +
                                                    " tokens has consumed " +
                                                    std::to_string(snapshot.consumed) + " and a state at " +
                                                    std::to_string(snapshot.state.position));
    const std::int64_t vocabulary = m_executor->config().vocabularySize;
    for (const TokenId id : snapshot.tokens) {
        if (id < 0 || id >= vocabulary)
            throw Error(ErrorCode::InvalidArgument, "snapshot has token id " + std::to_string(id) +
                                                        ", needed: 0 .. " + std::to_string(vocabulary - 1));
    }
    std::vector<TokenId> tokens = snapshot.tokens; // may throw, so before the state changes
    m_executor->restore(snapshot.state, *m_state);
    m_tokens = std::move(tokens);
    m_consumed = snapshot.consumed;
}

} // namespace mmfree
