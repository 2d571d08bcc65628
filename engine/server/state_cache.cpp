#include "engine/server/state_cache.h"

#include <algorithm>
#include <utility>

namespace mmfree::server
{

namespace
{

constexpr std::uint64_t kEmptyHash = 0xcbf29ce484222325ull; // FNV-1a offset basis
constexpr std::uint64_t kHashPrime = 0x100000001b3ull;
constexpr std::uint64_t kAnswerMark = 0x9E3779B97F4A7C15ull; // keeps answers and states apart

std::uint64_t extend(std::uint64_t hash, TokenId token)
{
    hash ^= static_cast<std::uint32_t>(token);
    hash *= kHashPrime;
    return hash ^ (hash >> 29);
}

std::uint64_t hashOf(std::span<const TokenId> tokens)
{
    std::uint64_t hash = kEmptyHash;
    for (const TokenId token : tokens)
        hash = extend(hash, token);
    return hash;
}

std::uint64_t answerHash(std::span<const TokenId> prompt, std::string_view text)
{
    return hashOf(prompt) ^ (std::hash<std::string_view>{}(text)*kHashPrime + kAnswerMark);
}

} // namespace

StateCache::StateCache(std::size_t limitBytes)
    : m_limitBytes(limitBytes)
{
}

std::optional<StateSnapshot> StateCache::find(std::span<const TokenId> tokens, std::size_t longest)
{
    const std::size_t count = std::min(tokens.size(), longest);
    std::vector<std::uint64_t> hashes(count + 1, kEmptyHash);
    for (std::size_t i = 0; i < count; ++i)
        hashes[i + 1] = extend(hashes[i], tokens[i]);
    const std::lock_guard lock(m_mutex);
    for (std::size_t length = count; length > 0; --length) {
        if (const Entry* entry = lookUp(hashes[length], tokens.first(length), nullptr))
            return entry->state;
    }
    return std::nullopt;
}

void StateCache::store(const SharedTokens& tokens, StateSnapshot state)
{
    Entry entry;
    entry.promptLength = static_cast<std::size_t>(state.position);
    const auto prefix = std::span(*tokens).first(entry.promptLength);
    entry.hash = hashOf(prefix);
    entry.tokens = tokens;
    entry.bytes = state.values.size() * sizeof(float) + prefix.size() * sizeof(TokenId) + sizeof(Entry);
    entry.state = std::move(state);
    const std::lock_guard lock(m_mutex);
    if (entry.promptLength > 0 && !lookUp(entry.hash, prefix, nullptr))
        insert(std::move(entry));
}

void StateCache::storeAnswer(const SharedTokens& tokens, std::size_t promptLength, std::size_t end,
                             std::string text)
{
    Entry entry;
    const auto prompt = std::span(*tokens).first(promptLength);
    entry.hash = answerHash(prompt, text);
    entry.tokens = tokens;
    entry.promptLength = promptLength;
    entry.end = end;
    entry.bytes = text.size() + end * sizeof(TokenId) + sizeof(Entry);
    entry.text = std::move(text);
    const std::lock_guard lock(m_mutex);
    const std::string_view key = entry.text;
    if (end > promptLength && !lookUp(entry.hash, prompt, &key))
        insert(std::move(entry));
}

std::vector<TokenId> StateCache::findAnswer(std::span<const TokenId> prompt, std::string_view text)
{
    const std::uint64_t hash = answerHash(prompt, text);
    const std::lock_guard lock(m_mutex);
    const Entry* entry = lookUp(hash, prompt, &text);
    if (!entry)
        return {};
    const auto begin = entry->tokens->begin();
    return {begin + static_cast<std::ptrdiff_t>(entry->promptLength),
            begin + static_cast<std::ptrdiff_t>(entry->end)};
}

std::size_t StateCache::bytes() const
{
    const std::lock_guard lock(m_mutex);
    return m_bytes;
}

StateCache::Entry* StateCache::lookUp(std::uint64_t hash, std::span<const TokenId> prefix,
                                      const std::string_view* text)
{
    const auto [first, last] = m_index.equal_range(hash);
    for (auto found = first; found != last; ++found) {
        Entry& entry = *found->second;
        const bool rightKind = text ? entry.end > 0 && entry.text == *text : entry.end == 0;
        if (!rightKind || entry.promptLength != prefix.size())
            continue;
        if (!std::equal(prefix.begin(), prefix.end(), entry.tokens->begin()))
            continue;
        m_entries.splice(m_entries.begin(), m_entries, found->second);
        return &entry;
    }
    return nullptr;
}

void StateCache::insert(Entry entry)
{
    if (entry.bytes > m_limitBytes)
        return;
    m_bytes += entry.bytes;
    m_entries.push_front(std::move(entry));
    m_index.emplace(m_entries.front().hash, m_entries.begin());
    while (m_bytes > m_limitBytes)
        erase(std::prev(m_entries.end()));
}

void StateCache::erase(Entries::iterator entry)
{
    const auto [first, last] = m_index.equal_range(entry->hash);
    const auto indexed =
        std::find_if(first, last, [&](const auto& candidate) { return candidate.second == entry; });
    m_index.erase(indexed);
    m_bytes -= entry->bytes;
    m_entries.erase(entry);
}

} // namespace mmfree::server
