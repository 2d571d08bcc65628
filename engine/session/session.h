// One sequence of tokens being read and written: prefill, generation with sampling and stop conditions,
// scoring, state snapshots. Used by the chat worker, the command line and the server. Belongs to one thread.
#pragma once

#include "engine/runtime/backend.h"
#include "engine/session/sampler.h"
#include "engine/text/tokenizer.h"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

enum class StopReason { EndOfSequence, StopString, MaxTokens, Cancelled };
[[nodiscard]] const char* stopReasonName(StopReason reason); // "end of sequence", ...

struct GenerateOptions {
    SamplingOptions sampling;
    std::int64_t maxTokens = 256;         // > 0
    std::vector<std::string> stopStrings; // the text ends before the first one found
    bool stopAtEos = true;
};

struct GenerationStats {
    std::int64_t promptTokens = 0, generatedTokens = 0;
    double prefillSeconds = 0.0; // reading the pending tokens
    double timeToFirstTokenSeconds = 0.0;
    double decodeSeconds = 0.0;       // from the first generated token to the last
    std::vector<double> tokenSeconds; // time of each decode step after the first token
    [[nodiscard]] double prefillTokensPerSecond() const;
    [[nodiscard]] double decodeTokensPerSecond() const;
};

struct GeneratedToken {
    TokenId id = 0;
    double logProbability = 0.0; // nats
    std::string text;            // complete characters that became visible with this token; may be empty
};

struct GenerationResult {
    std::string text; // all visible text, valid UTF-8, stop string removed
    std::vector<TokenId> tokens;
    StopReason reason = StopReason::MaxTokens;
    GenerationStats stats;
};

// A point in a sequence that can be returned to at no cost.
struct SessionSnapshot {
    StateSnapshot state;
    std::vector<TokenId> tokens; // everything appended so far
    std::int64_t consumed = 0;   // tokens already in `state`; the rest is pending
};

class Session
{
public:
    // `tokenizer` may be null: then only token-level methods work (others throw InvalidArgument).
    Session(std::shared_ptr<InferenceExecutor> executor, std::shared_ptr<const Tokenizer> tokenizer);

    [[nodiscard]] InferenceExecutor& executor() { return *m_executor; }
    [[nodiscard]] const Tokenizer* tokenizer() const { return m_tokenizer.get(); }
    [[nodiscard]] const std::vector<TokenId>& tokens() const { return m_tokens; }
    [[nodiscard]] MemoryUse memoryUse() const;

    void reset();                                 // empty sequence
    void append(std::span<const TokenId> tokens); // pending; read at the next generate()/prefill()
    void appendText(std::string_view text, bool parseSpecial); // BOS first when the sequence is empty

    // Reads pending tokens in chunks of 512. `progress(done, total)` after each; returns early when stopped
    // (the sequence then stays consistent: what was read is consumed, the rest is pending).
    void prefill(std::stop_token stop = {},
                 const std::function<void(std::int64_t, std::int64_t)>& progress = {});

    // Reads what is pending, then writes up to maxTokens. `onToken` runs on this thread after each token. A
    // stop request ends within one token (one 512-token chunk while reading). The sequence then holds all
    // generated tokens (a token that ends the text is appended but pending). Throws InvalidArgument when
    // nothing was appended.
    GenerationResult generate(const GenerateOptions& options, std::stop_token stop = {},
                              const std::function<void(const GeneratedToken&)>& onToken = {});

    [[nodiscard]] SessionSnapshot snapshot();
    void restore(const SessionSnapshot& snapshot);

private:
    ForwardResult readPending(LogitsMode last, std::stop_token stop,
                              const std::function<void(std::int64_t, std::int64_t)>& progress);
    std::shared_ptr<InferenceExecutor> m_executor;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::unique_ptr<InferenceState> m_state;
    std::vector<TokenId> m_tokens;
    std::int64_t m_consumed = 0;
};

struct ScoreResult {
    double lossNatsPerToken = 0.0;
    double perplexity = 0.0;
    double bitsPerByte = 0.0; // 0 when `textBytes` was 0
    std::int64_t tokens = 0;  // predicted tokens
};

// Mean cross entropy of each token given those before it, over windows of `window` tokens with fresh state
// per window (0: one window). `textBytes`: size of the text, for bits per byte.
[[nodiscard]] ScoreResult scoreTokens(InferenceExecutor& executor, std::span<const TokenId> tokens,
                                      std::int64_t window, std::uint64_t textBytes, std::stop_token stop = {},
                                      const std::function<void(double)>& progress = {});

} // namespace mmfree
