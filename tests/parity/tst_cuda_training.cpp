// Holds training on CUDA to the golden gradients and losses and to the reference on odd shapes. Without a GPU
// the device tests skip, aloud; what a machine without one must do is tested everywhere.
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/cuda/cuda_backend.h"
#include "engine/reference/reference_backend.h"
#include "tests/support/golden.h"

#include <QTest>

#include <cmath>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

// Backward products multiply bf16 values (2^-9 each); flips of the quantisers enter linearly, and more of
// them in random models. A wrong product differs by 1.
constexpr double kGoldenGradient = 2e-2, kRandomGradient = 5e-2;
// The vanilla pass multiplies bf16 activations forward as well, as a plain framework does.
constexpr double kVanillaGradient = 0.15, kVanillaLossShare = 5e-3;
constexpr double kGoldenLoss = 2e-4, kRandomLossShare = 1e-3, kAdamwLossShare = 0.005;

bool haveDevice()
{
    const auto devices = cuda::CudaBackend().devices();
    return !devices.empty() && devices.front().usable;
}

struct Batch {
    std::vector<TokenId> inputs, targets;
    TokenBatch batch;
};

Batch goldenBatch(const std::vector<TokenId>& tokens)
{
    Batch made{.inputs = tokens, .targets = {}, .batch = {}};
    for (std::size_t i = 0; i < tokens.size(); ++i)
        made.targets.push_back(i % 24 + 1 < 24 ? tokens[i + 1] : -1);
    return made;
}

Batch randomBatch(std::int64_t rows, std::int64_t length, std::int64_t vocabulary)
{
    Batch made;
    Random random(5);
    const auto draw = [&] {
        return static_cast<TokenId>(random.below(static_cast<std::uint64_t>(vocabulary)));
    };
    for (std::int64_t i = 0; i < rows * length; ++i) {
        made.inputs.push_back(random.below(5) == 0 ? 1 : draw()); // one token far more frequent than others
        made.targets.push_back(i % 11 == 3 ? -1 : draw());
    }
    return made;
}

TokenBatch view(const Batch& batch, std::int64_t rows)
{
    return {rows, static_cast<std::int64_t>(batch.inputs.size()) / rows, batch.inputs, batch.targets};
}

struct Start {
    std::shared_ptr<const ParameterLayout> layout;
    AlignedBuffer<float> parameters;
    explicit Start(const ModelConfig& config)
        : layout(std::make_shared<const ParameterLayout>(config))
        , parameters(static_cast<std::size_t>(layout->size()))
    {
    }
    [[nodiscard]] std::unique_ptr<TrainingExecutor> on(const Backend& backend) const
    {
        return backend.createTraining(layout, parameters.span(), {});
    }
};

// heads 0: a MatMul-free model
std::unique_ptr<Start> randomStart(std::int64_t layers, std::int64_t hidden, std::int64_t intermediate,
                                   std::int64_t vocabulary, std::int64_t heads = 0,
                                   std::int64_t keyValueHeads = 0)
{
    ModelConfig config;
    if (heads > 0) {
        config.architecture = Architecture::Transformer;
        config.headCount = heads;
        config.keyValueHeadCount = keyValueHeads;
    }
    config.layerCount = layers;
    config.hiddenSize = hidden;
    config.intermediateSize = intermediate;
    config.vocabularySize = vocabulary;
    auto start = std::make_unique<Start>(config);
    initializeParameters(*start->layout, 3, start->parameters.span());
    Random random(11);
    for (const ParameterSlot& slot : start->layout->entries()) {
        const bool vector = slot.spec.role == TensorRole::LowerBounds || slot.spec.role == TensorRole::Norm;
        for (std::int64_t i = 0; vector && i < slot.count; ++i)
            start->parameters.data()[slot.offset + i] += static_cast<float>(random.normal() * 0.2);
    }
    return start;
}

std::vector<float> gradientsOf(TrainingExecutor& executor)
{
    std::vector<float> values(static_cast<std::size_t>(executor.layout().size()));
    executor.readGradients(values);
    return values;
}

void update(TrainingExecutor& executor, std::int64_t step)
{
    executor.applyUpdate({.learningRate = 1e-3,
                          .weightDecay = 0.01,
                          .decayAll = true,
                          .gradientScale = std::min(1.0, 1.0 / (executor.gradientNorm() + 1e-6)),
                          .step = step});
}

} // namespace

class CudaTrainingTest : public QObject
{
    Q_OBJECT

private slots:
    void saysWhyItCannotTrain()
    {
        const auto start = randomStart(1, 64, 64, 32);
        if (haveDevice())
            QSKIP("there is a usable CUDA device");
        try {
            (void)start->on(cuda::CudaBackend());
            QFAIL("made a trainer without a device");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::Unavailable);
            QVERIFY(std::string(error.what()).find(cuda::CudaBackend().devices().front().reason) !=
                    std::string::npos);
        }
    }

    void matchesGoldenGradientsAndLosses_data()
    {
        QTest::addColumn<QString>("model");
        QTest::newRow("MatMul-free") << "open";
        QTest::newRow("dense") << "dense_open";
    }
    void matchesGoldenGradientsAndLosses()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        QFETCH(QString, model);
        TemporaryFolder folder;
        const auto source = openModel(makeGoldenModelFolder(model.toStdString(), folder.path()));
        const SafetensorsFile expected(goldenFile(model.toStdString() + ".expected.safetensors"));
        Start start(source->config());
        loadParameters(*start.layout, *source, start.parameters.span());
        const auto executor = start.on(cuda::CudaBackend());
        const Batch batch = goldenBatch(goldenTokens(expected));
        const double loss = goldenFloats(expected, "loss")[0];
        QVERIFY(std::fabs(executor->evaluate(view(batch, 2)) - loss) < kGoldenLoss);
        QVERIFY(std::fabs(executor->forwardBackward(view(batch, 2)) - loss) < kGoldenLoss);
        const std::vector<float> gradients = gradientsOf(*executor);
        for (const ParameterSlot& slot : start.layout->entries()) {
            const double error = relativeError(std::span(gradients).subspan(slot.offset, slot.count),
                                               goldenFloats(expected, "grad." + slot.spec.name));
            QVERIFY2(error < kGoldenGradient,
                     qPrintable(QString("%1: %2").arg(slot.spec.name.c_str()).arg(error)));
        }
        executor->restore(executor->snapshot()); // clears the gradients
        const auto losses = goldenFloats(expected, "adamw_losses");
        for (std::size_t step = 0; step < losses.size(); ++step) {
            const double found = executor->forwardBackward(view(batch, 2));
            QVERIFY2(std::fabs(found / losses[step] - 1.0) < kAdamwLossShare,
                     qPrintable(QString::number(step)));
            update(*executor, static_cast<std::int64_t>(step) + 1);
        }
    }

    void gradientsMatchReference_data()
    {
        QTest::addColumn<int>("hidden");
        QTest::addColumn<int>("intermediate");
        QTest::addColumn<int>("vocabulary");
        QTest::addColumn<int>("rows");
        QTest::addColumn<int>("length");
        QTest::addColumn<int>("heads");
        QTest::addColumn<int>("keyValueHeads");
        QTest::newRow("one token") << 64 << 96 << 50 << 1 << 1 << 0 << 0;
        QTest::newRow("widths no multiple of 16") << 100 << 150 << 77 << 3 << 17 << 0 << 0;
        QTest::newRow("widths no multiple of 4") << 518 << 1031 << 333 << 2 << 9 << 0 << 0;
        QTest::newRow("tokens for the wide tiles") << 192 << 520 << 300 << 8 << 40 << 0 << 0;
        QTest::newRow("dense, heads of 20") << 100 << 131 << 77 << 2 << 33 << 5 << 5;
        QTest::newRow("dense, heads of 10 in groups") << 90 << 64 << 50 << 2 << 70 << 9 << 3;
        QTest::newRow("dense, heads of 128") << 256 << 300 << 200 << 2 << 130 << 2 << 1;
    }
    void gradientsMatchReference()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        QFETCH(int, hidden);
        QFETCH(int, intermediate);
        QFETCH(int, vocabulary);
        QFETCH(int, rows);
        QFETCH(int, length);
        QFETCH(int, heads);
        QFETCH(int, keyValueHeads);
        const auto start = randomStart(2, hidden, intermediate, vocabulary, heads, keyValueHeads);
        const Batch batch = randomBatch(rows, length, vocabulary);
        const auto device = start->on(cuda::CudaBackend()),
                   reference = start->on(reference::ReferenceBackend());
        const double expected = reference->forwardBackward(view(batch, rows));
        QVERIFY(std::fabs(device->forwardBackward(view(batch, rows)) / expected - 1.0) < kRandomLossShare);
        const auto found = gradientsOf(*device), wanted = gradientsOf(*reference);
        for (const ParameterSlot& slot : start->layout->entries()) {
            const auto part = [&](const std::vector<float>& values) {
                return std::span(values).subspan(slot.offset, slot.count);
            };
            QVERIFY2(relativeError(part(found), part(wanted)) < kRandomGradient, slot.spec.name.c_str());
        }
        const double once = device->gradientNorm();
        device->forwardBackward(view(batch, rows));
        QVERIFY(std::fabs(device->gradientNorm() / once - 2.0) < 1e-3);
    }

    void resumingGivesTheSameBits()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        const auto start = randomStart(3, 192, 520, 300);
        const Batch batch = randomBatch(8, 40, 300);
        const auto straight = start->on(cuda::CudaBackend()), resumed = start->on(cuda::CudaBackend());
        straight->forwardBackward(view(batch, 8));
        update(*straight, 1);
        resumed->restore(straight->snapshot());
        (void)straight->evaluate(view(batch, 4));
        for (TrainingExecutor* executor : {straight.get(), resumed.get()}) {
            executor->forwardBackward(view(batch, 8));
            update(*executor, 2);
        }
        const TrainingSnapshot a = straight->snapshot(), b = resumed->snapshot();
        const auto same = [](const auto& left, const auto& right) {
            return std::equal(left->span().begin(), left->span().end(), right->span().begin());
        };
        QVERIFY(same(a.parameters, b.parameters));
        QVERIFY(same(a.firstMoment, b.firstMoment));
        QVERIFY(same(a.secondMoment, b.secondMoment));
    }

    void recomputingGivesTheSameBits()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        const auto start = randomStart(3, 192, 520, 300);
        const Batch batch = randomBatch(8, 40, 300);
        std::vector<std::vector<float>> gradients;
        for (const auto activations : {TrainingActivations::Keep, TrainingActivations::Recompute}) {
            const auto executor = cuda::CudaBackend().createTraining(start->layout, start->parameters.span(),
                                                                     {.activations = activations});
            executor->forwardBackward(view(batch, 8));
            gradients.push_back(gradientsOf(*executor));
        }
        QVERIFY(gradients[0] == gradients[1]);
    }

    void vanillaMatchesReference()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        const auto start = randomStart(2, 100, 150, 77);
        const Batch batch = randomBatch(3, 17, 77);
        const auto vanilla = cuda::CudaBackend().createTraining(start->layout, start->parameters.span(),
                                                                {.bitLinear = BitLinearStyle::Vanilla});
        const auto reference = start->on(reference::ReferenceBackend());
        const double expected = reference->forwardBackward(view(batch, 3));
        QVERIFY(std::fabs(vanilla->forwardBackward(view(batch, 3)) / expected - 1.0) < kVanillaLossShare);
        const auto found = gradientsOf(*vanilla), wanted = gradientsOf(*reference);
        for (const ParameterSlot& slot : start->layout->entries()) {
            const auto part = [&](const std::vector<float>& values) {
                return std::span(values).subspan(slot.offset, slot.count);
            };
            QVERIFY2(relativeError(part(found), part(wanted)) < kVanillaGradient, slot.spec.name.c_str());
        }
    }

    void badBatchesAreRefused()
    {
        if (!haveDevice())
            QSKIP("no usable CUDA device");
        const auto start = randomStart(1, 64, 64, 32);
        const auto executor = start->on(cuda::CudaBackend());
        Batch batch = randomBatch(2, 8, 32);
        batch.inputs[3] = 32;
        QVERIFY_EXCEPTION_THROWN(executor->forwardBackward(view(batch, 2)), Error);
        batch.inputs[3] = 31;
        QVERIFY(std::isfinite(executor->forwardBackward(view(batch, 2))));
    }
};

QTEST_GUILESS_MAIN(CudaTrainingTest)
#include "tst_cuda_training.moc"
