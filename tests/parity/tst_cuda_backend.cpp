// Holds the CUDA backend to the reference and the golden vectors. Without a GPU the device tests skip, aloud;
// what a machine without one must do is tested everywhere.
#include "engine/core/error.h"
#include "engine/cuda/cuda_backend.h"
#include "engine/reference/reference_backend.h"
#include "tests/support/golden.h"

#include <QTest>

#include <cmath>
#include <cstring>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

// Rounding flips of the quantisers spread through a random model: two exact float implementations differ by
// about 1e-3 of the power after a few layers, while a wrong product differs by 1.
constexpr double kModelNmse = 5e-3;
constexpr double kLayerNmse = 5e-4; // first layer alone, on equal inputs
constexpr double kDenseNmse = 1e-3;

bool haveDevice()
{
    const auto devices = cuda::CudaBackend().devices();
    return !devices.empty() && devices.front().usable;
}

ModelConfig shape(std::int64_t layers, std::int64_t hidden, std::int64_t intermediate,
                  std::int64_t vocabulary)
{
    ModelConfig config;
    config.layerCount = layers;
    config.hiddenSize = hidden;
    config.intermediateSize = intermediate;
    config.vocabularySize = vocabulary;
    return config;
}

struct Run {
    std::vector<float> logits, state;
};

Run run(InferenceExecutor& executor, const std::vector<TokenId>& tokens, std::size_t tokensPerCall)
{
    Run result;
    const auto state = executor.createState();
    for (std::size_t t = 0; t < tokens.size(); t += tokensPerCall) {
        const auto part = std::span(tokens).subspan(t, std::min(tokensPerCall, tokens.size() - t));
        const ForwardResult out = executor.forward({.tokens = part, .logits = LogitsMode::All}, *state);
        result.logits.insert(result.logits.end(), out.logits.begin(), out.logits.end());
    }
    result.state = executor.snapshot(*state).values;
    return result;
}

std::vector<TokenId> someTokens(std::int64_t count, std::int64_t vocabulary)
{
    std::vector<TokenId> tokens;
    for (std::int64_t i = 0; i < count; ++i)
        tokens.push_back(static_cast<TokenId>((i * 7919 + 13) % vocabulary));
    return tokens;
}

} // namespace

class CudaBackendTest : public QObject
{
    Q_OBJECT

private slots:
    void saysWhyNoDeviceCanBeUsed()
    {
        const cuda::CudaBackend backend;
        QCOMPARE(backend.name(), std::string("cuda"));
        const auto devices = backend.devices();
        QVERIFY(!devices.empty());
        for (const DeviceInfo& device : devices)
            QCOMPARE(device.usable, device.reason.empty());
        if (haveDevice())
            return;
        const auto source = makeRandomModel(shape(1, 64, 64, 32), 1, "tiny");
        try {
            (void)backend.createInference(source, {});
            QFAIL("made an executor without a device");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::Unavailable);
            QVERIFY(std::string(error.what()).find(devices.front().reason) != std::string::npos);
        }
    }

    void matchesReference_data()
    {
        QTest::addColumn<int>("layers");
        QTest::addColumn<int>("hidden");
        QTest::addColumn<int>("intermediate");
        QTest::addColumn<int>("vocabulary");
        QTest::newRow("small") << 3 << 64 << 192 << 320;
        QTest::newRow("widths no multiple of 16") << 2 << 100 << 150 << 77;
        QTest::newRow("widths no multiple of 4") << 2 << 518 << 1031 << 333;
        QTest::newRow("more channels than blocks") << 2 << 1024 << 2816 << 500;
    }
    void matchesReference()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        QFETCH(int, layers);
        QFETCH(int, hidden);
        QFETCH(int, intermediate);
        QFETCH(int, vocabulary);
        const auto source = makeRandomModel(shape(layers, hidden, intermediate, vocabulary), 5, "random");
        const auto tokens = someTokens(40, vocabulary);
        const auto reference = reference::ReferenceBackend().createInference(source, {});
        const auto device = cuda::CudaBackend().createInference(source, {});
        const Run expected = run(*reference, tokens, tokens.size());
        for (const std::size_t perCall : {std::size_t{1}, std::size_t{5}, std::size_t{11}, tokens.size()}) {
            const Run found = run(*device, tokens, perCall);
            QVERIFY2(nmse(found.logits, expected.logits) < kModelNmse, qPrintable(QString::number(perCall)));
            QVERIFY2(nmse(found.state, expected.state) < kModelNmse, qPrintable(QString::number(perCall)));
        }
    }

    void probesMatchReference()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        TemporaryFolder folder;
        const auto source = openModel(makeGoldenModelFolder("open", folder.path()));
        const std::vector<TokenId> tokens = someTokens(30, 320);
        ProbeRequest probe = ProbeRequest::everyLayer(
            3, {Quantity::BlockInput, Quantity::QuantizedInput, Quantity::ForgetGate, Quantity::Candidate,
                Quantity::HiddenState, Quantity::OutputGate, Quantity::MixerOutput, Quantity::MixerResidual,
                Quantity::GluActivation, Quantity::BlockOutput});
        probe.points.emplace_back(3, Quantity::FinalNorm);
        const auto trace = [&](const Backend& backend) {
            const auto executor = backend.createInference(source, {});
            const auto state = executor->createState();
            return executor->forward({.tokens = tokens, .probe = &probe}, *state).trace;
        };
        const auto expected = trace(reference::ReferenceBackend()), found = trace(cuda::CudaBackend());
        QCOMPARE(found->entries.size(), expected->entries.size());
        for (const auto& [key, entry] : expected->entries) {
            const TracedQuantity& other = found->entries.at(key);
            QCOMPARE(other.width, entry.width);
            QVERIFY2(
                nmse(other.values, entry.values) < (key.first == 0 ? kLayerNmse : kModelNmse),
                qPrintable(QString("layer %1 quantity %2").arg(key.first).arg(static_cast<int>(key.second))));
        }
    }

    // bf16 weights, activations and cache: about 2^-9 each against exact arithmetic.
    void denseMatchesReference_data()
    {
        QTest::addColumn<int>("hidden");
        QTest::addColumn<int>("heads");
        QTest::addColumn<int>("keyValueHeads");
        QTest::newRow("heads of 32") << 96 << 3 << 3;
        QTest::newRow("heads of 10 in groups") << 90 << 9 << 3;
        QTest::newRow("heads of 128") << 256 << 2 << 1;
    }
    void denseMatchesReference()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        QFETCH(int, hidden);
        QFETCH(int, heads);
        QFETCH(int, keyValueHeads);
        ModelConfig config = shape(2, hidden, 131, 77);
        config.architecture = Architecture::Transformer;
        config.headCount = heads;
        config.keyValueHeadCount = keyValueHeads;
        const auto source = makeRandomModel(config, 5, "random");
        const auto tokens = someTokens(70, 77);
        const auto reference = reference::ReferenceBackend().createInference(source, {});
        const auto device = cuda::CudaBackend().createInference(source, {});
        const Run expected = run(*reference, tokens, tokens.size());
        for (const std::size_t perCall : {std::size_t{1}, std::size_t{7}, tokens.size()}) {
            const Run found = run(*device, tokens, perCall), again = run(*device, tokens, perCall);
            QVERIFY2(nmse(found.logits, expected.logits) < kDenseNmse, qPrintable(QString::number(perCall)));
            QVERIFY2(nmse(found.state, expected.state) < kDenseNmse, qPrintable(QString::number(perCall)));
            QVERIFY(found.logits == again.logits);
        }
        const auto state = device->createState();
        device->forward({.tokens = tokens}, *state);
        const StateSnapshot saved = device->snapshot(*state);
        const auto next = [&] {
            const auto logits = device->forward({.tokens = std::span(tokens).first(1)}, *state).logits;
            return std::vector<float>(logits.begin(), logits.end());
        };
        const std::vector<float> once = next();
        device->restore(saved, *state);
        QVERIFY(next() == once);
    }

    void denseMatchesGoldenLogits()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        TemporaryFolder folder;
        const auto source = openModel(makeGoldenModelFolder("dense_open", folder.path()));
        const SafetensorsFile expected(goldenFile("dense_open.expected.safetensors"));
        const std::vector<TokenId> tokens = goldenTokens(expected);
        const auto device = cuda::CudaBackend().createInference(source, {});
        std::vector<float> found;
        for (int row = 0; row < 2; ++row) {
            const Run part = run(*device, {tokens.begin() + row * 24, tokens.begin() + (row + 1) * 24}, 24);
            found.insert(found.end(), part.logits.begin(), part.logits.end());
        }
        QVERIFY(nmse(found, goldenFloats(expected, "logits")) < kDenseNmse);
    }

    void matchesGoldenLogits()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        TemporaryFolder folder;
        const auto source = openModel(makeGoldenModelFolder("open", folder.path()));
        const SafetensorsFile expected(goldenFile("open.expected.safetensors"));
        const std::vector<TokenId> tokens = goldenTokens(expected);
        const std::vector<float> logits = goldenFloats(expected, "logits");
        const auto device = cuda::CudaBackend().createInference(source, {});
        for (const std::size_t perCall : {std::size_t{1}, std::size_t{24}}) {
            std::vector<float> found;
            for (int row = 0; row < 2; ++row) {
                const Run part =
                    run(*device, {tokens.begin() + row * 24, tokens.begin() + (row + 1) * 24}, perCall);
                found.insert(found.end(), part.logits.begin(), part.logits.end());
            }
            QVERIFY(nmse(found, logits) < 1e-3);
        }
    }

    // Odd and even numbers of layers, and an odd number of tokens between the runs: exchanges inside the
    // decode kernel alternate with both.
    void sameInputGivesTheSameBits_data()
    {
        QTest::addColumn<int>("layers");
        QTest::newRow("even") << 2;
        QTest::newRow("odd") << 3;
    }
    void sameInputGivesTheSameBits()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        QFETCH(int, layers);
        const auto source = makeRandomModel(shape(layers, 512, 1536, 400), 9, "random");
        const auto tokens = someTokens(63, 400);
        const auto device = cuda::CudaBackend().createInference(source, {});
        for (const std::size_t perCall : {std::size_t{1}, tokens.size()}) {
            const Run first = run(*device, tokens, perCall), second = run(*device, tokens, perCall);
            QVERIFY(first.logits == second.logits);
            QVERIFY(first.state == second.state);
        }
    }

    void snapshotsRestoreAndBadInputLeavesTheStateAlone()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        const auto source = makeRandomModel(shape(2, 128, 256, 100), 9, "random");
        const auto device = cuda::CudaBackend().createInference(source, {});
        const auto state = device->createState();
        const std::vector<TokenId> tokens = someTokens(20, 100), bad = {3, 100};
        device->forward({.tokens = tokens}, *state);
        const StateSnapshot snapshot = device->snapshot(*state);
        QCOMPARE(snapshot.position, 20);
        QVERIFY_EXCEPTION_THROWN(device->forward({.tokens = bad}, *state), Error);
        QVERIFY(device->snapshot(*state).values == snapshot.values);
        const auto next = [&] {
            const auto logits = device->forward({.tokens = std::span(tokens).first(1)}, *state).logits;
            return std::vector<float>(logits.begin(), logits.end());
        };
        const std::vector<float> once = next();
        device->restore(snapshot, *state);
        QCOMPARE(state->position(), 20);
        QVERIFY(next() == once);
        device->reset(*state);
        QCOMPARE(state->position(), 0);
    }

    void tooLittleMemoryIsAnErrorThatLeavesTheProgramRunning()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        const auto source = makeRandomModel(shape(1500, 10240, 27392, 100), 9, "far too large");
        try {
            (void)cuda::CudaBackend().createInference(source, {});
            QFAIL("a model of terabytes was accepted");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::OutOfMemory);
            QVERIFY(std::string(error.what()).find("needed") != std::string::npos);
            QVERIFY(std::string(error.what()).find("free") != std::string::npos);
        }
        const auto small = makeRandomModel(shape(1, 64, 64, 32), 1, "tiny");
        const auto device = cuda::CudaBackend().createInference(small, {});
        QVERIFY(std::isfinite(run(*device, {1, 2, 3}, 1).logits.front()));
    }
};

QTEST_GUILESS_MAIN(CudaBackendTest)
#include "tst_cuda_backend.moc"
