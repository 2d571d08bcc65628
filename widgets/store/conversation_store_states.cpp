// The store's other half: model states, checkpoints and tokens of answers.
#include "widgets/store/conversation_store.h"

#include <QSqlQuery>
#include <QVariant>

#include <algorithm>
#include <cstring>

namespace mmfree::gui
{

namespace
{

constexpr int kDeepest = 31; // states are read in at most so many steps

template <class Value>
QByteArray bytesOf(const Value* values, std::size_t count)
{
    return {reinterpret_cast<const char*>(values), static_cast<qsizetype>(count * sizeof(Value))};
}

template <class Value>
void appendValues(std::vector<Value>& out, const QByteArray& bytes)
{
    const std::size_t old = out.size();
    out.resize(old + static_cast<std::size_t>(bytes.size()) / sizeof(Value));
    std::memcpy(out.data() + old, bytes.constData(), (out.size() - old) * sizeof(Value));
}

// SQLite integers are signed.
qint64 asSigned(std::uint64_t value)
{
    return static_cast<qint64>(value);
}

std::uint64_t hashOf(const std::vector<TokenId>& tokens)
{
    std::uint64_t hash = 0xcbf29ce484222325ULL; // FNV-1a
    for (const TokenId token : tokens) {
        hash ^= static_cast<std::uint32_t>(token);
        hash *= 0x100000001b3ULL;
    }
    return hash;
}

bool startsWith(const std::vector<TokenId>& tokens, const std::vector<TokenId>& start)
{
    return start.size() <= tokens.size() && std::equal(start.begin(), start.end(), tokens.begin());
}

} // namespace

void ConversationStore::storeState(MessageId message, StatePoint point, const StateRecord& state)
{
    // What this one extends: the state before the same answer, else the nearest one of an earlier message.
    MessageId base = 0;
    int basePoint = 0, depth = -1;
    std::optional<StateRecord> earlier;
    const auto offer = [&](MessageId candidate, int candidatePoint) {
        int candidateDepth = 0;
        earlier = stateWithTokens(candidate, candidatePoint, candidateDepth);
        if (!earlier || candidateDepth >= kDeepest || earlier->fingerprint != state.fingerprint ||
            !startsWith(state.snapshot.tokens, earlier->snapshot.tokens)) {
            earlier.reset();
            return false;
        }
        base = candidate;
        basePoint = candidatePoint;
        depth = candidateDepth;
        return true;
    };
    if (point == StatePoint::Prompt || !offer(message, static_cast<int>(StatePoint::Prompt))) {
        QSqlQuery row = run(
            QStringLiteral("WITH RECURSIVE path(id, steps) AS ("
                           " SELECT parent, 1 FROM messages WHERE id = ?"
                           " UNION ALL SELECT m.parent, steps + 1 FROM messages m JOIN path p ON m.id = p.id"
                           " WHERE m.parent IS NOT NULL)"
                           " SELECT s.message, s.point FROM path p JOIN states s ON s.message = p.id"
                           " ORDER BY p.steps, s.point DESC LIMIT 1"),
            {message});
        if (row.next()) {
            const MessageId found = row.value(0).toLongLong();
            const int foundPoint = row.value(1).toInt();
            row.finish();
            offer(found, foundPoint);
        }
    }
    const std::vector<TokenId>& tokens = state.snapshot.tokens;
    const std::size_t shared = earlier ? earlier->snapshot.tokens.size() : 0;
    run(QStringLiteral("INSERT OR REPLACE INTO states (message, point, fingerprint, key, consumed,"
                       " base_message, base_point, base_count, depth, hash, tokens, state)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        {message, static_cast<int>(point), state.fingerprint, asSigned(state.key),
         static_cast<qint64>(state.snapshot.consumed),
         earlier ? QVariant(base) : QVariant(QMetaType(QMetaType::LongLong)), basePoint,
         static_cast<qint64>(shared), depth + 1, asSigned(hashOf(tokens)),
         bytesOf(tokens.data() + shared, tokens.size() - shared),
         bytesOf(state.snapshot.state.values.data(), state.snapshot.state.values.size())});
}

std::optional<StateRecord> ConversationStore::stateWithTokens(MessageId message, int point, int& depth)
{
    std::vector<QByteArray> parts; // newest first
    std::vector<qint64> bases;     // tokens before each part
    StateRecord record;
    qint64 hash = 0;
    for (int steps = 0; message != 0; ++steps) {
        QSqlQuery row = run(QStringLiteral("SELECT fingerprint, key, consumed, base_message, base_point,"
                                           " base_count, depth, hash, tokens, state FROM states"
                                           " WHERE message = ? AND point = ?"),
                            {message, point});
        if (!row.next() || steps > kDeepest)
            return std::nullopt;
        if (steps == 0) {
            record.fingerprint = row.value(0).toString();
            record.key = static_cast<std::uint64_t>(row.value(1).toLongLong());
            record.snapshot.consumed = row.value(2).toLongLong();
            record.snapshot.state.position = record.snapshot.consumed;
            depth = row.value(6).toInt();
            hash = row.value(7).toLongLong();
            appendValues(record.snapshot.state.values, row.value(9).toByteArray());
        }
        parts.push_back(row.value(8).toByteArray());
        bases.push_back(row.value(5).toLongLong());
        message = row.value(3).toLongLong();
        point = row.value(4).toInt();
    }
    std::vector<TokenId>& tokens = record.snapshot.tokens;
    for (std::size_t part = parts.size(); part-- > 0;) {
        // A base that was written anew since is another sequence; the hash below tells.
        if (bases[part] > static_cast<qint64>(tokens.size()))
            return std::nullopt;
        tokens.resize(static_cast<std::size_t>(bases[part]));
        appendValues(tokens, parts[part]);
    }
    const auto count = static_cast<qint64>(tokens.size());
    if (parts.empty() || asSigned(hashOf(tokens)) != hash || record.snapshot.consumed < 0 ||
        record.snapshot.consumed > count)
        return std::nullopt;
    return record;
}

std::optional<StateRecord> ConversationStore::state(MessageId message, StatePoint point)
{
    int depth = 0;
    return stateWithTokens(message, static_cast<int>(point), depth);
}

std::optional<StateRecord> ConversationStore::newestState(MessageId message, const QString& fingerprint)
{
    QSqlQuery row =
        run(QStringLiteral("WITH RECURSIVE path(id, steps) AS (SELECT ?, 0"
                           " UNION ALL SELECT m.parent, steps + 1 FROM messages m JOIN path p ON m.id = p.id"
                           " WHERE m.parent IS NOT NULL)"
                           " SELECT s.message, s.point FROM path p JOIN states s ON s.message = p.id"
                           " WHERE s.fingerprint = ? ORDER BY p.steps, s.point DESC"),
            {message, fingerprint});
    while (row.next()) {
        int depth = 0;
        if (auto found = stateWithTokens(row.value(0).toLongLong(), row.value(1).toInt(), depth))
            return found;
    }
    return std::nullopt;
}

void ConversationStore::forgetStates(MessageId message)
{
    run(QStringLiteral("DELETE FROM states WHERE message = ?"), {message});
    run(QStringLiteral("DELETE FROM checkpoints WHERE message = ?"), {message});
}

void ConversationStore::storeCheckpoints(MessageId message, const std::vector<Checkpoint>& checkpoints)
{
    for (const Checkpoint& checkpoint : checkpoints)
        run(QStringLiteral("INSERT OR REPLACE INTO checkpoints (message, position, state) VALUES (?, ?, ?)"),
            {message, static_cast<qint64>(checkpoint.position),
             bytesOf(checkpoint.values.data(), checkpoint.values.size())});
}

std::optional<Checkpoint> ConversationStore::checkpointBefore(MessageId message, std::int64_t position)
{
    QSqlQuery row = run(QStringLiteral("SELECT position, state FROM checkpoints WHERE message = ?"
                                       " AND position <= ? ORDER BY position DESC LIMIT 1"),
                        {message, static_cast<qint64>(position)});
    if (!row.next())
        return std::nullopt;
    Checkpoint checkpoint;
    checkpoint.position = row.value(0).toLongLong();
    appendValues(checkpoint.values, row.value(1).toByteArray());
    return checkpoint;
}

void ConversationStore::appendTokens(MessageId message, const QByteArray& chunk)
{
    run(QStringLiteral("INSERT INTO token_chunks (message, number, data) VALUES (?,"
                       " (SELECT COALESCE(MAX(number), 0) + 1 FROM token_chunks WHERE message = ?), ?)"),
        {message, message, chunk});
}

TokenTrace ConversationStore::tokens(MessageId message)
{
    TokenTrace trace;
    QSqlQuery rows =
        run(QStringLiteral("SELECT data FROM token_chunks WHERE message = ? ORDER BY number"), {message});
    while (rows.next()) {
        const std::optional<TokenTrace> chunk = parseTrace(rows.value(0).toByteArray());
        if (!chunk)
            break;
        trace.append(*chunk);
    }
    return trace;
}

void ConversationStore::forgetTokens(MessageId message)
{
    run(QStringLiteral("DELETE FROM token_chunks WHERE message = ?"), {message});
}

qint64 ConversationStore::tokenBytes()
{
    QSqlQuery row = run(QStringLiteral("SELECT COALESCE(SUM(LENGTH(data)), 0) FROM token_chunks"));
    return row.next() ? row.value(0).toLongLong() : 0;
}

} // namespace mmfree::gui
