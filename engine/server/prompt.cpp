#include "engine/server/prompt.h"

#include "engine/server/api_error.h"
#include "engine/server/state_cache.h"

#include <algorithm>

namespace mmfree::server
{

namespace
{

class PromptWriter
{
public:
    explicit PromptWriter(const Tokenizer& tokenizer)
        : m_tokenizer(tokenizer)
    {
        if (tokenizer.bosId() >= 0) {
            m_prompt.tokens.push_back(tokenizer.bosId());
            m_prompt.addedAtStart = 1;
        }
    }

    void add(const std::string& text, bool parseSpecial)
    {
        if (!text.empty())
            addTokens(m_tokenizer.encode(text, parseSpecial, atTextStart()));
    }

    // Template around a message. The text is cut into tokens as a whole, as in training, unless the message
    // spells control tokens: then it is kept apart, so that these stay text.
    void addMessage(const std::string& before, const std::string& text, const std::string& after)
    {
        const bool spellsMarkup = m_tokenizer.encode(text, true) != m_tokenizer.encode(text, false);
        if (!spellsMarkup) {
            add(before + text + after, true);
            return;
        }
        add(before, true);
        add(text, false);
        add(after, true);
    }

    void addTokens(const std::vector<TokenId>& tokens)
    {
        m_prompt.tokens.insert(m_prompt.tokens.end(), tokens.begin(), tokens.end());
    }

    void endTurn() { m_prompt.turnEnds.push_back(m_prompt.tokens.size()); }
    [[nodiscard]] const std::vector<TokenId>& tokens() const { return m_prompt.tokens; }

    [[nodiscard]] Prompt take()
    {
        if (m_prompt.tokens.empty())
            throw badRequest("the prompt is empty and this model has no start token, needed: some text");
        return std::move(m_prompt);
    }

private:
    [[nodiscard]] bool atTextStart() const
    {
        return std::all_of(m_prompt.tokens.begin(), m_prompt.tokens.end(),
                           [this](TokenId id) { return m_tokenizer.isControl(id); });
    }

    const Tokenizer& m_tokenizer;
    Prompt m_prompt;
};

} // namespace

Prompt chatPrompt(const ChatTemplate& chatTemplate, const Tokenizer& tokenizer,
                  const std::vector<ChatTurn>& turns, StateCache& answers)
{
    const bool plain = chatTemplate.name == "plain"; // no markup: the model continues what it is given
    PromptWriter writer(tokenizer);
    writer.add(chatTemplate.begin, true);
    const bool systemGiven = !turns.empty() && turns.front().role == ChatRole::System;
    if (!plain && !systemGiven && !chatTemplate.systemPrompt.empty()) {
        writer.addMessage(chatTemplate.systemPrefix, chatTemplate.systemPrompt, chatTemplate.systemSuffix);
        writer.endTurn();
    }
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const ChatTurn& turn = turns[i];
        const bool last = i + 1 == turns.size();
        if (turn.role == ChatRole::Assistant) {
            writer.add(chatTemplate.assistantPrefix, true);
            const std::vector<TokenId> written = answers.findAnswer(writer.tokens(), turn.text);
            if (written.empty())
                writer.add(turn.text, false);
            else
                writer.addTokens(written);
            if (!last) // the last one is written on
                writer.add(chatTemplate.assistantSuffix, true);
        } else if (plain) {
            writer.add(turn.text, false);
        } else if (turn.role == ChatRole::System) {
            writer.addMessage(chatTemplate.systemPrefix, turn.text, chatTemplate.systemSuffix);
        } else {
            writer.addMessage(chatTemplate.userPrefix, turn.text, chatTemplate.userSuffix);
        }
        writer.endTurn();
        if (last && turn.role != ChatRole::Assistant)
            writer.add(chatTemplate.assistantPrefix, true);
    }
    return writer.take();
}

Prompt textPrompt(const Tokenizer& tokenizer, const std::string& text)
{
    const std::vector<TokenId> spelled = tokenizer.encode(text, true);
    const TokenId bos = tokenizer.bosId();
    if (bos >= 0 && !spelled.empty() && spelled.front() == bos)
        return {spelled, 0, {}};
    PromptWriter writer(tokenizer);
    writer.addTokens(spelled);
    return writer.take();
}

} // namespace mmfree::server
