// Backward pass of gates and scan: the recurrence dh_t = dHidden_t + f_{t+1} dh_{t+1} runs backwards in time.
// As in the forward pass, a thread block holds 32 channels of one sequence and cuts it into 32 stretches:
// each first finds the product of its forget gates and what it carries from zero, then repeats itself from
// what the later stretches carry. 12 bytes read twice (the second time from cache), 4 once and 4 written per
// token and channel.
#include "engine/cuda/decode_device.cuh"
#include "engine/cuda/device_memory.h"
#include "engine/cuda/training_kernels.h"

namespace mmfree::cuda
{

namespace
{

constexpr int kStretches = 32;
constexpr int kAhead = 4; // steps whose inputs are loaded before their first use

struct Step {
    float forgetPre, candidatePre, hidden, previous, dHidden;
};

__global__ void __launch_bounds__(32 * kStretches)
    scanBackwardKernel(const __grid_constant__ ScanGradientArguments args)
{
    __shared__ float product[kStretches][32], carriedOut[kStretches][32];
    const int lane = threadIdx.x % 32, stretch = threadIdx.x / 32;
    const std::int64_t channel = std::int64_t(blockIdx.x) * 32 + lane, width = args.width;
    const bool active = channel < width;
    const std::int64_t first = args.length * stretch / kStretches;
    const std::int64_t last = args.length * (stretch + 1) / kStretches;
    const std::int64_t base = std::int64_t(blockIdx.y) * args.length * width + channel;
    const std::int64_t outStride = (width + 7) / 8 * 8;
    const std::int64_t outBase = std::int64_t(blockIdx.y) * args.length * outStride + channel;
    const float lower = active && args.lower ? args.lower[channel] : 0.0f;

    // Sweep 1 needs the forget gate and dHidden only.
    float keep = 1.0f, carried = 0.0f;
    if (active) {
        for (std::int64_t t = last - 1; t >= first; t -= kAhead) {
            float forgetPre[kAhead], dHidden[kAhead];
#pragma unroll
            for (int i = 0; i < kAhead; ++i) {
                const std::int64_t index = base + (t - i >= first ? t - i : first) * width;
                forgetPre[i] = args.forgetPre[index];
                dHidden[i] = args.dHidden[index];
            }
#pragma unroll
            for (int i = 0; i < kAhead; ++i) {
                if (t - i >= first) {
                    const float f = lower + (1.0f - lower) * sigmoid(forgetPre[i]);
                    carried = (dHidden[i] + carried) * f;
                    keep *= f;
                }
            }
        }
    }
    product[stretch][lane] = keep;
    carriedOut[stretch][lane] = carried;
    __syncthreads();
    float dLower = 0.0f;
    carried = 0.0f;
    for (int later = kStretches - 1; later > stretch; --later)
        carried = product[later][lane] * carried + carriedOut[later][lane];
    if (active) {
        for (std::int64_t t = last - 1; t >= first; t -= kAhead) {
            Step steps[kAhead];
#pragma unroll
            for (int i = 0; i < kAhead; ++i) {
                const std::int64_t at = t - i >= first ? t - i : first;
                const std::int64_t index = base + at * width;
                steps[i].forgetPre = args.forgetPre[index];
                steps[i].candidatePre = args.candidatePre[index];
                steps[i].previous = at > 0 ? args.hidden[index - width] : 0.0f;
                steps[i].dHidden = args.dHidden[index];
            }
#pragma unroll
            for (int i = 0; i < kAhead; ++i) {
                if (t - i < first)
                    continue;
                const Step& step = steps[i];
                const float s = sigmoid(step.forgetPre), f = lower + (1.0f - lower) * s;
                const float gate = sigmoid(step.candidatePre);
                const float dH = step.dHidden + carried;
                // h = f previous + silu(i) (1 - f)
                const float dF = dH * (step.previous - step.candidatePre * gate);
                const std::int64_t out = outBase + (t - i) * outStride;
                args.dCandidatePre[out] =
                    __float2bfloat16_rn(dH * (1.0f - f) * gate * (1.0f + step.candidatePre * (1.0f - gate)));
                args.dForgetPre[out] = __float2bfloat16_rn(dF * (1.0f - lower) * s * (1.0f - s));
                dLower += dF * (1.0f - s);
                carried = dH * f;
            }
        }
    }
    if (!args.dLower)
        return;
    __syncthreads();
    product[stretch][lane] = dLower;
    __syncthreads();
    if (stretch == 0 && active) {
        float sum = 0.0f;
        for (int i = 0; i < kStretches; ++i)
            sum += product[i][lane];
        args.dLower[blockIdx.y * width + channel] = sum;
    }
}

// One thread per channel; layers are few.
__global__ void lowerBoundsKernel(const float* parameters, std::int64_t layers, std::int64_t width,
                                  float* bounds)
{
    const std::int64_t channel = std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (channel >= width)
        return;
    double largest = -INFINITY, sum = 0.0, running = 0.0;
    for (std::int64_t layer = 0; layer < layers; ++layer)
        largest = fmax(largest, static_cast<double>(parameters[layer * width + channel]));
    for (std::int64_t layer = 0; layer < layers; ++layer)
        sum += exp(parameters[layer * width + channel] - largest);
    bounds[channel] = 0.0f; // LB[0] is subtracted from all
    for (std::int64_t layer = 1; layer < layers; ++layer) {
        running += exp(parameters[layer * width + channel] - largest) / sum;
        bounds[layer * width + channel] = static_cast<float>(running);
    }
}

// d parameter_l = softmax_l (suffix_l - sum_k softmax_k suffix_k), suffix_l the sum of dBounds of layers l
// and later (0 for layer 0, which no bound depends on).
__global__ void lowerBoundsBackwardKernel(const float* parameters, const float* dBounds, std::int64_t layers,
                                          std::int64_t sequences, std::int64_t width, float* gradient)
{
    const std::int64_t channel = std::int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (channel >= width)
        return;
    double largest = -INFINITY, sum = 0.0;
    for (std::int64_t layer = 0; layer < layers; ++layer)
        largest = fmax(largest, static_cast<double>(parameters[layer * width + channel]));
    for (std::int64_t layer = 0; layer < layers; ++layer)
        sum += exp(parameters[layer * width + channel] - largest);
    const auto ofLayer = [&](std::int64_t layer) {
        double total = 0.0;
        for (std::int64_t s = 0; s < sequences; ++s)
            total += dBounds[(layer * sequences + s) * width + channel];
        return total;
    };
    double suffix = 0.0, weighted = 0.0;
    for (std::int64_t layer = layers - 1; layer > 0; --layer) {
        suffix += ofLayer(layer);
        weighted += exp(parameters[layer * width + channel] - largest) / sum * suffix;
    }
    suffix = 0.0;
    for (std::int64_t layer = layers - 1; layer >= 0; --layer) {
        const double softmax = exp(parameters[layer * width + channel] - largest) / sum;
        suffix += layer > 0 ? ofLayer(layer) : 0.0;
        gradient[layer * width + channel] +=
            static_cast<float>(softmax * ((layer > 0 ? suffix : 0.0) - weighted));
    }
}

unsigned blocksOf(std::int64_t count, int threads)
{
    return static_cast<unsigned>(ceilDivide(count, threads));
}

} // namespace

void launchScanBackward(const ScanGradientArguments& arguments, cudaStream_t stream)
{
    const dim3 grid(blocksOf(arguments.width, 32), static_cast<unsigned>(arguments.batch));
    scanBackwardKernel<<<grid, 32 * kStretches, 0, stream>>>(arguments);
    checkCuda(cudaGetLastError());
}

void launchLowerBounds(const float* parameters, std::int64_t layers, std::int64_t width, float* bounds,
                       cudaStream_t stream)
{
    lowerBoundsKernel<<<blocksOf(width, 64), 64, 0, stream>>>(parameters, layers, width, bounds);
    checkCuda(cudaGetLastError());
}

void launchLowerBoundsBackward(const float* parameters, const float* dBounds, std::int64_t layers,
                               std::int64_t sequences, std::int64_t width, float* gradient,
                               cudaStream_t stream)
{
    lowerBoundsBackwardKernel<<<blocksOf(width, 64), 64, 0, stream>>>(parameters, dBounds, layers, sequences,
                                                                      width, gradient);
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
