#include "widgets/workers/inference_worker.h"

#include <QDataStream>
#include <QIODevice>

#include <cmath>

namespace mmfree::gui
{

namespace
{

constexpr quint32 kMagic = 0x4d4d4653; // "MMFS"
constexpr quint32 kVersion = 1;

} // namespace

QByteArray serializeState(const StoredState& state)
{
    QByteArray bytes;
    QDataStream out(&bytes, QIODevice::WriteOnly);
    out.setVersion(QDataStream::Qt_6_4);
    const SessionSnapshot& snapshot = state.snapshot;
    out << kMagic << kVersion << state.fingerprint << static_cast<quint64>(state.key)
        << static_cast<qint64>(snapshot.state.position) << static_cast<qint64>(snapshot.consumed)
        << static_cast<qint64>(snapshot.tokens.size()) << static_cast<qint64>(snapshot.state.values.size());
    out.writeRawData(reinterpret_cast<const char*>(snapshot.tokens.data()),
                     static_cast<int>(snapshot.tokens.size() * sizeof(TokenId)));
    out.writeRawData(reinterpret_cast<const char*>(snapshot.state.values.data()),
                     static_cast<int>(snapshot.state.values.size() * sizeof(float)));
    const quint16 checksum = qChecksum(bytes);
    out << checksum;
    return bytes;
}

std::optional<StoredState> parseState(const QByteArray& bytes)
{
    if (bytes.size() < 16)
        return std::nullopt;
    QDataStream in(bytes);
    in.setVersion(QDataStream::Qt_6_4);
    quint32 magic = 0, version = 0;
    quint64 key = 0;
    qint64 position = 0, consumed = 0, tokenCount = 0, valueCount = 0;
    StoredState state;
    in >> magic >> version;
    if (magic != kMagic || version != kVersion)
        return std::nullopt;
    in >> state.fingerprint >> key >> position >> consumed >> tokenCount >> valueCount;
    const auto limit = static_cast<qint64>(bytes.size());
    if (in.status() != QDataStream::Ok || tokenCount < 0 || valueCount < 0 || tokenCount > limit ||
        valueCount > limit || consumed < 0 || consumed > tokenCount || position < 0)
        return std::nullopt;
    state.key = key;
    state.snapshot.state.position = position;
    state.snapshot.consumed = consumed;
    state.snapshot.tokens.resize(static_cast<std::size_t>(tokenCount));
    state.snapshot.state.values.resize(static_cast<std::size_t>(valueCount));
    const int tokenBytes = static_cast<int>(state.snapshot.tokens.size() * sizeof(TokenId));
    const int valueBytes = static_cast<int>(state.snapshot.state.values.size() * sizeof(float));
    if (in.readRawData(reinterpret_cast<char*>(state.snapshot.tokens.data()), tokenBytes) != tokenBytes ||
        in.readRawData(reinterpret_cast<char*>(state.snapshot.state.values.data()), valueBytes) != valueBytes)
        return std::nullopt;
    quint16 checksum = 0;
    in >> checksum;
    if (in.status() != QDataStream::Ok ||
        checksum !=
            qChecksum(QByteArrayView(bytes).first(bytes.size() - static_cast<qsizetype>(sizeof checksum))))
        return std::nullopt;
    return state;
}

} // namespace mmfree::gui
