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
    // With each token, this many of the likeliest ones and what the sampler did with them; 0: off.
    int alternatives = 0;
    // This many of the newest tokens already belong to the text: what comes continues their last character
    // and their spacing. 0: the text starts here.
    std::int64_t continuedTokens = 0;
};

// Snapshots of a recurrent model are taken this often while it writes, so that going back to any token
// replays fewer than this many.
inline constexpr std::int64_t kCheckpointTokens = 32;

struct GenerationStats {
    std::int64_t promptTokens = 0; // pending ones read before the first generated token
    std::int64_t generatedTokens = 0;
    double prefillSeconds = 0.0;          // reading the prompt tokens
    double timeToFirstTokenSeconds = 0.0; // from the call to the first generated token; 0: there was none
    double decodeSeconds = 0.0;           // from the first generated token to the last
    std::vector<double> tokenSeconds;     // each decode step after the first token, onToken not counted
    [[nodiscard]] double prefillTokensPerSecond() const; // 0 when nothing was measured
    [[nodiscard]] double decodeTokensPerSecond() const;  // likewise; the first token is not counted
    // Seconds that a share (0 .. 1) of the decode steps stay within, nearest rank; 0 without any. 0.5:
    // median.
    [[nodiscard]] double tokenSecondsQuantile(double share) const;
};

struct GeneratedToken {
    TokenId id = 0;
    double logProbability = 0.0; // nats
    // Complete characters that became visible with this token; may be empty. Text that could be the start of
    // a stop string is held back and comes with a later token.
    std::string text;
    std::shared_ptr<const TokenDetail> detail; // null unless GenerateOptions::alternatives asked for it
};

struct GenerationResult {
    // All visible text, valid UTF-8, stop string removed. Equals the texts of the tokens joined, unless it
    // was cancelled: then what was held back is at its end.
    std::string text;
    std::vector<TokenId> tokens; // all generated ones, those of a stop string and EOS included
    StopReason reason = StopReason::MaxTokens;
    GenerationStats stats;
};

// A point in a sequence that can be returned to without reading anything again.
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
    [[nodiscard]] std::int64_t consumed() const { return m_consumed; } // tokens read; the rest is pending
    [[nodiscard]] MemoryUse memoryUse() const;

    void reset(); // empty sequence

    // Tokens become pending: the next generate() or prefill() reads them. Throws InvalidArgument for ids
    // outside 0 .. V-1, then nothing is appended.
    void append(std::span<const TokenId> tokens);
    // The tokens of `text`, BOS first when the sequence is empty and the tokenizer has one. A tokenizer that
    // puts a space before a text does so before the first text of the sequence only. `parseSpecial`: see
    // Tokenizer::encode. Throws InvalidText for invalid UTF-8, then nothing is appended.
    void appendText(std::string_view text, bool parseSpecial);

    // Reads pending tokens, all but the newest, in chunks of 512. The newest stays pending for generate(),
    // which samples from the logits it gives. `progress(done, total)` after each chunk. Returns early when
    // stopped: what was read is consumed, the rest stays pending.
    void prefill(std::stop_token stop = {},
                 const std::function<void(std::int64_t, std::int64_t)>& progress = {});

    // Reads what is pending, then writes up to maxTokens. `onToken` runs on this thread after each token. A
    // stop request ends within one token (one 512-token chunk while reading). The sequence then holds all
    // generated tokens; the newest, which may have ended the text, is pending, so that generate() can go on.
    // Throws InvalidArgument for bad options and when no token is pending, NumericFailure for unusable
    // logits, and what the executor throws; tokens generated by then stay appended.
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
    // Whether no token before `end` has text.
    [[nodiscard]] bool atTextStart(std::vector<TokenId>::const_iterator end) const;
    [[nodiscard]] bool atTextStart() const { return atTextStart(m_tokens.end()); }
    std::shared_ptr<InferenceExecutor> m_executor;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::unique_ptr<InferenceState> m_state;
    std::vector<TokenId> m_tokens;
    // Tokens in m_state. Less than m_tokens.size() unless that is 0 or a snapshot was made so.
    std::int64_t m_consumed = 0;
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

// -log softmax(logits)[target] in nats, in double; stable for any finite logits, else not finite.
[[nodiscard]] double tokenLossNats(std::span<const float> logits, TokenId target);

// Mean cross entropy of each token given those before it, over windows of `window` tokens with fresh state
// per window (0: one window). A window begins with the last token of the one before, so that every token but
// the first of all is predicted exactly once. `textBytes`: size of the text, for bits per byte; the first
// token costs nothing there, so begin with BOS. `progress` gets the share done, 0 .. 1. When stopped: the
// mean over what was predicted by then, see `tokens`. Throws InvalidArgument for fewer than 2 tokens, a
// window of 1 or ids out of range, and NumericFailure for logits that are not finite.
[[nodiscard]] ScoreResult scoreTokens(InferenceExecutor& executor, std::span<const TokenId> tokens,
                                      std::int64_t window, std::uint64_t textBytes, std::stop_token stop = {},
                                      const std::function<void(double)>& progress = {});

} // namespace mmfree
