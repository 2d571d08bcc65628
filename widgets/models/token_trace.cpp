#include "widgets/models/token_trace.h"

#include "engine/text/tokenizer.h"

#include <QDataStream>
#include <QIODevice>

#include <algorithm>
#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr quint32 kMagic = 0x4d4d4654; // "MMFT"
constexpr quint32 kVersion = 1;
constexpr quint32 kMostBytes = 256u << 20; // of an uncompressed chunk
constexpr double kSurprisalRange = 8.0;    // nats that count as "not at all sure"
constexpr double kEntropyRange = 5.0;

void write(QDataStream& out, const TracedToken& token)
{
    out << static_cast<qint32>(token.id) << token.logProbability << token.entropyNats << token.rank
        << token.forced << static_cast<quint32>(token.alternatives.size());
    for (const TokenAlternative& other : token.alternatives) {
        const auto flags =
            static_cast<quint8>(static_cast<unsigned>(other.removedBy) | (other.penalized ? 0x80u : 0u));
        out << static_cast<qint32>(other.id) << other.logProbability << other.drawProbability << flags;
    }
}

bool read(QDataStream& in, TracedToken& token)
{
    qint32 id = 0;
    quint32 count = 0;
    in >> id >> token.logProbability >> token.entropyNats >> token.rank >> token.forced >> count;
    token.id = id;
    for (quint32 i = 0; i < count && in.status() == QDataStream::Ok; ++i) {
        TokenAlternative other;
        quint8 flags = 0;
        in >> id >> other.logProbability >> other.drawProbability >> flags;
        other.id = id;
        other.penalized = (flags & 0x80u) != 0;
        if ((flags & 0x7Fu) > static_cast<unsigned>(SamplerStage::MinP))
            return false;
        other.removedBy = static_cast<SamplerStage>(flags & 0x7Fu);
        token.alternatives.push_back(other);
    }
    return in.status() == QDataStream::Ok && !std::isnan(token.logProbability) &&
           std::isfinite(token.entropyNats) && token.rank >= 0;
}

} // namespace

void TokenTrace::append(const TokenTrace& more)
{
    tokens.insert(tokens.end(), more.tokens.begin(), more.tokens.end());
    pieces.insert(more.pieces);
}

TokenTrace TokenTrace::first(std::size_t count) const
{
    TokenTrace part;
    part.tokens.assign(tokens.begin(),
                       tokens.begin() + static_cast<std::ptrdiff_t>(std::min(count, tokens.size())));
    part.pieces = pieces;
    return part;
}

double measureOf(const TracedToken& token, TokenMeasure measure)
{
    switch (measure) {
    case TokenMeasure::Probability:
        return std::exp(token.logProbability);
    case TokenMeasure::Surprisal:
        return -token.logProbability;
    case TokenMeasure::Entropy:
        return token.entropyNats;
    case TokenMeasure::Margin:
        break;
    }
    if (token.alternatives.size() < 2)
        return 1.0;
    // Of the model's two likeliest, whichever of them was taken.
    return std::exp(static_cast<double>(token.alternatives[0].logProbability)) -
           std::exp(static_cast<double>(token.alternatives[1].logProbability));
}

double unsureness(const TracedToken& token, TokenMeasure measure)
{
    const double value = measureOf(token, measure);
    switch (measure) {
    case TokenMeasure::Probability:
    case TokenMeasure::Margin:
        return std::clamp(1.0 - value, 0.0, 1.0);
    case TokenMeasure::Surprisal:
        return std::clamp(value / kSurprisalRange, 0.0, 1.0);
    case TokenMeasure::Entropy:
        return std::clamp(value / kEntropyRange, 0.0, 1.0);
    }
    return 0.0;
}

void namePieces(TokenTrace& trace, const Tokenizer& tokenizer)
{
    const auto name = [&](TokenId id) {
        if (!trace.pieces.contains(id))
            trace.pieces.insert(id, QByteArray::fromStdString(tokenizer.bytesOf(id)));
    };
    for (const TracedToken& token : trace.tokens) {
        name(token.id);
        for (const TokenAlternative& other : token.alternatives)
            name(other.id);
    }
}

QByteArray serializeTrace(const TokenTrace& trace)
{
    QByteArray bytes;
    QDataStream out(&bytes, QIODevice::WriteOnly);
    out.setVersion(QDataStream::Qt_6_4);
    out.setFloatingPointPrecision(QDataStream::SinglePrecision);
    out << kMagic << kVersion << static_cast<quint32>(trace.tokens.size());
    for (const TracedToken& token : trace.tokens)
        write(out, token);
    QHash<qint32, QByteArray> pieces;
    for (auto piece = trace.pieces.begin(); piece != trace.pieces.end(); ++piece)
        pieces.insert(piece.key(), piece.value());
    out << pieces;
    return qCompress(bytes, 1); // most of it is repetition; this runs while an answer is written
}

std::optional<TokenTrace> parseTrace(const QByteArray& bytes)
{
    // The first four bytes are the size that qUncompress would trust.
    if (bytes.size() < 5)
        return std::nullopt;
    quint32 size = 0;
    for (int i = 0; i < 4; ++i)
        size = size << 8 | static_cast<quint8>(bytes[i]);
    if (size > kMostBytes)
        return std::nullopt;
    const QByteArray plain = qUncompress(bytes);
    QDataStream in(plain);
    in.setVersion(QDataStream::Qt_6_4);
    in.setFloatingPointPrecision(QDataStream::SinglePrecision);
    quint32 magic = 0, version = 0, count = 0;
    in >> magic >> version >> count;
    if (in.status() != QDataStream::Ok || magic != kMagic || version != kVersion)
        return std::nullopt;
    TokenTrace trace;
    for (quint32 i = 0; i < count; ++i) {
        TracedToken token;
        if (!read(in, token))
            return std::nullopt;
        trace.tokens.push_back(std::move(token));
    }
    QHash<qint32, QByteArray> pieces;
    in >> pieces;
    if (in.status() != QDataStream::Ok)
        return std::nullopt;
    for (auto piece = pieces.begin(); piece != pieces.end(); ++piece)
        trace.pieces.insert(piece.key(), piece.value());
    return trace;
}

} // namespace mmfree::gui
