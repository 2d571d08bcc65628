// Holds every CPU-side backend to the vectors of the public PyTorch code: layer by layer, whole model, loss,
// every gradient, ten AdamW steps, and token by token against parallel.
#include "engine/cpu/cpu_backend.h"
#include "engine/network/training_executor.h"
#include "engine/reference/reference_backend.h"
#include "engine/reference/reference_operators.h"
#include "tests/support/golden.h"

#include <QTest>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

constexpr std::int64_t kBatch = 2, kLength = 24, kHidden = 64, kLayers = 3, kVocabulary = 320;

// Tolerances and their reasons. A ternary model: one rounding flip moves an output by a whole quantum, so
// single values say little; the reference differs from itself (parallel against token by token) by NMSE about
// 1e-7 to 1e-6.
constexpr double kTernaryNmse = 2e-5;
constexpr double kTernaryKl = 1e-4;
constexpr double kTernaryTopOne = 0.97;
constexpr double kTernaryLoss = 2e-4;
constexpr double kTernaryGradient = 2e-2; // relative norm per tensor: flips enter linearly
constexpr double kLayerError = 2e-3;      // one layer on golden input: the flips of one layer
constexpr double kDenseError = 2e-6;      // no quantisation: float rounding of sums up to 192 long
constexpr double kDenseGradient = 2e-5;
constexpr double kAdamwLossShare = 0.005; // as the issue of record asks

std::unique_ptr<Backend> makeBackend(const QString& name)
{
    if (name == "reference")
        return std::make_unique<reference::ReferenceBackend>();
    return std::make_unique<cpu::CpuBackend>();
}

struct Golden {
    TemporaryFolder folder;
    std::shared_ptr<const ModelSource> source;
    SafetensorsFile expected;
    std::vector<TokenId> tokens;
    explicit Golden(const std::string& name)
        : source(openModel(makeGoldenModelFolder(name, folder.path())))
        , expected(goldenFile(name + ".expected.safetensors"))
        , tokens(goldenTokens(expected))
    {
    }
    [[nodiscard]] std::span<const TokenId> row(std::int64_t b) const
    {
        return std::span(tokens).subspan(b * kLength, kLength);
    }
};

struct TrainingBatch {
    std::vector<TokenId> targets;
    TokenBatch batch;
    explicit TrainingBatch(const Golden& golden)
    {
        for (std::int64_t i = 0; i < kBatch * kLength; ++i)
            targets.push_back(i % kLength + 1 < kLength ? golden.tokens[i + 1] : -1);
        batch = {kBatch, kLength, golden.tokens, targets};
    }
};

// A golden model in training on one backend.
struct Training {
    Golden golden;
    std::shared_ptr<const ParameterLayout> layout;
    std::unique_ptr<TrainingExecutor> executor;
    TrainingBatch batch;
    Training(const QString& backend, const QString& model)
        : golden(model.toStdString())
        , layout(std::make_shared<const ParameterLayout>(golden.source->config()))
        , batch(golden)
    {
        AlignedBuffer<float> parameters(layout->size());
        loadParameters(*layout, *golden.source, parameters.span());
        executor = makeBackend(backend)->createTraining(layout, parameters.span(), {.threads = 2});
    }
};

} // namespace

class GoldenParity : public QObject
{
    Q_OBJECT

    static void addRows()
    {
        QTest::addColumn<QString>("backend");
        QTest::addColumn<QString>("model");
        for (const char* backend : {"reference", "cpu"}) {
            for (const char* model : {"open", "dense_open"})
                QTest::addRow("%s %s", backend, model) << backend << model;
        }
    }

    // The model run over both rows, everything probed; [batch, length, ...] like the golden file.
    struct Run {
        std::vector<float> logits, state;
        std::vector<std::vector<float>> hiddenStates;
    };
    static Run runModel(InferenceExecutor& executor, const Golden& golden, std::int64_t tokensPerCall)
    {
        Run run;
        run.hiddenStates.resize(kLayers + 1);
        run.state.resize(kLayers * kBatch * kHidden);
        ProbeRequest probe = ProbeRequest::everyLayer(kLayers, {Quantity::BlockInput});
        probe.points.emplace_back(kLayers, Quantity::FinalNorm);
        for (std::int64_t b = 0; b < kBatch; ++b) {
            const auto state = executor.createState();
            for (std::int64_t t = 0; t < kLength; t += tokensPerCall) {
                const ForwardResult result =
                    executor.forward({.tokens = golden.row(b).subspan(t, tokensPerCall),
                                      .logits = LogitsMode::All,
                                      .probe = &probe},
                                     *state);
                run.logits.insert(run.logits.end(), result.logits.begin(), result.logits.end());
                for (std::int64_t n = 0; n <= kLayers; ++n) {
                    const auto& entry = result.trace->entries.at(
                        {n, n < kLayers ? Quantity::BlockInput : Quantity::FinalNorm});
                    run.hiddenStates[n].insert(run.hiddenStates[n].end(), entry.values.begin(),
                                               entry.values.end());
                }
            }
            if (!executor.config().isTernary())
                continue;
            const StateSnapshot snapshot = executor.snapshot(*state);
            for (std::int64_t n = 0; n < kLayers; ++n)
                std::copy_n(snapshot.values.begin() + n * kHidden, kHidden,
                            run.state.begin() + (n * kBatch + b) * kHidden);
        }
        return run;
    }

private slots:
    void forwardMatches_data() { addRows(); }
    void forwardMatches()
    {
        QFETCH(QString, backend);
        QFETCH(QString, model);
        const Golden golden(model.toStdString());
        const auto executor = makeBackend(backend)->createInference(golden.source, {.threads = 2});
        const Run run = runModel(*executor, golden, kLength);
        const bool ternary = golden.source->config().isTernary();
        const auto logits = goldenFloats(golden.expected, "logits");
        const LogitAgreement agreement = compareLogits(run.logits, logits, kVocabulary);
        qInfo("logits NMSE %.2e, KL %.2e, top-1 %.3f", nmse(run.logits, logits), agreement.meanKl,
              agreement.topOne);
        QVERIFY(nmse(run.logits, logits) < (ternary ? kTernaryNmse : kDenseError * kDenseError));
        QVERIFY(agreement.meanKl < (ternary ? kTernaryKl : 1e-9));
        QVERIFY(agreement.topOne >= (ternary ? kTernaryTopOne : 1.0));
        for (std::int64_t n = 0; n <= kLayers; ++n) {
            const double error = nmse(run.hiddenStates[n],
                                      goldenFloats(golden.expected, "hidden_states." + std::to_string(n)));
            QVERIFY2(error < (n == 0    ? 1e-30
                              : ternary ? kTernaryNmse
                                        : kDenseError * kDenseError),
                     qPrintable(QString("hidden_states.%1: NMSE %2").arg(n).arg(error)));
        }
        if (ternary)
            QVERIFY(nmse(run.state, goldenFloats(golden.expected, "final_state")) < kTernaryNmse);
    }

    void tokenByTokenMatches_data() { addRows(); }
    void tokenByTokenMatches()
    {
        QFETCH(QString, backend);
        QFETCH(QString, model);
        const Golden golden(model.toStdString());
        const auto executor = makeBackend(backend)->createInference(golden.source, {.threads = 2});
        const bool ternary = golden.source->config().isTernary();
        const Run steps = runModel(*executor, golden, 1), parallel = runModel(*executor, golden, kLength);
        QVERIFY(nmse(steps.logits, parallel.logits) < (ternary ? kTernaryNmse : kDenseError * kDenseError));
        if (ternary)
            QVERIFY(nmse(steps.logits, goldenFloats(golden.expected, "step_logits")) < kTernaryNmse);
    }

    // Judged per layer: each layer gets the golden input of that layer and must give the golden input of the
    // next.
    void everyLayerMatchesOnGoldenInput()
    {
        const Golden golden("open");
        reference::ReferenceOperators ops;
        MatMulFreeNetwork<reference::ReferenceOperators> network(ops, *golden.source);
        ProbeWriter<reference::ReferenceOperators> noProbe(ops, nullptr, kLength);
        for (std::int64_t n = 0; n + 1 < kLayers; ++n) {
            const auto input = goldenFloats(golden.expected, "hidden_states." + std::to_string(n));
            const auto output = goldenFloats(golden.expected, "hidden_states." + std::to_string(n + 1));
            for (std::int64_t b = 0; b < kBatch; ++b) {
                std::vector<float> state(kHidden, 0.0f);
                float* x = network.layerInput(ops, kLength);
                std::copy_n(input.begin() + b * kLength * kHidden, kLength * kHidden, x);
                network.forwardLayer(ops, n, kLength, state.data(), noProbe);
                const double error =
                    relativeError({x, kLength * kHidden},
                                  std::span(output).subspan(b * kLength * kHidden, kLength * kHidden));
                QVERIFY2(error < kLayerError,
                         qPrintable(QString("layer %1 row %2: %3").arg(n).arg(b).arg(error)));
            }
        }
    }

    void lossAndGradientsMatch_data() { addRows(); }
    void lossAndGradientsMatch()
    {
        QFETCH(QString, backend);
        QFETCH(QString, model);
        const Training training(backend, model);
        TrainingExecutor* const executor = training.executor.get();
        const bool ternary = training.golden.source->config().isTernary();
        const double expected = goldenFloats(training.golden.expected, "loss")[0];

        QVERIFY(std::fabs(executor->evaluate(training.batch.batch) - expected) <
                (ternary ? kTernaryLoss : 1e-6));
        const double loss = executor->forwardBackward(training.batch.batch);
        qInfo("loss %.7f, golden %.7f", loss, expected);
        QVERIFY(std::fabs(loss - expected) < (ternary ? kTernaryLoss : 1e-6));

        std::vector<float> gradients(training.layout->size());
        executor->readGradients(gradients);
        double worst = 0.0;
        for (const ParameterSlot& slot : training.layout->entries()) {
            const auto golden_ = goldenFloats(training.golden.expected, "grad." + slot.spec.name);
            const double error =
                relativeError(std::span<const float>(gradients).subspan(slot.offset, slot.count), golden_);
            worst = std::max(worst, error);
            QVERIFY2(error < (ternary ? kTernaryGradient : kDenseGradient),
                     qPrintable(QString("%1: relative error %2").arg(slot.spec.name.c_str()).arg(error)));
        }
        qInfo("worst gradient error %.2e", worst);
    }

    void gradientsAccumulate_data() { addRows(); }
    void gradientsAccumulate()
    {
        QFETCH(QString, backend);
        QFETCH(QString, model);
        const Training training(backend, model);
        TrainingExecutor* const executor = training.executor.get();
        executor->forwardBackward(training.batch.batch);
        const double once = executor->gradientNorm();
        executor->forwardBackward(training.batch.batch);
        QVERIFY(std::fabs(executor->gradientNorm() / once - 2.0) < 1e-5);
    }

    void tenAdamwStepsMatch_data() { addRows(); }
    void tenAdamwStepsMatch()
    {
        QFETCH(QString, backend);
        QFETCH(QString, model);
        const Training training(backend, model);
        TrainingExecutor* const executor = training.executor.get();
        const auto losses = goldenFloats(training.golden.expected, "adamw_losses");
        for (std::size_t step = 0; step < losses.size(); ++step) {
            const double loss = executor->forwardBackward(training.batch.batch);
            QVERIFY2(std::fabs(loss / losses[step] - 1.0) < kAdamwLossShare,
                     qPrintable(QString("step %1: %2, golden %3").arg(step).arg(loss).arg(losses[step])));
            executor->applyUpdate({.learningRate = 1e-3,
                                   .beta1 = 0.9,
                                   .beta2 = 0.95,
                                   .epsilon = 1e-8,
                                   .weightDecay = 0.01,
                                   .decayAll = true,
                                   .gradientScale = std::min(1.0, 1.0 / (executor->gradientNorm() + 1e-6)),
                                   .step = static_cast<std::int64_t>(step) + 1});
        }
    }
};

QTEST_GUILESS_MAIN(GoldenParity)
#include "tst_golden_parity.moc"
