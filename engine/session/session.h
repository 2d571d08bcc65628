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

enum class StopReason {
    EndOfSequence,
    StopString,
    MaxTokens,
    Cancelled,
    ContextFull, // a model with a limit on positions (Transformer) can read no further token
};
[[nodiscard]] const char* stopReasonName(StopReason reason); // "end of sequence", ...

struct GenerateOptions {
    SamplingOptions sampling;
    std::int64_t maxTokens = 256; // > 0
    // The text ends before the first one found. One that is the spelling of a control token ("</s>") also
    // ends it at that token, which has no text. Each must be UTF-8 and not empty.
    std::vector<std::string> stopStrings;
    bool stopAtEos = true; // at the tokenizer's or the model's EOS
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
    // Complete characters that became visible with this token; may be empty. Text that could be the start of
    // a stop string is held back and comes with a later token.
    std::string text;
};

struct GenerationResult {
    // All visible text, valid UTF-8, stop string removed. Equals the texts of the tokens joined, unless it
    // was cancelled: then what was held back is at its end.
    std::string text;
    std::vector<TokenId> tokens; // all generated ones, those of a stop string and EOS included
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
    // `tokenizer` may be null: then only token-level methods work (appendText and stop strings throw
    // InvalidArgument, generated text is empty). Throws InvalidConfig when its size is not the model's
    // vocabulary.
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

    // A copy of the state (layers x hidden size floats for a MatMul-free model) and the tokens. A restored
    // session continues exactly as this one would. restore() throws InvalidArgument when the snapshot
    // contradicts itself or the model, and leaves the session as it was.
    [[nodiscard]] SessionSnapshot snapshot();
    void restore(const SessionSnapshot& snapshot);

private:
    struct Generation; // one generate() call
    ForwardResult readPending(std::size_t end, LogitsMode last, const std::stop_token& stop,
                              const std::function<void(std::int64_t, std::int64_t)>& progress);
    [[nodiscard]] bool atTextStart() const;
    std::shared_ptr<InferenceExecutor> m_executor;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::unique_ptr<InferenceState> m_state;
    std::vector<TokenId> m_tokens;
    std::int64_t m_consumed =
        0; // tokens in m_state; less than m_tokens.size() unless that is 0 or restored so
};

// Throws InvalidConfig naming `name` (of the model) and both sizes when the tokenizer has not exactly one
// token per row of the model's vocabulary.
void checkTokenizerMatches(const Tokenizer& tokenizer, const ModelConfig& config, const std::string& name);

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
