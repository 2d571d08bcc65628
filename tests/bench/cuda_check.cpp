// Checks and times the CUDA backend on a machine that has a GPU but no Qt: parity with the reference on
// random and golden models, exact integer products, determinism, then milliseconds per token and device
// memory for the published shapes. Prints one line per check and a JSON object per timing.
//   cuda_check parity [GOLDEN_DIR]      cuda_check time SHAPE [SHAPE...]      cuda_check small
//   cuda_check dense                    cuda_check golden-dense DIR
#include "engine/core/random.h"
#include "engine/cuda/cuda_backend.h"
#include "engine/cuda/device_memory.h"
#include "engine/cuda/prefill_kernels.h"
#include "engine/model/safetensors.h"
#include "engine/reference/reference_backend.h"

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

int failures = 0;

void report(bool good, const std::string& what, const std::string& detail)
{
    failures += good ? 0 : 1;
    std::printf("%-4s %s: %s\n", good ? "ok" : "FAIL", what.c_str(), detail.c_str());
    std::fflush(stdout);
}

double nmse(std::span<const float> a, std::span<const float> b)
{
    double difference = 0.0, power = 0.0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
        power += std::pow(static_cast<double>(b[i]), 2);
    }
    return a.size() == b.size() && power > 0 ? difference / power : NAN;
}

std::vector<TokenId> randomTokens(std::int64_t count, std::int64_t vocabulary)
{
    Random random(7);
    std::vector<TokenId> tokens(static_cast<std::size_t>(count));
    for (TokenId& token : tokens)
        token = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(vocabulary)));
    return tokens;
}

// Logits of every token, and the final state, with `step` tokens per call.
struct Run {
    std::vector<float> logits, state;
};
Run runModel(InferenceExecutor& executor, const std::vector<TokenId>& tokens, std::size_t step)
{
    Run run;
    const auto state = executor.createState();
    for (std::size_t t = 0; t < tokens.size(); t += step) {
        const auto part = std::span(tokens).subspan(t, std::min(step, tokens.size() - t));
        const ForwardResult result = executor.forward({.tokens = part, .logits = LogitsMode::All}, *state);
        run.logits.insert(run.logits.end(), result.logits.begin(), result.logits.end());
    }
    run.state = executor.snapshot(*state).values;
    return run;
}

void compareModels(const std::string& name, const std::shared_ptr<const ModelSource>& source,
                   std::int64_t count)
{
    const auto tokens = randomTokens(count, source->config().vocabularySize);
    const auto reference = reference::ReferenceBackend().createInference(source, {});
    const auto device = cuda::CudaBackend().createInference(source, {});
    const Run expected = runModel(*reference, tokens, tokens.size());
    const Run stepped = runModel(*device, tokens, 1);
    runModel(*device, {tokens.front()}, 1); // an odd number of tokens between: exchanges alternate by call
    const Run again = runModel(*device, tokens, 1);
    const Run parallel = runModel(*device, tokens, tokens.size());
    const auto line = [&](const char* what, const Run& run) {
        const double logits = nmse(run.logits, expected.logits), state = nmse(run.state, expected.state);
        report(logits < 5e-3 && state < 5e-3, name + " " + what,
               "NMSE logits " + std::to_string(logits * 1e6) + "e-6, state " + std::to_string(state * 1e6) +
                   "e-6");
    };
    line("decode", stepped);
    line("prefill", parallel);
    const bool same = stepped.logits.size() == again.logits.size() &&
                      std::memcmp(stepped.logits.data(), again.logits.data(), stepped.logits.size() * 4) == 0;
    report(same, name + " determinism", same ? "same bits" : "bits differ");

    // Layer by layer on the device's own inputs: the first layer sees equal inputs, so its error is rounding
    // alone.
    const ProbeRequest probe = ProbeRequest::everyLayer(
        source->config().layerCount,
        {Quantity::BlockInput, Quantity::QuantizedInput, Quantity::ForgetGate, Quantity::Candidate,
         Quantity::HiddenState, Quantity::OutputGate, Quantity::MixerOutput, Quantity::MixerResidual,
         Quantity::GluActivation, Quantity::BlockOutput});
    const auto traceOf = [&](InferenceExecutor& executor) {
        const auto state = executor.createState();
        return executor.forward({.tokens = tokens, .probe = &probe}, *state).trace;
    };
    const auto a = traceOf(*device), b = traceOf(*reference);
    double worst = 0.0;
    for (const auto& [key, entry] : b->entries) {
        if (key.first != 0)
            continue;
        const std::vector<float>& found = a->entries.at(key).values;
        worst = std::max(worst, nmse(found, entry.values));
        std::size_t different = 0;
        for (std::size_t i = 0; i < found.size(); ++i)
            different += found[i] != entry.values[i];
        if (std::getenv("VERBOSE"))
            std::printf("       quantity %d: NMSE %.3f e-6, %zu of %zu values differ\n",
                        static_cast<int>(key.second), nmse(found, entry.values) * 1e6, different,
                        found.size());
    }
    report(worst < 5e-4, name + " probes of layer 0", "worst NMSE " + std::to_string(worst * 1e6) + "e-6");
}

void checkProduct(std::int64_t rows, std::int64_t cols, std::int64_t tokens, cuda::GemmOutput mode)
{
    const bool pairs = mode == cuda::GemmOutput::SwiGlu;
    const cuda::PackedShape shape{.rows = rows, .cols = cols, .matrices = pairs ? 2 : 3};
    const int which = pairs ? 0 : 1;
    Random random(static_cast<std::uint64_t>(rows * 131 + cols));
    const std::int64_t rowBytes = (cols + 3) / 4;
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(2 * rows * rowBytes), 0x55);
    std::vector<int> weights(static_cast<std::size_t>(2 * rows * cols));
    for (std::int64_t i = 0; i < 2 * rows * cols; ++i) {
        const int code = static_cast<int>(random.below(3));
        weights[i] = code - 1;
        std::uint8_t& byte = codes[i / cols * rowBytes + i % cols / 4];
        byte =
            static_cast<std::uint8_t>((byte & ~(3 << (2 * (i % cols % 4)))) | code << (2 * (i % cols % 4)));
    }
    const std::int64_t stride = shape.paddedCols();
    std::vector<std::int8_t> q(static_cast<std::size_t>(tokens * stride), 0);
    std::vector<std::int32_t> sums(static_cast<std::size_t>(tokens), 0);
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t c = 0; c < cols; ++c) {
            q[t * stride + c] = static_cast<std::int8_t>(static_cast<int>(random.below(256)) - 128);
            sums[t] += q[t * stride + c];
        }
    }
    const float factor = pairs ? 1.0f / 8192.0f : 1.0f;
    std::vector<float> ones(static_cast<std::size_t>(tokens), factor);
    const float one = 1.0f;
    cuda::Stream stream;
    const auto upload = [&](const auto& host, auto& device) {
        cuda::checkCuda(
            cudaMemcpy(device.data(), host.data(), host.size() * sizeof(host[0]), cudaMemcpyHostToDevice));
    };
    cuda::DeviceArray<std::uint8_t> deviceCodes(codes.size(), "codes"), packed(shape.bytes(), "packed");
    cuda::DeviceArray<std::int8_t> deviceQ(q.size(), "q");
    cuda::DeviceArray<std::int32_t> deviceSums(sums.size(), "sums");
    cuda::DeviceArray<float> scales(ones.size(), "scales"), scale(1, "scale"), out(tokens * rows + 64, "out");
    upload(codes, deviceCodes);
    upload(q, deviceQ);
    upload(sums, deviceSums);
    upload(ones, scales);
    upload(std::vector<float>{one}, scale);
    cuda::checkCuda(cudaMemset(packed.data(), 0x55, packed.bytes()));
    cuda::checkCuda(cudaMemset(out.data(), mode == cuda::GemmOutput::Add ? 0 : 0xFF, out.bytes()));
    cuda::checkCuda(cudaDeviceSynchronize());
    cuda::launchPackTernary(deviceCodes.data(), rowBytes, 0, shape, which, packed.data(), stream.get());
    if (pairs)
        cuda::launchPackTernary(deviceCodes.data(), rowBytes, rows, shape, 1, packed.data(), stream.get());
    cuda::launchTernaryGemm({.packed = packed.data(),
                             .shape = shape,
                             .which = which,
                             .input = {deviceQ.data(), scales.data(), deviceSums.data(), stride},
                             .scale = scale.data(),
                             .tokens = tokens,
                             .out = out.data(),
                             .mode = mode},
                            stream.get());
    stream.synchronize();
    std::vector<float> result(static_cast<std::size_t>(tokens * rows));
    cuda::checkCuda(cudaMemcpy(result.data(), out.data(), result.size() * 4, cudaMemcpyDeviceToHost));
    std::int64_t wrong = 0;
    const auto product = [&](std::int64_t t, std::int64_t r) {
        int sum = 0;
        for (std::int64_t c = 0; c < cols; ++c)
            sum += weights[r * cols + c] * q[t * stride + c];
        return static_cast<float>(sum) * factor;
    };
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t r = 0; r < rows; ++r) {
            const float found = result[t * rows + r];
            if (!pairs) {
                wrong += found != product(t, r);
                continue;
            }
            const float gate = product(t, r), up = product(t, rows + r);
            const float expected = gate / (1.0f + std::exp(-gate)) * up;
            wrong += !(std::fabs(found - expected) <= 1e-5f * std::fabs(expected) + 1e-6f);
        }
    }
    report(wrong == 0,
           "product " + std::to_string(rows) + " x " + std::to_string(cols) + " x " + std::to_string(tokens) +
               " mode " + std::to_string(static_cast<int>(mode)),
           std::to_string(wrong) + " wrong of " + std::to_string(result.size()));
}

ModelConfig shapeConfig(std::int64_t layers, std::int64_t hidden, std::int64_t intermediate,
                        std::int64_t vocabulary)
{
    ModelConfig config;
    config.layerCount = layers;
    config.hiddenSize = hidden;
    config.intermediateSize = intermediate;
    config.vocabularySize = vocabulary;
    return config;
}

void checkSmall()
{
    for (const auto mode : {cuda::GemmOutput::Store, cuda::GemmOutput::Add, cuda::GemmOutput::SwiGlu}) {
        checkProduct(64, 64, 24, mode);
        checkProduct(130, 1000, 131, mode);
        checkProduct(515, 513, 7, mode);
        checkProduct(37, 4100, 257, mode);
        checkProduct(300, 1030, 600, mode);
    }
    compareModels("L2 d100 I150 V77", makeRandomModel(shapeConfig(2, 100, 150, 77), 3, "odd"), 40);
    compareModels("L3 d64 I192 V320", makeRandomModel(shapeConfig(3, 64, 192, 320), 3, "tiny"), 40);
    compareModels("L2 d516 I1030 V333", makeRandomModel(shapeConfig(2, 516, 1030, 333), 5, "odd"), 40);
}

void checkGolden(const std::string& folder)
{
    const auto source = openModel(folder);
    compareModels("golden open", source, 48);
}

// bf16 weights, activations and cache against the reference's exact arithmetic: about 2^-9 each.
void compareDense(const std::string& name, const std::shared_ptr<const ModelSource>& source,
                  std::int64_t count)
{
    constexpr double kDense = 1e-3;
    const auto tokens = randomTokens(count, source->config().vocabularySize);
    const auto reference = reference::ReferenceBackend().createInference(source, {});
    const auto device = cuda::CudaBackend().createInference(source, {});
    const Run expected = runModel(*reference, tokens, tokens.size());
    Run first;
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, tokens.size()}) {
        const Run run = runModel(*device, tokens, step);
        const double logits = nmse(run.logits, expected.logits), state = nmse(run.state, expected.state);
        report(logits < kDense && state < kDense, name + " in calls of " + std::to_string(step),
               "NMSE logits " + std::to_string(logits * 1e6) + "e-6, cache " + std::to_string(state * 1e6) +
                   "e-6");
        if (step == 1) {
            const Run again = runModel(*device, tokens, step);
            report(run.logits == again.logits && run.state == again.state, name + " determinism",
                   "same bits");
        }
    }
    const auto state = device->createState();
    device->forward({.tokens = std::span(tokens).first(count / 2)}, *state);
    const StateSnapshot saved = device->snapshot(*state);
    const auto next = [&] {
        const auto logits = device->forward({.tokens = std::span(tokens).first(1)}, *state).logits;
        return std::vector<float>(logits.begin(), logits.end());
    };
    const std::vector<float> once = next();
    device->restore(saved, *state);
    report(next() == once, name + " snapshot", "same bits after restore");

    ProbeRequest probe =
        ProbeRequest::everyLayer(source->config().layerCount,
                                 {Quantity::BlockInput, Quantity::AttentionWeights, Quantity::MixerOutput,
                                  Quantity::MixerResidual, Quantity::GluActivation, Quantity::BlockOutput});
    probe.points.emplace_back(source->config().layerCount, Quantity::FinalNorm);
    const auto traceOf = [&](InferenceExecutor& executor) {
        const auto fresh = executor.createState();
        return executor.forward({.tokens = tokens, .probe = &probe}, *fresh).trace;
    };
    const auto a = traceOf(*device), b = traceOf(*reference);
    double worst = 0.0;
    for (const auto& [key, entry] : b->entries)
        worst = std::max(worst, nmse(a->entries.at(key).values, entry.values));
    report(worst < kDense && a->entries.size() == b->entries.size(), name + " probes",
           "worst NMSE " + std::to_string(worst * 1e6) + "e-6");
}

void checkDense()
{
    const auto config = [](std::int64_t layers, std::int64_t hidden, std::int64_t intermediate,
                           std::int64_t vocabulary, std::int64_t heads, std::int64_t keyValueHeads) {
        ModelConfig made;
        made.architecture = Architecture::Transformer;
        made.layerCount = layers;
        made.hiddenSize = hidden;
        made.intermediateSize = intermediate;
        made.vocabularySize = vocabulary;
        made.headCount = heads;
        made.keyValueHeadCount = keyValueHeads;
        return made;
    };
    compareDense("dense d96 3 heads", makeRandomModel(config(2, 96, 150, 77, 3, 3), 3, "dense"), 70);
    compareDense("dense d90 9:3 heads", makeRandomModel(config(2, 90, 131, 50, 9, 3), 3, "dense"), 40);
    compareDense("dense d512 4:2 heads", makeRandomModel(config(2, 512, 1030, 333, 4, 2), 3, "dense"), 300);
}

double seconds()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double copyBandwidth()
{
    const std::size_t bytes = std::size_t{1} << 31;
    cuda::DeviceArray<std::byte> a(bytes, "a"), b(bytes, "b");
    cuda::checkCuda(cudaMemset(a.data(), 0x35, bytes));
    cuda::checkCuda(cudaDeviceSynchronize());
    std::vector<double> times;
    for (int i = 0; i < 7; ++i) {
        const double start = seconds();
        cuda::checkCuda(cudaMemcpyAsync(b.data(), a.data(), bytes, cudaMemcpyDeviceToDevice));
        cuda::checkCuda(cudaDeviceSynchronize());
        times.push_back(seconds() - start);
    }
    return 2.0 * static_cast<double>(bytes) / median(times);
}

void timeShape(const std::string& name, double bandwidth)
{
    std::size_t freeBefore = 0, freeAfter = 0, total = 0;
    cudaMemGetInfo(&freeBefore, &total);
    const double loadStart = seconds();
    const auto source = makeRandomModel(namedShape(name), 1, name);
    const auto executor = cuda::CudaBackend().createInference(source, {});
    const double loadSeconds = seconds() - loadStart;
    const auto state = executor->createState();
    cudaMemGetInfo(&freeAfter, &total);
    const std::size_t decodeBytes = freeBefore - freeAfter;
    const auto tokens = randomTokens(2048, executor->config().vocabularySize);
    std::vector<double> step, bare, prefill;
    for (int i = 0; i < 300; ++i) {
        const double start = seconds();
        const auto result = executor->forward({.tokens = std::span(tokens).subspan(i, 1)}, *state);
        if (i >= 44)
            step.push_back(seconds() - start);
        if (!std::isfinite(result.logits[5]))
            report(false, name, "logits are not finite");
    }
    for (int i = 0; i < 50;
         ++i) { // marginal cost of a token inside one call, without launch and logits latency
        const double start = seconds();
        executor->forward({.tokens = std::span(tokens).first(6), .logits = LogitsMode::None}, *state);
        const double middle = seconds();
        executor->forward({.tokens = std::span(tokens).first(1), .logits = LogitsMode::None}, *state);
        bare.push_back((middle - start - (seconds() - middle)) / 5.0);
    }
    const TokenId marked = 7; // builds that profile the decode kernel print at this token
    executor->forward({.tokens = std::span(&marked, 1)}, *state);
    for (int i = 0; i < 5; ++i) {
        const double start = seconds();
        executor->forward({.tokens = tokens}, *state);
        prefill.push_back(seconds() - start);
    }
    cudaMemGetInfo(&freeAfter, &total);
    const MemoryUse use = executor->memoryUse(state.get());
    const double weightBytes = static_cast<double>(use.weightBytes);
    std::printf(
        "{\"shape\": \"%s\", \"loadSeconds\": %.2f, \"decodeMs\": %.4f, \"decodeWithoutHeadMs\": %.4f, "
        "\"floorMs\": %.4f, \"prefill2048Ms\": %.3f, \"weightBytes\": %.0f, \"decodeDeviceBytes\": %zu, "
        "\"peakDeviceBytes\": %zu, \"deviceUsedInAll\": %zu}\n",
        name.c_str(), loadSeconds, median(step) * 1e3, median(bare) * 1e3, weightBytes / bandwidth * 1e3,
        median(prefill) * 1e3, weightBytes, decodeBytes, freeBefore - freeAfter, total - freeAfter);
    std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv)
try {
    const std::string mode = argc > 1 ? argv[1] : "parity";
    for (const DeviceInfo& device : cuda::CudaBackend().devices())
        std::printf("%s: %s\n", device.name.c_str(), device.usable ? "usable" : device.reason.c_str());
    if (mode == "small" || mode == "parity")
        checkSmall();
    if (mode == "small" || mode == "parity" || mode == "dense")
        checkDense();
    if (mode == "golden-dense")
        compareDense("golden dense", openModel(argv[2]), 48);
    if (mode == "parity") {
        if (argc > 2)
            checkGolden(argv[2]);
        compareModels("L3 d1024 I2816 V2000", makeRandomModel(shapeConfig(3, 1024, 2816, 2000), 5, "wide"),
                      24);
    }
    if (mode == "time") {
        const double bandwidth = copyBandwidth();
        std::printf("{\"copyGBs\": %.1f}\n", bandwidth * 1e-9);
        for (int i = 2; i < argc; ++i)
            timeShape(argv[i], bandwidth);
    }
    std::printf("%d failures\n", failures);
    return failures == 0 ? 0 : 1;
} catch (const std::exception& error) {
    std::printf("FAIL %s\n", error.what());
    return 2;
}
