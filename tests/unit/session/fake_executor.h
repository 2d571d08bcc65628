// An executor for session tests: a small automaton whose state is a hash of the tokens read and whose logits
// follow from it, or a script of tokens to say. Checks that its caller keeps the contract.
#pragma once

#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/runtime/backend.h"

#include <functional>
#include <map>

namespace mmfree::test
{

class FakeState : public InferenceState
{
public:
    [[nodiscard]] std::int64_t position() const override { return m_position; }
    [[nodiscard]] std::size_t bytes() const override { return sizeof(float) * 2; }
    std::int64_t m_position = 0;
    std::uint32_t m_hash = 1;
};

class FakeExecutor : public InferenceExecutor
{
public:
    explicit FakeExecutor(std::int64_t vocabularySize)
    {
        m_config.vocabularySize = vocabularySize;
        m_config.hiddenSize = 2;
        m_config.layerCount = 1;
    }

    // Makes token `answer[i]` certain at position `start + i` (the token said after `start + i` tokens were
    // read).
    void say(std::int64_t start, const std::vector<TokenId>& answer)
    {
        for (std::size_t i = 0; i < answer.size(); ++i)
            m_script[start + static_cast<std::int64_t>(i)] = answer[i];
    }

    [[nodiscard]] const ModelConfig& config() const override { return m_config; }
    [[nodiscard]] ExecutorInfo info() const override { return {"fake", "fake"}; }
    [[nodiscard]] std::unique_ptr<InferenceState> createState() override
    {
        return std::make_unique<FakeState>();
    }

    ForwardResult forward(const ForwardRequest& request, InferenceState& base) override
    {
        auto& state = dynamic_cast<FakeState&>(base);
        if (request.tokens.empty())
            throw Error(ErrorCode::InvalidArgument, "no tokens");
        const auto end = state.m_position + static_cast<std::int64_t>(request.tokens.size());
        if (m_config.architecture == Architecture::Transformer && end > m_config.maxPositions)
            throw Error(ErrorCode::InvalidArgument, "past the last position");
        m_callSizes.push_back(request.tokens.size());
        if (m_onForward)
            m_onForward();
        const auto vocabulary = static_cast<std::size_t>(m_config.vocabularySize);
        m_logits.clear();
        for (std::size_t i = 0; i < request.tokens.size(); ++i) {
            state.m_hash = state.m_hash * 31u + static_cast<std::uint32_t>(request.tokens[i]) + 7u;
            ++state.m_position;
            const bool wanted = request.logits == LogitsMode::All ||
                                (request.logits == LogitsMode::Last && i + 1 == request.tokens.size());
            if (!wanted)
                continue;
            const std::size_t row = m_logits.size();
            m_logits.resize(row + vocabulary);
            Random random(state.m_hash & 0xFFFFu);
            for (std::size_t token = 0; token < vocabulary; ++token)
                m_logits[row + token] = static_cast<float>(random.normal());
            if (const auto said = m_script.find(state.m_position); said != m_script.end())
                m_logits[row + static_cast<std::size_t>(said->second)] = 100.0f;
        }
        return {m_logits, nullptr};
    }

    [[nodiscard]] StateSnapshot snapshot(const InferenceState& base) override
    {
        const auto& state = dynamic_cast<const FakeState&>(base);
        return {state.m_position,
                {static_cast<float>(state.m_hash & 0xFFFFu), static_cast<float>(state.m_hash >> 16)}};
    }
    void restore(const StateSnapshot& snapshot, InferenceState& base) override
    {
        if (snapshot.values.size() != 2)
            throw Error(ErrorCode::InvalidArgument, "snapshot has the wrong size");
        auto& state = dynamic_cast<FakeState&>(base);
        state.m_position = snapshot.position;
        state.m_hash = static_cast<std::uint32_t>(snapshot.values[0]) |
                       static_cast<std::uint32_t>(snapshot.values[1]) << 16;
    }
    void reset(InferenceState& base) override { dynamic_cast<FakeState&>(base) = FakeState(); }
    [[nodiscard]] MemoryUse memoryUse(const InferenceState* state) const override
    {
        return {.weightBytes = 10, .stateBytes = state ? state->bytes() : 0, .activationBytes = 0};
    }

    ModelConfig m_config;
    std::vector<std::size_t> m_callSizes;
    std::function<void()> m_onForward; // before each call computes

private:
    std::map<std::int64_t, TokenId> m_script;
    std::vector<float> m_logits;
};

} // namespace mmfree::test
