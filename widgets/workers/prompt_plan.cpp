#include "widgets/workers/prompt_plan.h"

namespace mmfree::gui
{

std::uint64_t extendKey(std::uint64_t key, const std::string& text)
{
    for (unsigned char byte : text) {
        key ^= byte;
        key *= 0x100000001b3ULL; // FNV-1a prime
    }
    return key;
}

PromptPlan planPrompt(const ChatTemplate& chatTemplate, const std::vector<ChatTurn>& turns)
{
    PromptPlan plan;
    std::uint64_t key = kEmptyPromptKey;
    const auto add = [&](const std::string& text, bool parseSpecial) {
        if (text.empty())
            return;
        key = extendKey(key, text);
        plan.pieces.push_back({text, parseSpecial, key});
    };

    const bool plain = chatTemplate.name == "plain";
    std::vector<ChatTurn> all = turns;
    if (!plain && !chatTemplate.systemPrompt.empty() && (all.empty() || all.front().role != ChatRole::System))
        all.insert(all.begin(), ChatTurn{ChatRole::System, chatTemplate.systemPrompt});

    for (std::size_t index = 0; index < all.size(); ++index) {
        const ChatTurn& turn = all[index];
        const bool last = index + 1 == all.size();
        if (turn.role == ChatRole::Assistant) {
            // Cut where the answer starts and ends: those are the points people return to.
            add(renderAnswerStart(chatTemplate), true);
            add(turn.text, false);
            if (!last)
                add(chatTemplate.assistantSuffix, true);
            plan.continuesAnswer = last;
        } else {
            add(renderTurn(chatTemplate, turn, index == 0), !plain);
            if (last)
                add(renderAnswerStart(chatTemplate), true);
        }
    }
    return plan;
}

} // namespace mmfree::gui
