#include "tests/gui/fake_model.h"

#include <algorithm>
#include <filesystem>

namespace mmfree::test
{

namespace
{

const char* const kCorpus =
    "<user>What is a recurrent model?<assistant>A recurrent model reads one token after another and keeps a "
    "state of "
    "constant size.\n\nIt forgets slowly:\n\n- **forget gate** decides what stays\n- *candidate* brings the "
    "new\n\n"
    "```python\nfor token in text:\n    state = gate * state + (1 - gate) * candidate(token)\n```\n\n"
    "This is an answer. Once upon a time there was a small house at the edge of the forest, and nobody knew "
    "who "
    "lived in it. 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ one two three four five six seven eight nine ten\n"
    "| model | state |\n|---|---|\n| 370M | 96 KiB |\nHello there! The quick brown fox jumps over the lazy "
    "dog; why not?\n";

std::shared_ptr<const std::string> tokenizerBytes()
{
    static const auto bytes = [] {
        TokenizerTrainingOptions options;
        options.vocabularySize = 420;
        options.userSymbols = {"<user>", "<assistant>"};
        options.threads = 1;
        return std::make_shared<const std::string>(trainTokenizer(kCorpus, options));
    }();
    return bytes;
}

class FakeSource : public ModelSource
{
public:
    FakeSource(const std::string& path, bool plain, bool silent)
        : m_path(path)
    {
        m_config.hiddenSize = 64;
        m_config.layerCount = 4;
        m_config.intermediateSize = 256;
        if (!silent)
            m_text.tokenizerModel = *tokenizerBytes();
        const Tokenizer tokenizer(*tokenizerBytes());
        m_config.vocabularySize = tokenizer.size();
        if (!plain) {
            ChatTemplate chat;
            chat.name = "turns";
            chat.userPrefix = "<user>";
            chat.assistantPrefix = "<assistant>";
            chat.stopStrings = {"<user>"};
            m_text.chatTemplateJson = chatTemplateToJson(chat);
        }
    }

    [[nodiscard]] const ModelConfig& config() const override { return m_config; }
    [[nodiscard]] const ModelText& text() const override { return m_text; }
    [[nodiscard]] std::string name() const override { return m_path.stem().string(); }
    [[nodiscard]] std::filesystem::path path() const override { return m_path; }
    [[nodiscard]] std::uint64_t fileBytes() const override { return 1'300'000; }
    [[nodiscard]] TernaryTensor ternary(const std::string&) const override { return {}; }
    void floats(const std::string&, std::span<float>) const override {}
    [[nodiscard]] TensorView view(const std::string&) const override { return {}; }
    [[nodiscard]] bool hasLatentWeights() const override { return false; }
    void release(const std::string&) const override {}

private:
    std::filesystem::path m_path;
    ModelConfig m_config;
    ModelText m_text;
};

class FakeState : public InferenceState
{
public:
    [[nodiscard]] std::int64_t position() const override
    {
        return static_cast<std::int64_t>(m_tokens.size());
    }
    [[nodiscard]] std::size_t bytes() const override { return 4 * 64 * sizeof(float); }
    std::vector<TokenId> m_tokens;
};

class FakeExecutor : public InferenceExecutor
{
public:
    FakeExecutor(std::shared_ptr<FakeControl> control, ModelConfig config, bool plain)
        : m_control(std::move(control))
        , m_config(std::move(config))
        , m_tokenizer(*tokenizerBytes())
        , m_plain(plain)
    {
        m_assistant = m_tokenizer.encode("<assistant>", true).back();
        m_user = m_tokenizer.encode("<user>", true).back();
    }

    [[nodiscard]] const ModelConfig& config() const override { return m_config; }
    [[nodiscard]] ExecutorInfo info() const override { return {"cpu", "CPU, scripted"}; }
    [[nodiscard]] std::unique_ptr<InferenceState> createState() override
    {
        return std::make_unique<FakeState>();
    }

    ForwardResult forward(const ForwardRequest& request, InferenceState& base) override
    {
        auto& state = dynamic_cast<FakeState&>(base);
        state.m_tokens.insert(state.m_tokens.end(), request.tokens.begin(), request.tokens.end());
        if (request.logits == LogitsMode::None) {
            m_control->noteRead(static_cast<std::int64_t>(request.tokens.size()));
            return {};
        }
        m_control->noteRead(static_cast<std::int64_t>(request.tokens.size()) - 1);
        m_control->step();
        m_logits.assign(static_cast<std::size_t>(m_config.vocabularySize), 0.0f);
        m_logits[static_cast<std::size_t>(next(state.m_tokens))] = 100.0f;
        return {m_logits, nullptr};
    }

    [[nodiscard]] StateSnapshot snapshot(const InferenceState& base) override
    {
        const auto& tokens = dynamic_cast<const FakeState&>(base).m_tokens;
        return {static_cast<std::int64_t>(tokens.size()), std::vector<float>(tokens.begin(), tokens.end())};
    }

    void restore(const StateSnapshot& snapshot, InferenceState& base) override
    {
        auto& tokens = dynamic_cast<FakeState&>(base).m_tokens;
        tokens.clear();
        for (float value : snapshot.values)
            tokens.push_back(static_cast<TokenId>(value));
    }

    void reset(InferenceState& base) override { dynamic_cast<FakeState&>(base).m_tokens.clear(); }
    [[nodiscard]] MemoryUse memoryUse(const InferenceState* state) const override
    {
        return {300'000, state ? state->bytes() : 0, 20'000};
    }

private:
    [[nodiscard]] TokenId next(const std::vector<TokenId>& read) const
    {
        if (m_plain) {
            const std::vector<TokenId>& story = encoded(m_control->answer(0));
            return story[read.size() % story.size()];
        }
        const auto start = std::find(read.rbegin(), read.rend(), m_assistant);
        const auto written = static_cast<std::size_t>(start - read.rbegin());
        const auto turns = static_cast<int>(std::count(read.begin(), read.end(), m_user));
        const std::vector<TokenId>& answer = encoded(m_control->answer(turns - 1));
        return written < answer.size() ? answer[written] : m_tokenizer.eosId();
    }

    // Encoding a long answer for each of its tokens would be most of a test's time.
    [[nodiscard]] const std::vector<TokenId>& encoded(const std::string& answer) const
    {
        const auto [found, isNew] = m_encoded.try_emplace(answer);
        if (isNew)
            found->second = m_tokenizer.encode(answer);
        return found->second;
    }

    std::shared_ptr<FakeControl> m_control;
    mutable std::map<std::string, std::vector<TokenId>> m_encoded;
    ModelConfig m_config;
    Tokenizer m_tokenizer;
    bool m_plain;
    TokenId m_assistant = 0, m_user = 0;
    std::vector<float> m_logits;
};

} // namespace

void FakeControl::setPermits(int permits)
{
    const std::scoped_lock lock(m_mutex);
    m_permits = permits;
    m_changed.notify_all();
}

void FakeControl::allow(int steps)
{
    const std::scoped_lock lock(m_mutex);
    m_permits = std::max(m_permits, 0) + steps;
    m_changed.notify_all();
}

void FakeControl::failAfter(int steps)
{
    const std::scoped_lock lock(m_mutex);
    m_failAfter = steps < 0 ? -1 : m_decodeSteps + steps;
}

void FakeControl::setAnswer(int turn, const std::string& answer)
{
    const std::scoped_lock lock(m_mutex);
    m_answers[turn] = answer;
}

void FakeControl::setDefaultAnswer(const std::string& answer)
{
    const std::scoped_lock lock(m_mutex);
    m_default = answer;
}

std::string FakeControl::answer(int turn) const
{
    const std::scoped_lock lock(m_mutex);
    const auto found = m_answers.find(turn);
    return found == m_answers.end() ? m_default : found->second;
}

void FakeControl::step()
{
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return m_permits != 0; });
    if (m_permits > 0)
        --m_permits;
    if (m_failAfter >= 0 && m_decodeSteps >= m_failAfter)
        throw Error(ErrorCode::NumericFailure, "logits of token 3 are NaN, needed: finite values");
    ++m_decodeSteps;
}

void FakeControl::noteRead(std::int64_t tokens)
{
    const std::scoped_lock lock(m_mutex);
    m_tokensRead += tokens;
}

std::int64_t FakeControl::tokensRead() const
{
    const std::scoped_lock lock(m_mutex);
    return m_tokensRead;
}

int FakeControl::decodeSteps() const
{
    const std::scoped_lock lock(m_mutex);
    return m_decodeSteps;
}

gui::OpenFunction fakeOpen(std::shared_ptr<FakeControl> control)
{
    return [control](const gui::OpenRequest& request) -> gui::OpenedParts {
        const std::string path = request.path.toStdString();
        if (path.ends_with("broken"))
            throw Error(ErrorCode::InvalidConfig,
                        path + "/config.json: hidden_size is 1000, needed: a multiple of 64");
        const bool plain = path.ends_with("plain");
        auto source = std::make_shared<FakeSource>(path, plain, path.ends_with("silent"));
        return {source, std::make_shared<FakeExecutor>(control, source->config(), plain)};
    };
}

gui::ListBackendsFunction fakeBackends()
{
    return [] {
        DeviceInfo cpu;
        cpu.name = "Scripted CPU";
        cpu.usable = true;
        cpu.details = {"AVX2", "2 threads"};
        DeviceInfo gpu;
        gpu.name = "CUDA";
        gpu.reason = "no NVIDIA driver was found";
        return std::vector<gui::BackendSummary>{{"cpu", {cpu}}, {"cuda", {gpu}}};
    };
}

} // namespace mmfree::test
