// Fused steps of decode: quantisation on the calling thread, then one fork in which every thread runs its
// panels of all products and the element-wise work on the channels it has just computed. Four forks a layer
// instead of eight.
#include "engine/cpu/cpu_operators.h"

#include <algorithm>
#include <cassert>

namespace mmfree::cpu
{

Quantized& CpuOperators::stepQuantized(std::size_t index, std::int64_t width)
{
    while (m_stepQuantized.size() <= index)
        m_stepQuantized.emplace_back(1, width);
    Quantized& quantized = m_stepQuantized[index];
    if (quantized.largestWidth < width)
        quantized = Quantized(1, width);
    return quantized;
}

float* CpuOperators::stepFloats(std::size_t index, std::int64_t count)
{
    while (m_stepFloats.size() <= index)
        m_stepFloats.emplace_back();
    Floats& floats = m_stepFloats[index];
    if (floats.size() < static_cast<std::size_t>(count))
        floats = Floats(static_cast<std::size_t>(count));
    return floats.data();
}

void CpuOperators::gemvPanels(const TernaryProduct& product, WeightPacking packing, std::int64_t begin,
                              std::int64_t end, std::uint8_t* scratch) const
{
    TernaryProduct part = product;
    part.panelBegin = begin;
    part.panelEnd = end;
    part.scratch = scratch;
    (packing == WeightPacking::Base3 ? m_kernels.gemvBase3 : m_kernels.gemvTwoBit)(part);
}

void CpuOperators::mixerStep(const float* x, const float* inputNorm, float eps, std::int64_t width,
                             const BitLinear& forgetGate, const BitLinear& candidate,
                             const BitLinear& outputGate, const float* lowerBound, float* state,
                             float* hidden, float* outputGateOut)
{
    float* normed = stepFloats(0, width);
    float* forgetPre = stepFloats(1, width);
    float* candidatePre = stepFloats(2, width);
    m_kernels.rmsNorm(x, inputNorm, eps, width, normed);
    for (std::size_t i = 0; i < 3;
         ++i) // references below stay valid: all three exist before the first is used
        (void)stepQuantized(i, width);
    rmsNormQuantize(normed, forgetGate.norm, eps, 1, width, m_stepQuantized[0]);
    rmsNormQuantize(normed, candidate.norm, eps, 1, width, m_stepQuantized[1]);
    rmsNormQuantize(normed, outputGate.norm, eps, 1, width, m_stepQuantized[2]);
    const TernaryProduct forgetProduct =
        productOf(m_stepQuantized[0], 1, forgetGate.weight, forgetPre, false);
    const TernaryProduct candidateProduct =
        productOf(m_stepQuantized[1], 1, candidate.weight, candidatePre, false);
    const TernaryProduct gateProduct =
        productOf(m_stepQuantized[2], 1, outputGate.weight, outputGateOut, false);
    const WeightPacking packing = forgetGate.weight.packing();

    const std::size_t bytes = m_kernels.gemvNeedsScratch ? scratchBytes(forgetProduct.depth) : 0;
    const bool worthAFork = 3 * forgetGate.weight.bytes() >= kBytesWorthAFork;
    const std::int64_t panels = forgetGate.weight.panelCount();
    forPanels(panels, worthAFork, bytes, [&](std::int64_t begin, std::int64_t end, std::uint8_t* scratch) {
        gemvPanels(forgetProduct, packing, begin, end, scratch);
        gemvPanels(candidateProduct, packing, begin, end, scratch);
        m_kernels.gatesAndScan(forgetPre, candidatePre, lowerBound, 1, width, begin * kPanelRows,
                               std::min(width, end * kPanelRows), state, hidden, nullptr, nullptr);
        gemvPanels(gateProduct, packing, begin, end, scratch);
    });
}

void CpuOperators::gluStep(const float* x, const float* inputNorm, float eps, std::int64_t width,
                           const BitLinear& gateUp, float* glu)
{
    const std::int64_t rows = gateUp.weight.rows(), half = rows / 2;
    float* normed = stepFloats(0, width);
    float* products = stepFloats(1, rows);
    m_kernels.rmsNorm(x, inputNorm, eps, width, normed);
    Quantized& quantized = stepQuantized(0, width);
    rmsNormQuantize(normed, gateUp.norm, eps, 1, width, quantized);
    if (half % kPanelRows != 0) { // a panel would hold both gates and ups
        ternaryLinear(quantized, 1, gateUp.weight, products);
        swiGlu(products, products + half, rows, 1, half, glu);
        return;
    }
    const TernaryProduct product = productOf(quantized, 1, gateUp.weight, products, false);
    const WeightPacking packing = gateUp.weight.packing();
    const std::int64_t panels = half / kPanelRows;
    const std::size_t bytes = m_kernels.gemvNeedsScratch ? scratchBytes(product.depth) : 0;
    const bool worthAFork = gateUp.weight.bytes() >= kBytesWorthAFork;
    forPanels(panels, worthAFork, bytes, [&](std::int64_t begin, std::int64_t end, std::uint8_t* scratch) {
        gemvPanels(product, packing, begin, end, scratch);
        gemvPanels(product, packing, panels + begin, panels + end, scratch);
        const std::int64_t first = begin * kPanelRows;
        m_kernels.swiGlu(products + first, products + half + first, (end - begin) * kPanelRows, glu + first);
    });
}

void CpuOperators::bitLinearStepAdd(const float* x, float eps, const BitLinear& linear, float* out)
{
    Quantized& quantized = stepQuantized(0, linear.weight.cols());
    rmsNormQuantize(x, linear.norm, eps, 1, linear.weight.cols(), quantized);
    ternaryLinearAdd(quantized, 1, linear.weight, out);
}

void CpuOperators::gatedOutputStep(const float* outputGate, const float* gateNorm, float eps,
                                   const float* hidden, std::int64_t width, const BitLinear& output,
                                   float* out)
{
    float* gated = stepFloats(0, width);
    m_kernels.normAndGate(outputGate, gateNorm, eps, hidden, width, gated);
    bitLinearStepAdd(gated, eps, output, out);
}

} // namespace mmfree::cpu
