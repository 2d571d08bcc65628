// Memory, norms, quantisation, gates and the ternary products. Dense operators: cpu_dense.cpp; backward and
// optimiser: cpu_training.cpp.
#include "engine/cpu/cpu_operators.h"

#include "engine/cpu/blas.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>

namespace mmfree::cpu
{

namespace
{

constexpr std::int64_t kTokenRows = 32;    // rows of a Quantized are allocated in such groups
constexpr std::int64_t kScanChannels = 64; // channels a scan task takes: one to four cache lines of a row

std::int64_t divideUp(std::int64_t value, std::int64_t divisor)
{
    return (value + divisor - 1) / divisor;
}
std::int64_t roundUp(std::int64_t value, std::int64_t multiple)
{
    return divideUp(value, multiple) * multiple;
}

// Copies tokens of the activations into tiles [tile][depth / 4][12][4] for the blocked products; missing
// tokens are 0.
void packTiles(const Quantized& quantized, std::int64_t tokens, std::int64_t depth, std::int64_t begin,
               std::int64_t end, std::int8_t* tiles)
{
    for (std::int64_t tile = begin; tile < end; ++tile) {
        std::int8_t* out = tiles + tile * kTokenTile * depth;
        for (std::int64_t t = 0; t < kTokenTile; ++t) {
            const std::int64_t token = tile * kTokenTile + t;
            const std::int8_t* q = quantized.values.data() + token * quantized.stride;
            for (std::int64_t k = 0; k < depth; k += 4) {
                std::int8_t* target = out + k * kTokenTile + 4 * t;
                if (token < tokens)
                    std::memcpy(target, q + k, 4);
                else
                    std::memset(target, 0, 4);
            }
        }
    }
}

} // namespace

std::int64_t Quantized::strideOf(std::int64_t width)
{
    const std::int64_t lines = divideUp(width, 64) + 1;
    return 64 * (lines | 1);
}

Quantized::Quantized(std::int64_t tokens, std::int64_t widest)
    : capacity(roundUp(tokens, kTokenRows))
    , largestWidth(widest)
    , values(static_cast<std::size_t>(capacity * strideOf(widest)))
    , scales(static_cast<std::size_t>(capacity))
    , sums(static_cast<std::size_t>(capacity))
    , factors(static_cast<std::size_t>(capacity))
{
}

CpuOperators::CpuOperators(const KernelTable& kernels, int threads, WeightPacking packing)
    : m_kernels(kernels)
    , m_packing(packing)
    , m_pool(threads)
    , m_scratch(m_pool.threadCount())
{
    useSingleThreadedBlas();
}

CpuOperators::Floats CpuOperators::upload(std::span<const float> host)
{
    Floats floats(host.size());
    copyIn(host, floats.data());
    return floats;
}
void CpuOperators::copyIn(std::span<const float> host, float* target)
{
    copy(host.data(), target, host.size());
}
void CpuOperators::copyOut(const float* source, std::span<float> host)
{
    copy(source, host.data(), host.size());
}
void CpuOperators::copy(const float* source, float* target, std::size_t count)
{
    if (count > 0)
        std::memcpy(target, source, count * sizeof(float));
}
void CpuOperators::setZero(float* target, std::size_t count)
{
    if (count > 0)
        std::memset(target, 0, count * sizeof(float));
}
CpuOperators::Tokens CpuOperators::uploadTokens(std::span<const TokenId> host)
{
    Tokens tokens(host.size());
    std::copy(host.begin(), host.end(), tokens.data());
    return tokens;
}

TernaryMatrix CpuOperators::makeTernary(const TernaryTensor& tensor)
{
    return TernaryMatrix(tensor, m_packing, m_pool);
}

void CpuOperators::embed(const TokenId* tokens, std::int64_t count, const DenseMatrix& table, float* out)
{
    forItems(count, table.cols(), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t)
            m_kernels.convert(table.row(tokens[t]), table.type(), table.cols(), out + t * table.cols());
    });
}

void CpuOperators::rmsNorm(const float* x, const float* weight, float eps, std::int64_t count,
                           std::int64_t width, float* out)
{
    forItems(count, width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t)
            m_kernels.rmsNorm(x + t * width, weight, eps, width, out + t * width);
    });
}

void CpuOperators::rmsNormQuantize(const float* x, const float* weight, float eps, std::int64_t count,
                                   std::int64_t width, Quantized& quantized)
{
    assert(count <= quantized.capacity && width <= quantized.largestWidth);
    quantized.width = width;
    quantized.stride = Quantized::strideOf(width);
    forItems(count, 2 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t) {
            const QuantizedRow row =
                m_kernels.rmsNormQuantize(x + t * width, weight, eps, width, quantized.stride,
                                          quantized.values.data() + t * quantized.stride);
            quantized.scales[t] = row.scale;
            quantized.sums[t] = row.sum;
        }
    });
}

void CpuOperators::ternaryLinear(Quantized& quantized, std::int64_t count, const TernaryMatrix& weight,
                                 float* out)
{
    ternaryProduct(quantized, count, weight, out, false);
}
void CpuOperators::ternaryLinearAdd(Quantized& quantized, std::int64_t count, const TernaryMatrix& weight,
                                    float* out)
{
    ternaryProduct(quantized, count, weight, out, true);
}

TernaryProduct CpuOperators::productOf(Quantized& quantized, std::int64_t count, const TernaryMatrix& weight,
                                       float* out, bool add)
{
    TernaryProduct product = {};
    product.panels = weight.panels();
    product.panelBytes = weight.panelBytes();
    product.steps = weight.steps();
    product.rows = weight.rows();
    product.q = quantized.values.data();
    product.qStride = quantized.stride;
    product.depth = roundUp(weight.cols(), 64);
    product.qSums = quantized.sums.data();
    product.factors = quantized.factors.data();
    product.tokens = count;
    product.out = out;
    product.outStride = weight.rows();
    product.add = add;
    for (std::int64_t t = 0; t < count; ++t)
        quantized.factors[t] = weight.scale() / quantized.scales[t];
    return product;
}

void CpuOperators::ternaryProduct(Quantized& quantized, std::int64_t count, const TernaryMatrix& weight,
                                  float* out, bool add)
{
    assert(quantized.width == weight.cols() && count <= quantized.capacity);
    const bool blocked = count >= m_kernels.gemmTokens;
    const bool base3 = weight.packing() == WeightPacking::Base3;
    TernaryProduct product = productOf(quantized, count, weight, out, add);
    if (blocked && m_kernels.gemmNeedsTiles) {
        const std::int64_t tiles = divideUp(count, kTokenTile);
        const auto bytes = static_cast<std::size_t>(tiles * kTokenTile * product.depth);
        if (quantized.tiles.size() < bytes)
            quantized.tiles = AlignedBuffer<std::int8_t>(bytes);
        m_pool.parallelFor(tiles, 1, [&](std::int64_t begin, std::int64_t end) {
            packTiles(quantized, count, product.depth, begin, end, quantized.tiles.data());
        });
        product.qTiles = quantized.tiles.data();
    }
    const bool scratchNeeded = blocked || m_kernels.gemvNeedsScratch;
    const auto run = blocked ? (base3 ? m_kernels.gemmBase3 : m_kernels.gemmTwoBit)
                             : (base3 ? m_kernels.gemvBase3 : m_kernels.gemvTwoBit);
    const bool worthAFork = weight.bytes() * static_cast<std::size_t>(count) >= kBytesWorthAFork;
    forPanels(weight.panelCount(), worthAFork, scratchNeeded ? scratchBytes(product.depth) : 0,
              [&](std::int64_t begin, std::int64_t end, std::uint8_t* scratch) {
                  TernaryProduct part = product;
                  part.panelBegin = begin;
                  part.panelEnd = end;
                  part.scratch = scratch;
                  run(part);
              });
}

void CpuOperators::gatesAndScan(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                                std::int64_t batch, std::int64_t length, std::int64_t width, float* state,
                                float* hidden, float* forget, float* candidate)
{
    const std::int64_t blocks = divideUp(width, kScanChannels);
    forItems(batch * blocks, 8 * length * kScanChannels, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task) {
            const std::int64_t sequence = task / blocks, channel = task % blocks * kScanChannels;
            const std::int64_t rows = sequence * length * width;
            m_kernels.gatesAndScan(forgetPre + rows, candidatePre + rows, lowerBound, length, width, channel,
                                   std::min(width, channel + kScanChannels), state + sequence * width,
                                   hidden + rows, forget ? forget + rows : nullptr,
                                   candidate ? candidate + rows : nullptr);
        }
    });
}

void CpuOperators::normAndGate(const float* g, const float* weight, float eps, const float* hidden,
                               std::int64_t count, std::int64_t width, float* out)
{
    forItems(count, 4 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t)
            m_kernels.normAndGate(g + t * width, weight, eps, hidden + t * width, width, out + t * width);
    });
}

void CpuOperators::swiGlu(const float* gate, const float* up, std::int64_t stride, std::int64_t count,
                          std::int64_t width, float* out)
{
    forItems(count, 4 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t t = begin; t < end; ++t)
            m_kernels.swiGlu(gate + t * stride, up + t * stride, width, out + t * width);
    });
}

void CpuOperators::readQuantized(const Quantized& quantized, std::int64_t count, std::int64_t width,
                                 float* out)
{
    for (std::int64_t t = 0; t < count; ++t) {
        const std::int8_t* q = quantized.values.data() + t * quantized.stride;
        for (std::int64_t c = 0; c < width; ++c) // column 4 b + f of a group lies at 4 f + b
            out[t * width + c] = static_cast<float>(q[c / 16 * 16 + c % 4 * 4 + c % 16 / 4]);
    }
}

} // namespace mmfree::cpu
