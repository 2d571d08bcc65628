// Kernels of MatMul-free training: norms with quantisers forward and backward, the scan's backward pass,
// cross entropy, embedding and norm gradients, ternary copies of the parameters and AdamW. Host wrappers;
// every launch is asynchronous on `stream`. T = tokens; f32 arrays are row-major without padding, bf16 arrays
// have rows of paddedWidth(width) values.
#pragma once

#include "engine/cuda/prefill_kernels.h"

#include <cuda_bf16.h>

namespace mmfree::cuda
{

[[nodiscard]] constexpr std::int64_t paddedWidth(std::int64_t width)
{
    return ceilDivide(width, 8) * 8;
}
// Widest row the norm kernels hold in registers.
inline constexpr std::int64_t kWidestTrainingRow = 16384;

// Sums over tokens for norm weights: every group of threads writes its own partial sums, which a second
// kernel adds in a fixed order.
struct PartialSums {
    float* values = nullptr;   // [weights, groups, width]
    std::int64_t capacity = 0; // floats
};
// Groups of threads the kernels below use for rows of `width`: at most this many rows of partial sums.
[[nodiscard]] std::int64_t rowGroups(std::int64_t width, std::int64_t tokens, int multiprocessors);

// One BitLinear's inner side in the backward pass.
struct BitLinearGradient {
    const __nv_bfloat16* dY = nullptr; // [T, width] gradient by the ternary weights, not yet times *scale
    const float* scale = nullptr;      // device: the ternary weights' scale
    __nv_bfloat16* input = nullptr;    // [T, width] = dequantised input, for the weight gradient
};

// x -> RMSNorm(x; outer) -> for each of `count` (1 or 3) BitLinears RMSNorm(.; inner) and quantiser.
struct NormArguments {
    const float* x = nullptr;     // [T, width]
    const float* outer = nullptr; // [width]
    const float* inner[3] = {};   // [width] each
    int count = 1;
    float eps = 1e-6f;
    std::int64_t tokens = 0, width = 0;
    int groups = 0; // rowGroups()
    // Forward
    QuantizedView out[3];
    float* copy = nullptr; // [T, width] = x, when not null
    // Backward
    BitLinearGradient linear[3];
    float* dX = nullptr;             // [T, width] += (or = when !accumulate)
    __nv_bfloat16* dXHalf = nullptr; // [T, width] = dX
    bool accumulate = true;
    float* partial = nullptr; // [count + 1, groups, width]: inner norms, then the outer one
};
void launchNormForward(const NormArguments& arguments, cudaStream_t stream);
void launchNormBackward(const NormArguments& arguments, cudaStream_t stream);

// z = RMSNorm(gate; gateNorm) * silu(hidden) -> RMSNorm(z; inner) -> quantiser.
struct GateArguments {
    const float *gate = nullptr, *hidden = nullptr; // [T, width]
    const float *gateNorm = nullptr, *inner = nullptr;
    float eps = 1e-6f;
    std::int64_t tokens = 0, width = 0;
    int groups = 0;
    QuantizedView out; // forward
    // Backward
    BitLinearGradient linear;
    __nv_bfloat16* dGate = nullptr; // [T, width] =
    float* dHidden = nullptr;       // [T, width] =
    float* partial = nullptr;       // [2, groups, width]: inner, gateNorm
};
void launchGateForward(const GateArguments& arguments, cudaStream_t stream);
void launchGateBackward(const GateArguments& arguments, cudaStream_t stream);

// z = silu(g) * u -> RMSNorm(z; inner) -> quantiser; gateUp [T, 2 width]: g first, then u.
struct GluArguments {
    const float* gateUp = nullptr;
    const float* inner = nullptr;
    std::int64_t tokens = 0, width = 0;
    int groups = 0;
    QuantizedView out; // forward
    // Backward
    BitLinearGradient linear;
    __nv_bfloat16* dGateUp = nullptr; // [T, 2 width] =
    float* partial = nullptr;         // [1, groups, width]
};
void launchGluForward(const GluArguments& arguments, cudaStream_t stream);
void launchGluBackward(const GluArguments& arguments, cudaStream_t stream);

// gradients[i] += sum over groups of partial[i]; up to four norms of equal width.
struct NormGradients {
    float* gradients[4] = {};
    int count = 0;
};
void launchSumPartials(const float* partial, int groups, std::int64_t width, const NormGradients& out,
                       cudaStream_t stream);

// Backward of launchGatesAndScan() with a zero initial state.
struct ScanGradientArguments {
    const float *forgetPre = nullptr, *candidatePre = nullptr, *lower = nullptr; // lower null: layer 0
    const float *hidden = nullptr, *dHidden = nullptr;                           // [batch * length, width]
    __nv_bfloat16 *dForgetPre = nullptr, *dCandidatePre = nullptr;               // =
    float* dLower = nullptr; // [batch, width] =, one row a sequence; null: layer 0
    std::int64_t batch = 1, length = 0, width = 0;
};
void launchScanBackward(const ScanGradientArguments& arguments, cudaStream_t stream);

// rowLoss[t] = -log softmax(logits[t])[target] (0 without target); dLogits bf16 [T, V padded] =
// (softmax - onehot) * gradientScale when not null.
void launchCrossEntropy(const float* logits, const TokenId* targets, std::int64_t tokens,
                        std::int64_t vocabulary, float gradientScale, float* rowLoss, __nv_bfloat16* dLogits,
                        cudaStream_t stream);
// *sum = sum of `values`, in double and in a fixed order.
void launchSum(const float* values, std::int64_t count, double* sum, cudaStream_t stream);

// Occurrences of tokens in a batch, sorted by token: piece p adds rows order[first[p] .. first[p + 1]) and
// belongs to one token; token u (tokenIds[u]) owns pieces tokenPieces[u] .. tokenPieces[u + 1].
struct TokenPieces {
    const std::int32_t* order = nullptr;
    const std::int32_t* first = nullptr;
    const std::int32_t* tokenIds = nullptr;
    const std::int32_t* tokenPieces = nullptr;
    std::int64_t pieces = 0, tokens = 0;
};
// dTable[token] += sum of dX over the token's rows; partial [pieces, width].
void launchEmbedBackward(const TokenPieces& pieces, const float* dX, std::int64_t width, float* partial,
                         float* dTable, cudaStream_t stream);

// bounds [layers, width] from the parameters, and the parameters' gradient (+=) from dBounds, which has
// `sequences` rows for each layer: [layers, sequences, width], layer 0 unused.
void launchLowerBounds(const float* parameters, std::int64_t layers, std::int64_t width, float* bounds,
                       cudaStream_t stream);
void launchLowerBoundsBackward(const float* parameters, const float* dBounds, std::int64_t layers,
                               std::int64_t sequences, std::int64_t width, float* gradient,
                               cudaStream_t stream);

// A latent weight and its ternary copies, made anew after every update: packed for the forward product and
// -1, 0, 1 in bf16 [rows, cols padded] for the backward one.
struct LatentMatrix {
    const float* latent = nullptr; // [rows, cols]
    std::int64_t rows = 0, cols = 0;
    std::uint32_t* packed = nullptr;  // PackedShape{rows, cols}
    __nv_bfloat16* ternary = nullptr; // null: not kept, see launchUnpackTernary()
    float* scale = nullptr;
};
// ternary [count, rows, cols padded] = `count` packed matrices of equal shape that lie one behind the other.
void launchUnpackTernary(const std::uint32_t* packed, std::int64_t rows, std::int64_t cols, int count,
                         __nv_bfloat16* ternary, cudaStream_t stream);
// matrices: device array. sums [count, kAbsoluteSumParts].
inline constexpr int kAbsoluteSumParts = 64;
void launchTernaryCopies(const LatentMatrix* matrices, int count, double* sums, std::int64_t largestWords,
                         cudaStream_t stream);

// Up to kUpdateChunk parameters of one tensor.
inline constexpr int kUpdateChunk = 4096;
struct UpdateChunk {
    std::int64_t offset = 0;
    std::int32_t count = 0; // a multiple of 4 except in a tensor's last chunk
    std::int32_t isMatrix = 0;
};
struct AdamwArguments {
    const UpdateChunk* chunks = nullptr; // device
    std::int64_t chunkCount = 0;
    float *parameters = nullptr, *gradients = nullptr, *firstMoment = nullptr, *secondMoment = nullptr;
    float learningRate = 0, beta1 = 0, beta2 = 0, epsilon = 0;
    float matrixDecay = 0, otherDecay = 0; // decoupled, times the learning rate
    float gradientScale = 1;
    float correction1 = 1, correction2 = 1; // 1 - beta^step
};
// The AdamW step of UpdateOptions; gradients are zero after.
void launchAdamw(const AdamwArguments& arguments, cudaStream_t stream);
// *sum = sum of squares; partial [kSquareParts].
inline constexpr int kSquareParts = 1024;
void launchSumOfSquares(const float* values, std::int64_t count, double* partial, double* sum,
                        cudaStream_t stream);

} // namespace mmfree::cuda
