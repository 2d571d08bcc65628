// Copies probed quantities out of device memory into an ActivationTrace, chunk by chunk.
#pragma once

#include "engine/runtime/activation_trace.h"
#include "fpga/host/device_model.h"
#include "fpga/host/kernel_launcher.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mmfree::opencl
{

// Copies what a request probes out of the workspaces of the present chunk.
class ProbeCapture
{
public:
    ProbeCapture(KernelLauncher& launcher, const ProbeRequest& request, std::int64_t tokens)
        : m_launcher(launcher)
        , m_request(request)
        , m_tokens(tokens)
        , m_trace(std::make_shared<ActivationTrace>())
    {
    }
    void setRows(std::int64_t row, std::int64_t count)
    {
        m_row = row;
        m_count = count;
    }
    [[nodiscard]] bool wants(std::int64_t layer, Quantity quantity) const
    {
        return m_request.wants(layer, quantity);
    }

    // Rows of `width` floats, `stride` floats apart, from float `offset` of `memory`.
    void take(std::int64_t layer, Quantity quantity, cl_mem memory, std::int64_t width,
              std::int64_t stride = 0, std::int64_t offset = 0)
    {
        if (!wants(layer, quantity))
            return;
        const std::span<float> out = rows(layer, quantity, width);
        m_launcher.readRows(memory, static_cast<std::size_t>(offset) * sizeof(float),
                            static_cast<std::size_t>(stride ? stride : width) * sizeof(float),
                            static_cast<std::size_t>(width) * sizeof(float), std::as_writable_bytes(out));
    }

    // The int8 input of the forget gate's projection, out of its storage order.
    void takeQuantized(std::int64_t layer, cl_mem memory, std::int64_t width, Variant variant)
    {
        if (!wants(layer, Quantity::QuantizedInput))
            return;
        const std::span<float> out = rows(layer, Quantity::QuantizedInput, width);
        const std::int64_t padded = paddedColumns(width);
        const std::size_t elementBytes = variant == Variant::Vector ? 2 : 1;
        std::vector<std::byte> raw(static_cast<std::size_t>(m_count * padded) * elementBytes);
        m_launcher.read(memory, 0, raw);
        for (std::int64_t t = 0; t < m_count; ++t) {
            for (std::int64_t c = 0; c < width; ++c) {
                const auto at =
                    static_cast<std::size_t>(t * padded + activationSlot(c, variant)) * elementBytes;
                out[static_cast<std::size_t>(t * width + c)] =
                    static_cast<float>(static_cast<std::int8_t>(raw[at])); // the low byte holds -128..127
            }
        }
    }
    [[nodiscard]] std::shared_ptr<const ActivationTrace> finish() { return std::move(m_trace); }

private:
    std::span<float> rows(std::int64_t layer, Quantity quantity, std::int64_t width)
    {
        TracedQuantity& entry = m_trace->entries[{layer, quantity}];
        if (entry.values.empty()) {
            entry.tokens = m_tokens;
            entry.width = width;
            entry.values.resize(static_cast<std::size_t>(m_tokens * width));
        }
        return std::span(entry.values)
            .subspan(static_cast<std::size_t>(m_row * width), static_cast<std::size_t>(m_count * width));
    }

    KernelLauncher& m_launcher;
    const ProbeRequest& m_request;
    std::int64_t m_tokens, m_row = 0, m_count = 0;
    std::shared_ptr<ActivationTrace> m_trace;
};

} // namespace mmfree::opencl
