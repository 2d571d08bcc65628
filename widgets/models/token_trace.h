// The tokens of an answer as they were written, with what else the model could have said: for the token face
// and for going on from any of them. Stored with the message in chunks, as they arrive.
#pragma once

#include "engine/session/session.h"

#include <QByteArray>
#include <QHash>
#include <QMetaType>

#include <optional>
#include <vector>

namespace mmfree
{
class Tokenizer;
}

namespace mmfree::gui
{

struct TracedToken {
    TokenId id = 0;
    double logProbability = 0.0; // of the chosen one, nats
    double entropyNats = 0.0;
    qint64 rank = 0;     // 0: the likeliest one
    bool forced = false; // chosen by the reader, not drawn
    std::vector<TokenAlternative> alternatives;
    friend bool operator==(const TracedToken&, const TracedToken&) = default;
};

struct TokenTrace {
    std::vector<TracedToken> tokens;
    QHash<TokenId, QByteArray> pieces; // bytes each mentioned token stands for; empty for control tokens
    [[nodiscard]] QByteArray piece(TokenId id) const { return pieces.value(id); }
    void append(const TokenTrace& more);
    [[nodiscard]] TokenTrace first(std::size_t count) const; // pieces are kept
};

// What tints a token. Values grow with how sure the model was for Probability and Margin, and with how unsure
// for the others.
enum class TokenMeasure { Probability, Surprisal, Entropy, Margin };
inline constexpr int kTokenMeasureCount = 4;
[[nodiscard]] double measureOf(const TracedToken& token, TokenMeasure measure); // 0..1, nats, nats, 0..1
// 0: certain .. 1: not at all; what colour maps take.
[[nodiscard]] double unsureness(const TracedToken& token, TokenMeasure measure);

// Fills `trace.pieces` for every token it mentions.
void namePieces(TokenTrace& trace, const Tokenizer& tokenizer);

// Compact bytes; parse returns nothing for bytes that are not such a chunk.
[[nodiscard]] QByteArray serializeTrace(const TokenTrace& trace);
[[nodiscard]] std::optional<TokenTrace> parseTrace(const QByteArray& bytes);

} // namespace mmfree::gui

Q_DECLARE_METATYPE(mmfree::gui::TokenTrace)
