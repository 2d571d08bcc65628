// States of sequences that were read or written before, by their tokens, so that the next request of a
// conversation reads only what is new. Nothing is found unless every token is the same: conversations cannot
// mix. Bounded by bytes, least recently used first out. Safe to call from several threads.
#pragma once

#include "engine/core/types.h"
#include "engine/runtime/backend.h"

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mmfree::server
{

using SharedTokens = std::shared_ptr<const std::vector<TokenId>>;

class StateCache
{
public:
    explicit StateCache(std::size_t limitBytes); // 0: keeps nothing

    // The state after the longest stored prefix of at most `longest` of these tokens; its position is that
    // length.
    [[nodiscard]] std::optional<StateSnapshot> find(std::span<const TokenId> tokens, std::size_t longest);
    // `state` is the one after the first state.position of `tokens`. Several states may share one token
    // array.
    void store(const SharedTokens& tokens, StateSnapshot state);

    // An answer's text can be cut into tokens in other ways than the one it was written in. Remembers that
    // after the first `promptLength` of `tokens` the tokens up to `end` were written for `text`.
    void storeAnswer(const SharedTokens& tokens, std::size_t promptLength, std::size_t end, std::string text);
    // The tokens written for `text` behind `prompt`; empty: not remembered.
    [[nodiscard]] std::vector<TokenId> findAnswer(std::span<const TokenId> prompt, std::string_view text);

    [[nodiscard]] std::size_t bytes() const;

private:
    struct Entry {
        std::uint64_t hash = 0;
        SharedTokens tokens;
        std::size_t promptLength = 0; // of an answer; else the state's position
        std::size_t end = 0;          // of an answer; 0: a state
        std::string text;
        StateSnapshot state;
        std::size_t bytes = 0;
    };
    using Entries = std::list<Entry>;

    void insert(Entry entry);
    void erase(Entries::iterator entry);
    Entry* lookUp(std::uint64_t hash, std::span<const TokenId> prefix, const std::string_view* text);

    const std::size_t m_limitBytes;
    mutable std::mutex m_mutex;
    Entries m_entries; // most recently used first
    std::unordered_multimap<std::uint64_t, Entries::iterator> m_index;
    std::size_t m_bytes = 0;
};

} // namespace mmfree::server
