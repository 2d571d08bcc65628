#include "engine/text/tokenizer.h"
#include "engine/text/utf8.h"

namespace mmfree
{

IncrementalDecoder::IncrementalDecoder(const Tokenizer& tokenizer, bool atTextStart, bool showSpecial)
    : m_tokenizer(&tokenizer)
    , m_atStart(atTextStart)
    , m_showSpecial(showSpecial)
{
}

std::string IncrementalDecoder::push(TokenId token)
{
    std::string text;
    if (m_tokenizer->isControl(token)) { // ends a run of byte tokens
        text = flush();
        if (m_showSpecial)
            text += m_tokenizer->piece(token);
        return text;
    }
    std::string_view bytes = m_tokenizer->bytesView(token);
    if (m_atStart && !m_tokenizer->isByte(token) && token != m_tokenizer->unknownId()) {
        const Tokenizer::StartSpace rule = m_tokenizer->startSpace();
        const bool strip = rule != Tokenizer::StartSpace::Keep && bytes.starts_with(' ');
        if (strip)
            bytes.remove_prefix(1);
        if (!bytes.empty() || (strip && rule == Tokenizer::StartSpace::DropOne))
            m_atStart = false;
    } else {
        m_atStart = false;
    }
    m_pending += bytes;
    moveCompleteUtf8(m_pending, text);
    return text;
}

std::string IncrementalDecoder::flush()
{
    std::string text;
    moveAllUtf8(m_pending, text);
    return text;
}

} // namespace mmfree
