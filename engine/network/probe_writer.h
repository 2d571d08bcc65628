// Copies probed quantities out of the operators' memory into an ActivationTrace. An empty request costs one
// branch per call.
#pragma once

#include "engine/runtime/activation_trace.h"

#include <memory>

namespace mmfree
{

template <class O>
class ProbeWriter
{
public:
    // `request` null or empty: captures nothing. `tokens`: rows of the whole forward call.
    ProbeWriter(O& ops, const ProbeRequest* request, std::int64_t tokens)
        : m_ops(ops)
        , m_request(request && !request->empty() ? request : nullptr)
        , m_tokens(tokens)
    {
        if (m_request)
            m_trace = std::make_shared<ActivationTrace>();
    }

    // Rows of the present chunk start at `row`.
    void setFirstRow(std::int64_t row) { m_row = row; }

    [[nodiscard]] bool empty() const { return m_request == nullptr; }
    [[nodiscard]] bool wants(std::int64_t layer, Quantity quantity) const
    {
        return m_request && m_request->wants(layer, quantity);
    }

    // values [count, width] in the operators' memory
    void capture(std::int64_t layer, Quantity quantity, const float* values, std::int64_t count,
                 std::int64_t width)
    {
        if (!wants(layer, quantity))
            return;
        TracedQuantity& entry = m_trace->entries[{layer, quantity}];
        if (entry.values.empty()) {
            entry.tokens = m_tokens;
            entry.width = width;
            entry.values.resize(static_cast<std::size_t>(m_tokens * width));
        }
        m_ops.copyOut(values, std::span(entry.values).subspan(m_row * width, count * width));
    }

    [[nodiscard]] std::shared_ptr<const ActivationTrace> finish() { return std::move(m_trace); }

private:
    O& m_ops;
    const ProbeRequest* m_request;
    std::int64_t m_tokens;
    std::int64_t m_row = 0;
    std::shared_ptr<ActivationTrace> m_trace;
};

} // namespace mmfree
