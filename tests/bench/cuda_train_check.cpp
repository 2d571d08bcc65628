// Checks and times training on the CUDA backend on a machine that has a GPU but no Qt: golden gradients and
// AdamW losses, gradients of random models of odd shapes against the reference, determinism, resuming, then
// tokens/s and device memory. Prints one line per check and a JSON object per timing.
//   cuda_train_check golden CONFIG_FOLDER EXPECTED.safetensors      cuda_train_check random
//   cuda_train_check time SHAPE BATCH LENGTH STEPS                  cuda_train_check one SHAPE BATCH LENGTH
// `one` marks one step for a profiler (ncu --profile-from-start off).
#include "engine/core/random.h"
#include "engine/cpu/cpu_backend.h"
#include "engine/cuda/cuda_backend.h"
#include "engine/cuda/device_memory.h"
#include "engine/model/safetensors.h"
#include "engine/reference/reference_backend.h"

#include <cuda_profiler_api.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

using namespace mmfree;

namespace
{

// Relative norm of a tensor's gradient error: flips of the quantisers and, on the device, products of bf16
// values (2^-9 each).
constexpr double kGradient = 2e-2;
constexpr double kRandomGradient = 5e-2; // random models flip more; a wrong product differs by 1
constexpr double kLossShare = 0.005;
// The vanilla pass multiplies bf16 activations forward as well, as a plain framework does: every product is
// off by 2^-9, and more values round the other way behind it.
constexpr double kVanillaGradient = 0.15, kVanillaLossShare = 5e-3;

int failures = 0;

void report(bool good, const std::string& what, const std::string& detail)
{
    failures += good ? 0 : 1;
    std::printf("%-4s %s: %s\n", good ? "ok" : "FAIL", what.c_str(), detail.c_str());
    std::fflush(stdout);
}

std::string text(double value)
{
    char buffer[32];
    std::snprintf(buffer, sizeof(buffer), "%.3e", value);
    return buffer;
}

// ||a - b|| / ||b||; squares under `leastSquare` count as that (queries and keys of one token have no
// gradient at all).
double relativeError(std::span<const float> a, std::span<const float> b, double leastSquare)
{
    double difference = 0.0, norm = 0.0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
        norm += std::pow(static_cast<double>(b[i]), 2);
    }
    return std::sqrt(difference / std::max({norm, leastSquare, 1e-300}));
}

struct Batch {
    std::vector<TokenId> inputs, targets;
    TokenBatch batch;
    Batch(std::int64_t rows, std::int64_t length, std::int64_t vocabulary, std::uint64_t seed)
    {
        Random random(seed);
        for (std::int64_t i = 0; i < rows * length; ++i) {
            // A fifth of the tokens are one and the same, as in real text.
            inputs.push_back(random.below(5) == 0 ? 1 % static_cast<TokenId>(vocabulary)
                                                  : static_cast<TokenId>(random.below(
                                                        static_cast<std::uint64_t>(vocabulary))));
            targets.push_back(
                i % 11 == 3 ? -1
                            : static_cast<TokenId>(random.below(static_cast<std::uint64_t>(vocabulary))));
        }
        batch = {rows, length, inputs, targets};
    }
};

std::vector<float> gradientsOf(TrainingExecutor& executor)
{
    std::vector<float> values(static_cast<std::size_t>(executor.layout().size()));
    executor.readGradients(values);
    return values;
}

void compareGradients(const std::string& name, const ParameterLayout& layout, std::span<const float> found,
                      std::span<const float> expected, double limit)
{
    double worst = 0.0, power = 0.0;
    for (const float value : expected)
        power += static_cast<double>(value) * value;
    std::string worstName;
    for (const ParameterSlot& slot : layout.entries()) {
        const auto at = static_cast<std::size_t>(slot.offset), count = static_cast<std::size_t>(slot.count);
        const double error =
            relativeError(found.subspan(at, count), expected.subspan(at, count), 1e-6 * power);
        if (!(error <= worst)) {
            worst = error;
            worstName = slot.spec.name;
        }
        if (!(error < limit) || std::getenv("VERBOSE"))
            std::printf("       %s: relative error %.3e\n", slot.spec.name.c_str(), error);
    }
    report(worst < limit, name + " gradients", "worst " + text(worst) + " (" + worstName + ")");
}

UpdateOptions updateOf(TrainingExecutor& executor, std::int64_t step, double rate = 1e-3)
{
    return {.learningRate = rate,
            .weightDecay = 0.01,
            .decayAll = true,
            .gradientScale = std::min(1.0, 1.0 / (executor.gradientNorm() + 1e-6)),
            .step = step};
}

void checkGolden(const std::string& folder, const std::string& expectedFile)
{
    const auto source = openModel(folder);
    const SafetensorsFile expected(expectedFile);
    const auto floats = [&](const std::string& name) {
        const TensorView& tensor = expected.require(name);
        std::vector<float> values(static_cast<std::size_t>(elementCount(tensor.shape)));
        copyToFloat(tensor, 0, values);
        return values;
    };
    const TensorView& ids = expected.require("input_ids");
    std::vector<TokenId> inputs(static_cast<std::size_t>(elementCount(ids.shape))), targets;
    std::memcpy(inputs.data(), ids.bytes.data(), ids.bytes.size());
    const std::int64_t length = ids.shape[1];
    for (std::size_t i = 0; i < inputs.size(); ++i)
        targets.push_back(static_cast<std::int64_t>(i) % length + 1 < length ? inputs[i + 1] : -1);
    const TokenBatch batch{ids.shape[0], length, inputs, targets};
    const auto layout = std::make_shared<const ParameterLayout>(source->config());
    AlignedBuffer<float> parameters(static_cast<std::size_t>(layout->size()));
    loadParameters(*layout, *source, parameters.span());
    const auto executor = cuda::CudaBackend().createTraining(layout, parameters.span(), {});
    const double goldenLoss = floats("loss")[0], evaluated = executor->evaluate(batch),
                 loss = executor->forwardBackward(batch);
    report(std::fabs(evaluated - goldenLoss) < 2e-4 && std::fabs(loss - goldenLoss) < 2e-4, folder + " loss",
           text(loss - goldenLoss) + " off, evaluated " + text(evaluated - goldenLoss) + " off");
    std::vector<float> golden(static_cast<std::size_t>(layout->size()));
    for (const ParameterSlot& slot : layout->entries()) {
        const auto values = floats("grad." + slot.spec.name);
        std::copy(values.begin(), values.end(), golden.begin() + slot.offset);
    }
    compareGradients(folder, *layout, gradientsOf(*executor), golden, kGradient);
    const auto losses = floats("adamw_losses");
    double worst = 0.0;
    executor->restore(executor->snapshot());
    for (std::size_t step = 0; step < losses.size(); ++step) {
        const double found = executor->forwardBackward(batch);
        worst = std::max(worst, std::fabs(found / losses[step] - 1.0));
        executor->applyUpdate(updateOf(*executor, static_cast<std::int64_t>(step) + 1));
    }
    report(worst < kLossShare, folder + " AdamW losses", "worst share " + text(worst));
}

struct RandomCase {
    ModelConfig config;
    std::int64_t rows, length;
    std::string name;
};

RandomCase randomCase(std::int64_t layers, std::int64_t d, std::int64_t intermediate, std::int64_t vocabulary,
                      std::int64_t rows, std::int64_t length,
                      Architecture architecture = Architecture::MatMulFree, std::int64_t heads = 1,
                      std::int64_t keyValueHeads = 1)
{
    ModelConfig config;
    config.architecture = architecture;
    config.layerCount = layers;
    config.hiddenSize = d;
    config.intermediateSize = intermediate;
    config.vocabularySize = vocabulary;
    config.headCount = heads;
    config.keyValueHeadCount = keyValueHeads;
    return {config, rows, length,
            (architecture == Architecture::MatMulFree ? "L" : "dense L") + std::to_string(layers) + " d" +
                std::to_string(d) + " I" + std::to_string(intermediate) + " V" + std::to_string(vocabulary) +
                " " + std::to_string(rows) + "x" + std::to_string(length)};
}

void checkRandom(const RandomCase& test, bool againstReference)
{
    const auto layout = std::make_shared<const ParameterLayout>(test.config);
    AlignedBuffer<float> parameters(static_cast<std::size_t>(layout->size()));
    initializeParameters(*layout, 3, parameters.span());
    Random random(11);
    for (const ParameterSlot& slot : layout->entries()) {
        const bool bounds = slot.spec.role == TensorRole::LowerBounds;
        if (!bounds && slot.spec.role != TensorRole::Norm)
            continue;
        for (std::int64_t i = 0; i < slot.count; ++i)
            parameters.data()[slot.offset + i] += static_cast<float>(random.normal() * (bounds ? 0.5 : 0.2));
    }
    const Batch first(test.rows, test.length, test.config.vocabularySize, 5),
        second(test.rows, test.length, test.config.vocabularySize, 6);
    const auto device = cuda::CudaBackend().createTraining(layout, parameters.span(), {});
    const auto expected = againstReference
                              ? reference::ReferenceBackend().createTraining(layout, parameters.span(), {})
                              : cpu::CpuBackend().createTraining(layout, parameters.span(), {});
    const double loss = device->forwardBackward(first.batch),
                 expectedLoss = expected->forwardBackward(first.batch);
    report(std::fabs(loss - expectedLoss) < 1e-3 * expectedLoss, test.name + " loss",
           text(loss - expectedLoss) + " off of " + text(expectedLoss));
    const std::vector<float> once = gradientsOf(*device);
    compareGradients(test.name, *layout, once, gradientsOf(*expected), kRandomGradient);
    if (test.config.isTernary()) {
        const auto recomputing = cuda::CudaBackend().createTraining(
            layout, parameters.span(), {.activations = TrainingActivations::Recompute});
        recomputing->forwardBackward(first.batch);
        report(gradientsOf(*recomputing) == once, test.name + " recomputing", "same bits as keeping");
        const auto vanilla = cuda::CudaBackend().createTraining(layout, parameters.span(),
                                                                {.bitLinear = BitLinearStyle::Vanilla});
        const double vanillaLoss = vanilla->forwardBackward(first.batch);
        report(std::fabs(vanillaLoss - expectedLoss) < kVanillaLossShare * expectedLoss,
               test.name + " vanilla loss", text(vanillaLoss - expectedLoss) + " off");
        compareGradients(test.name + " vanilla", *layout, gradientsOf(*vanilla), gradientsOf(*expected),
                         kVanillaGradient);
    }
    const double norm = device->gradientNorm();
    device->forwardBackward(first.batch);
    report(std::fabs(device->gradientNorm() / norm - 2.0) < 1e-3, test.name + " accumulation",
           "norm grew by " + text(device->gradientNorm() / norm));

    // The same calls give the same bits, with an evaluation in between and after a restore.
    const auto twice = [&] {
        const auto executor = cuda::CudaBackend().createTraining(layout, parameters.span(), {});
        for (int step = 1; step <= 2; ++step) {
            executor->forwardBackward(first.batch);
            executor->applyUpdate(updateOf(*executor, step));
        }
        const TrainingSnapshot saved = executor->snapshot();
        (void)executor->evaluate(second.batch);
        executor->forwardBackward(second.batch);
        executor->applyUpdate(updateOf(*executor, 3));
        const TrainingSnapshot straight = executor->snapshot();
        const auto resumed = cuda::CudaBackend().createTraining(layout, parameters.span(), {});
        resumed->restore(saved);
        resumed->forwardBackward(second.batch);
        resumed->applyUpdate(updateOf(*resumed, 3));
        const TrainingSnapshot again = resumed->snapshot();
        const auto same = [](const auto& a, const auto& b) {
            return std::memcmp(a->data(), b->data(), a->size() * sizeof(float)) == 0;
        };
        report(same(straight.parameters, again.parameters) && same(straight.firstMoment, again.firstMoment) &&
                   same(straight.secondMoment, again.secondMoment),
               test.name + " resuming", "same bits");
        return straight.parameters;
    };
    const auto a = twice(), b = twice();
    report(std::memcmp(a->data(), b->data(), a->size() * sizeof(float)) == 0, test.name + " determinism",
           "same bits");
}

void checkRandomCases()
{
    checkRandom(randomCase(2, 100, 150, 77, 3, 17), true);
    checkRandom(randomCase(3, 192, 520, 300, 8, 40), true); // enough tokens for the wide tiles
    checkRandom(randomCase(2, 518, 1031, 333, 2, 9), true);
    checkRandom(randomCase(1, 64, 96, 50, 1, 1), true);
    checkRandom(randomCase(2, 1024, 2816, 500, 2, 100), false);
    checkRandom(randomCase(1, 2100, 5000, 400, 1, 70), false);
    checkRandom(randomCase(2, 512, 1536, 4096, 4, 256), false);
    const Architecture dense = Architecture::Transformer;
    checkRandom(randomCase(2, 96, 150, 77, 3, 17, dense, 3), true);
    checkRandom(randomCase(2, 100, 131, 77, 2, 33, dense, 5, 5), true); // heads of 20
    checkRandom(randomCase(2, 90, 64, 50, 2, 70, dense, 9, 3), true);   // heads of 10, groups of 3
    checkRandom(randomCase(1, 64, 96, 50, 1, 1, dense, 1), true);
    checkRandom(randomCase(2, 256, 512, 300, 2, 200, dense, 4, 2), false);
    checkRandom(randomCase(1, 512, 1536, 4096, 2, 300, dense, 4), false); // heads of 128
}

double seconds()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void timeTraining(const std::string& shape, std::int64_t rows, std::int64_t length, int steps, bool profiled,
                  bool dense)
{
    std::size_t freeBefore = 0, freeAfter = 0, total = 0;
    cudaMemGetInfo(&freeBefore, &total);
    ModelConfig config = namedShape(shape);
    if (dense) {
        config.architecture = Architecture::Transformer;
        config.headCount = config.keyValueHeadCount = std::max<std::int64_t>(1, config.hiddenSize / 64);
    }
    const auto layout = std::make_shared<const ParameterLayout>(config);
    AlignedBuffer<float> parameters(static_cast<std::size_t>(layout->size()));
    initializeParameters(*layout, 1, parameters.span());
    const auto executor = cuda::CudaBackend().createTraining(layout, parameters.span(), {});
    const Batch batch(rows, length, config.vocabularySize, 5);
    double firstLoss = 0.0, lastLoss = 0.0;
    std::vector<double> times;
    for (int step = 1; step <= steps + 2; ++step) {
        if (profiled && step == steps + 2)
            cudaProfilerStart();
        const double start = seconds();
        lastLoss = executor->forwardBackward(batch.batch);
        executor->applyUpdate(updateOf(*executor, step));
        cudaDeviceSynchronize();
        firstLoss = step == 1 ? lastLoss : firstLoss;
        if (step > 2)
            times.push_back(seconds() - start);
    }
    if (profiled)
        cudaProfilerStop();
    cudaMemGetInfo(&freeAfter, &total);
    std::sort(times.begin(), times.end());
    const double middle = times[times.size() / 2], tokens = static_cast<double>(rows * length);
    const MemoryUse use = executor->memoryUse();
    std::printf(
        "{\"train\": \"%s%s\", \"batch\": %lld, \"length\": %lld, \"stepMs\": %.3f, \"tokensPerSecond\": "
        "%.0f, \"weightBytes\": %zu, \"activationBytes\": %zu, \"deviceBytes\": %zu, \"firstLoss\": "
        "%.4f, \"lastLoss\": %.4f}\n",
        dense ? "dense " : "", shape.c_str(), static_cast<long long>(rows), static_cast<long long>(length),
        middle * 1e3, tokens / middle, use.weightBytes, use.activationBytes, freeBefore - freeAfter,
        firstLoss, lastLoss);
    std::fflush(stdout);
    report(std::isfinite(lastLoss) && lastLoss < firstLoss, shape + " learns its batch",
           text(firstLoss) + " to " + text(lastLoss));
}

} // namespace

int main(int argc, char** argv)
try {
    const std::string mode = argc > 1 ? argv[1] : "random";
    for (const DeviceInfo& device : cuda::CudaBackend().devices())
        std::printf("%s: %s\n", device.name.c_str(), device.usable ? "usable" : device.reason.c_str());
    if (mode == "golden")
        checkGolden(argv[2], argv[3]);
    if (mode == "random")
        checkRandomCases();
    if (mode == "small")
        checkRandom(randomCase(2, 100, 150, 77, 3, 60), true);
    if (mode == "time" || mode == "one" || mode == "time-dense" || mode == "one-dense")
        timeTraining(argv[2], std::stoll(argv[3]), std::stoll(argv[4]), argc > 5 ? std::stoi(argv[5]) : 1,
                     mode.starts_with("one"), mode.ends_with("dense"));
    std::printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::printf("FAIL %s\n", error.what());
    return 2;
}
