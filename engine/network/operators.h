// The operators the architecture is written over. A backend that wants the shared forward and backward passes
// gives a class with these members (reference, cpu and cuda do); concepts check it at compile time.
//
// Conventions: T = tokens (batch * length where both matter), all float arrays f32, dense row-major, in the
// operators' own memory (host or device). `=` outputs overwrite, `+=` outputs accumulate. Calls on one
// operators object are ordered; nothing is visible to the host before download() or synchronize().
#pragma once

#include "engine/core/types.h"
#include "engine/model/ternary_tensor.h"

#include <concepts>
#include <cstdint>
#include <span>

namespace mmfree
{

// RMSNorm inside BitLinear, whatever the model's rms_norm_eps: the public fused kernel, which trained the
// published weights, uses 1e-6 (model.md; the unfused module says 1e-8).
inline constexpr float kBitLinearEps = 1e-6f;

struct AttentionShape {
    std::int64_t heads = 1, keyValueHeads = 1, headSize = 64;
    [[nodiscard]] std::int64_t width() const { return heads * headSize; }
    [[nodiscard]] std::int64_t keyValueWidth() const { return keyValueHeads * headSize; }
};

// Types every operators class has:
//   Floats         owning f32 array: .data() -> float*, .size()
//   Tokens         owning TokenId array: .data(), .size()
//   TernaryMatrix  packed weights of one BitLinear in the backend's layout: .rows(), .cols(), .bytes()
//   DenseMatrix    [rows, cols] weights in their stored precision: .rows(), .cols(), .bytes()
//   Quantized      int8 activations [T, width] with one scale s per token (value = q / s), backend's layout
template <class O>
concept MemoryOperators = requires(O ops, typename O::Floats floats, typename O::Tokens tokens,
                                   std::size_t count, std::span<const float> hostFloats,
                                   std::span<float> hostOut, std::span<const TokenId> ids,
                                   const float* source, float* target)
{
    {
        ops.allocate(count)
        } -> std::same_as<typename O::Floats>; // zeroed
    {
        ops.upload(hostFloats)
        } -> std::same_as<typename O::Floats>;
    ops.copyIn(hostFloats, target);  // host -> ops memory
    ops.copyOut(source, hostOut);    // ops memory -> host, complete on return
    ops.copy(source, target, count); // within ops memory
    ops.setZero(target, count);
    {
        ops.uploadTokens(ids)
        } -> std::same_as<typename O::Tokens>;
};

template <class O>
concept InferenceOperators = MemoryOperators<O> &&
    requires(O ops, const TernaryTensor& ternaryTensor, const TensorView& view,
             const typename O::TernaryMatrix& ternary, const typename O::DenseMatrix& dense,
             typename O::Quantized& quantized, const TokenId* tokens, const float* in, float* out,
             std::int64_t n, float eps, AttentionShape shape)
{
    {
        ops.makeTernary(ternaryTensor)
        } -> std::same_as<typename O::TernaryMatrix>;
    {
        ops.makeDense(view)
        } -> std::same_as<typename O::DenseMatrix>; // f32, f16 or bf16; may borrow the view's bytes
    {
        ops.makeQuantized(n /*capacity in tokens*/, n /*largest width*/)
        } -> std::same_as<typename O::Quantized>;

    // out[t] = table[tokens[t]]                                                  [T, table.cols()] =
    ops.embed(tokens, n /*T*/, dense /*table*/, out);
    // out = x / sqrt(mean(x^2) + eps) * weight                                   [T, width] =
    ops.rmsNorm(in /*x*/, in /*weight*/, eps, n /*T*/, n /*width*/, out);
    // y = RMSNorm(x; weight, eps); s = 127 / max(max|y|, 1e-5); q = clamp(round_half_away(y * s), -128, 127)
    ops.rmsNormQuantize(in /*x*/, in /*weight*/, eps, n /*T*/, n /*width*/, quantized);
    // out[t, r] (= or +=) (sum_c ternary[r, c] * q[t, c]) * scale / s[t]; the sum is exact in int32   [T,
    // rows]
    ops.ternaryLinear(quantized, n /*T*/, ternary, out);
    ops.ternaryLinearAdd(quantized, n /*T*/, ternary, out);
    // f = sigmoid(fPre); if lowerBound: f = lb + (1 - lb) * f; c = silu(iPre) * (1 - f); h_t = f_t h_{t-1} +
    // c_t. Per sequence of `length` tokens; state [batch, width] in and out; hidden [batch * length, width]
    // =. forget, candidate: [batch * length, width] = when not null. lowerBound [width] or null (layer 0).
    ops.gatesAndScan(in /*fPre*/, in /*iPre*/, in /*lowerBound*/, n /*batch*/, n /*length*/, n /*width*/,
                     out /*state*/, out /*hidden*/, out /*forget*/, out /*candidate*/);
    // out = RMSNorm(g; weight, eps) * silu(hidden)                               [T, width] =
    ops.normAndGate(in /*g*/, in /*weight*/, eps, in /*hidden*/, n /*T*/, n /*width*/, out);
    // out[t, j] = silu(gate[t, j]) * up[t, j]; rows of gate and up are `stride` floats apart        [T, I] =
    // (MatMulFree: one [T, 2 I] array, up = gate + I, stride 2 I; Transformer: two [T, I] arrays, stride I)
    ops.swiGlu(in /*gate*/, in /*up*/, n /*stride*/, n /*T*/, n /*I*/, out);
    // q as floats (integers -128..127), for probes                               [T, width] =
    ops.readQuantized(quantized, n /*T*/, n /*width*/, out);

    // Dense Transformer++ (Llama): out[t, r] (= or +=) sum_c W[r, c] x[t, c]
    ops.linear(in /*x*/, n /*T*/, dense, out);
    ops.linearAdd(in /*x*/, n /*T*/, dense, out);
    // Rotates halves (i, i + headSize/2) of every head by position * theta^(-2 i / headSize), in place. Token
    // t of each sequence of `length` has position first + t.                          x [batch * length,
    // heads * headSize]
    ops.rotary(out /*x*/, n /*batch*/, n /*length*/, n /*first*/, n /*heads*/, n /*headSize*/, eps /*theta*/);
    // Causal softmax attention of `length` new tokens over keys/values of all positions 0 .. first+length-1.
    // keys, values [first + length, keyValueWidth]; out [length, width] =. weights, when not null, gets the
    // softmax rows: [length, heads, first + length] (zeros after the diagonal).
    ops.attention(in /*queries*/, in /*keys*/, in /*values*/, n /*length*/, n /*first*/, shape, out,
                  out /*weights*/);
};

// Optional: one token through a layer in a few fused calls (contracts: engine/cpu/cpu_operators.h). They give
// the same bits as the operators they stand for, and are used when nothing is probed.
template <class O>
concept FusedDecodeOperators = InferenceOperators<O> &&
    requires(O ops, const float* in, float* out, std::int64_t n, float eps,
             const typename O::BitLinear& linear)
{
    ops.mixerStep(in /*x*/, in /*norm*/, eps, n /*width*/, linear /*forget*/, linear /*candidate*/,
                  linear /*output gate*/, in /*lowerBound*/, out /*state*/, out /*hidden*/,
                  out /*output gate*/);
    ops.gatedOutputStep(in /*output gate*/, in /*g norm*/, eps, in /*hidden*/, n /*width*/, linear,
                        out /*+=*/);
    ops.gluStep(in /*x*/, in /*norm*/, eps, n /*width*/, linear /*gate and up*/, out /*glu*/);
    ops.bitLinearStepAdd(in /*x*/, eps, linear, out /*+=*/);
};

// Backward: gradients with respect to arrays named dX. Weight gradients accumulate (+=), activation gradients
// are overwritten (=) unless stated.
template <class O>
concept TrainingOperators = InferenceOperators<O> &&
    requires(O ops, typename O::TernaryMatrix& ternary, typename O::DenseMatrix& dense,
             typename O::Quantized& quantized, const TokenId* tokens, const float* in, float* out,
             std::int64_t n, float eps, double number, AttentionShape shape)
{
    // Ternary copy of a latent f32 weight, made anew after every update.
    {
        ops.quantizeLatent(in, n /*rows*/, n /*cols*/)
        } -> std::same_as<typename O::TernaryMatrix>;
    // A dense matrix over f32 parameters in ops memory (borrowed, always current).
    {
        ops.borrowDense(in, n /*rows*/, n /*cols*/)
        } -> std::same_as<typename O::DenseMatrix>;
    // dY[t, c] = sum_r dOut[t, r] * ternary[r, c] * scale  (straight-through: RMSNorm's output gradient)
    ops.ternaryLinearBackwardInput(in /*dOut*/, n /*T*/, ternary, out /*dY*/);
    // dW[r, c] += sum_t dOut[t, r] * q[t, c] / s[t]
    ops.ternaryLinearBackwardWeight(in /*dOut*/, quantized, n /*T*/, n /*rows*/, n /*cols*/, out /*dW +=*/);
    ops.linearBackwardInput(in /*dOut*/, n /*T*/, dense, out /*dX*/);
    ops.linearBackwardInputAdd(in /*dOut*/, n /*T*/, dense, out /*dX +=*/);
    ops.linearBackwardWeight(in /*dOut*/, in /*x*/, n /*T*/, n /*rows*/, n /*cols*/, out /*dW +=*/);
    // dX (+=, accumulates) and dWeight (+=) of RMSNorm(x; weight, eps)
    ops.rmsNormBackward(in /*x*/, in /*weight*/, eps, in /*dY*/, n /*T*/, n /*width*/, out /*dX +=*/,
                        out /*dWeight +=*/);
    // Through scan and gates; the forward's initial state was zero. hidden is the forward's output.
    // dLowerBound [width] += (null for layer 0); dFPre, dIPre =.
    ops.gatesAndScanBackward(in /*fPre*/, in /*iPre*/, in /*lowerBound*/, in /*hidden*/, in /*dHidden*/,
                             n /*batch*/, n /*length*/, n /*width*/, out /*dFPre*/, out /*dIPre*/,
                             out /*dLowerBound*/);
    // dG, dHidden =; dWeight +=
    ops.normAndGateBackward(in /*g*/, in /*weight*/, eps, in /*hidden*/, in /*dOut*/, n /*T*/, n /*width*/,
                            out /*dG*/, out /*dHidden*/, out /*dWeight +=*/);
    // dGate, dUp = with the same stride as gate and up
    ops.swiGluBackward(in /*gate*/, in /*up*/, n /*stride*/, in /*dOut*/, n /*T*/, n /*I*/, out /*dGate*/,
                       out /*dUp*/);
    // Causal attention within each sequence (no cache), training forward and backward; keys and values
    // rotated.
    ops.attentionBatch(in /*q*/, in /*k*/, in /*v*/, n /*batch*/, n /*length*/, shape, out);
    ops.attentionBatchBackward(in /*q*/, in /*k*/, in /*v*/, in /*dOut*/, n /*batch*/, n /*length*/, shape,
                               out /*dQ*/, out /*dK*/, out /*dV*/);
    ops.rotaryBackward(out /*dX in place*/, n /*batch*/, n /*length*/, n /*heads*/, n /*headSize*/,
                       eps /*theta*/);
    // Sum over targets >= 0 of -log softmax(logits)[target]; dLogits = (softmax - onehot) * gradientScale,
    // zero rows where target < 0; dLogits may be `logits` itself or null.
    {
        ops.crossEntropy(in /*logits*/, tokens /*targets*/, n /*T*/, n /*V*/, eps /*gradientScale*/,
                         out /*dLogits*/)
        } -> std::same_as<double>;
    ops.embedBackward(tokens, n /*T*/, n /*width*/, in /*dX*/, out /*dTable +=*/);
    {
        ops.sumOfSquares(in, n)
        } -> std::same_as<double>;
    // AdamW: g = gradient * gradientScale; moments; p -= lr * (mHat / (sqrt(vHat) + eps) + weightDecay * p);
    // g = 0
    ops.adamw(out /*p*/, out /*gradient*/, out /*m*/, out /*v*/, n, number /*lr*/, number /*beta1*/,
              number /*beta2*/, number /*epsilon*/, number /*weightDecay*/, number /*gradientScale*/,
              n /*step, 1-based*/);
};

} // namespace mmfree
