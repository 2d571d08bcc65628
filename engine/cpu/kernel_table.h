// The table of compute kernels one instruction-set variant offers, as plain function pointers.
// cpu_operators.cpp picks a table once and calls through it; every kernels_<isa>.cpp fills one. Only plain
// data types here: the per-ISA files must not pull in inline library code that would be compiled with their
// flags.
//
// All variants give the same bits: reductions run over 64 fixed lanes folded in a fixed order, products and
// sums are never contracted into fused multiply-adds, and exp is one polynomial evaluated in one order
// everywhere.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace mmfree::cpu
{

// ---- Layout of packed ternary matrices (see ternary_matrix.h) ----

constexpr int64_t kPanelRows = 32;         // rows interleaved in one panel, one 32-bit lane each
constexpr int64_t kTwoBitStepColumns = 16; // columns per 128-byte step of a two-bit panel
constexpr int64_t kTwoBitStepBytes = 128;
constexpr int64_t kBase3StepColumns = 12; // columns per 80-byte step of a base-3 panel: 3 weights in 5 bits
constexpr int64_t kBase3StepBytes = 80;
constexpr int64_t kPanelSlackBytes = 64; // readable bytes after the last panel (vector loads overlap)
constexpr int64_t kTokenTile = 12;       // tokens per tile of activations packed for the blocked product
constexpr int64_t kPrefetchBytes = 2048; // distance of software prefetches ahead of a weight stream
constexpr int64_t kMaximumColumns = int64_t{1} << 21;

// Activations are stored in "field order": inside each group of 16 columns, position 4 f + b holds column 4 b
// + f. Then the file's 32-bit word of 16 codes is used as it is: the codes at bits 2 f of its four bytes meet
// four consecutive activation bytes.
constexpr int64_t kActivationGroup = 16;

// One product of a range of panels with some tokens: out[t, r] (= or +=) float(sum_c t[r, c] q[t, c]) *
// factor[t]. Accumulators are int32: |partial sums| <= 2^8 * columns, so columns <= 2^21 can not overflow.
struct TernaryProduct {
    const uint8_t* panels; // panel 0 of the matrix
    int64_t panelBytes;    // distance of panels
    int64_t steps;         // steps per panel
    int64_t rows;          // rows of the matrix (the last panel may be partly padding)
    int64_t panelBegin, panelEnd;
    const int8_t* q;      // [tokens, qStride] field order, zero up to qStride
    int64_t qStride;      // bytes, a multiple of 64
    const int8_t* qTiles; // gemm: [ceil(tokens / 12)][depth / 4][12][4], or null where not needed
    int64_t depth;        // gemm: columns rounded up to a multiple of 64
    const int32_t* qSums; // [tokens] sum of a token's q
    const float* factors; // [tokens]
    int64_t tokens;
    float* out; // [tokens, outStride]
    int64_t outStride;
    bool add;
    uint8_t* scratch; // 32 * (depth + 64) bytes of this thread, 64-byte aligned; gemm, and portable gemv
};

enum class ElementType { F32, F16, BF16 };

struct QuantizedRow {
    float scale; // s: value = q / s
    int32_t sum; // sum of q
};

struct AdamConstants {
    float beta1, rest1, beta2, rest2; // rest = 1 - beta, rounded once from double
    float gradientScale;
    float stepSize;    // learning rate / (1 - beta1^step)
    float secondScale; // 1 / (1 - beta2^step)
    float epsilon;
    float decay; // learning rate * weight decay
};

struct KernelTable {
    const char* name;

    // Ternary products. gemv: few tokens, weights streamed once; gemm: panels unpacked once for many tokens.
    void (*gemvTwoBit)(const TernaryProduct& product);
    void (*gemvBase3)(const TernaryProduct& product);
    void (*gemmTwoBit)(const TernaryProduct& product);
    void (*gemmBase3)(const TernaryProduct& product);
    int64_t gemmTokens;    // from so many tokens on, gemm is the faster
    bool gemmNeedsTiles;   // qTiles must be filled
    bool gemvNeedsScratch; // scratch must be given to gemv too

    // Rows of `width` floats; no alignment needed.
    void (*rmsNorm)(const float* x, const float* weight, float eps, int64_t width, float* out);
    // q: field order, zero from `width` to `paddedWidth` (a multiple of 16)
    QuantizedRow (*rmsNormQuantize)(const float* x, const float* weight, float eps, int64_t width,
                                    int64_t paddedWidth, int8_t* q);
    // Channels [begin, end) of one sequence of `length` rows `width` floats apart; lowerBound, forget and
    // candidate may be null.
    void (*gatesAndScan)(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                         int64_t length, int64_t width, int64_t begin, int64_t end, float* state,
                         float* hidden, float* forget, float* candidate);
    void (*normAndGate)(const float* g, const float* weight, float eps, const float* hidden, int64_t width,
                        float* out);
    void (*swiGlu)(const float* gate, const float* up, int64_t width, float* out);
    void (*convert)(const void* source, ElementType type, int64_t count, float* out);

    // Dense decode: out[r] (= or +=) weights[r] . x for rows [begin, end)
    void (*denseGemv)(const void* weights, ElementType type, int64_t cols, const float* x, int64_t begin,
                      int64_t end, float* out, bool add);
    float (*dot)(const float* a, const float* b, int64_t count);
    void (*multiplyAdd)(float factor, const float* x, int64_t count, float* out); // out += factor * x
    void (*softmax)(float* values, int64_t count);                                // in place, count >= 1
    void (*addTo)(const float* x, int64_t count, float* out);                     // out += x

    // Training. Row functions return 1 / rms of their row, which the weight gradients of all rows take.
    float (*rmsNormBackward)(const float* x, const float* weight, float eps, const float* dY, int64_t width,
                             float* dX); // dX +=
    void (*rmsNormWeightGradient)(const float* x, const float* reciprocals, const float* dY, int64_t tokens,
                                  int64_t width, int64_t begin, int64_t end, float* dWeight); // +=
    void (*gatesAndScanBackward)(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                                 const float* hidden, const float* dHidden, int64_t length, int64_t width,
                                 int64_t begin, int64_t end, float* dForgetPre, float* dCandidatePre,
                                 float* dLowerBound); // dLowerBound +=
    float (*normAndGateBackward)(const float* g, const float* weight, float eps, const float* hidden,
                                 const float* dOut, int64_t width, float* dG, float* dHidden);
    void (*normAndGateWeightGradient)(const float* g, const float* reciprocals, const float* hidden,
                                      const float* dOut, int64_t tokens, int64_t width, int64_t begin,
                                      int64_t end,
                                      float* dWeight); // +=
    void (*swiGluBackward)(const float* gate, const float* up, const float* dOut, int64_t width, float* dGate,
                           float* dUp);
    // Returns sum of exp(logit - largest); dLogits = (softmax - onehot) * gradientScale, may be null or
    // `logits`.
    float (*crossEntropy)(const float* logits, int64_t count, int64_t target, float gradientScale,
                          float* dLogits, float* largest);
    float (*sumOfSquares)(const float* values, int64_t count);
    void (*adamw)(float* parameters, float* gradients, float* first, float* second, int64_t count,
                  const AdamConstants& constants);
};

// Each is null when the build's target architecture has no such variant.
const KernelTable* portableKernels();
const KernelTable* avx2Kernels();
const KernelTable* avxVnniKernels();
const KernelTable* avx512Kernels();
const KernelTable* amxKernels();

} // namespace mmfree::cpu
