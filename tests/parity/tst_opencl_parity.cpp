// Holds the OpenCL backend to the reference and to the golden vectors, with every kind of kernels on whatever
// device is here (PoCL in CI). Without any OpenCL device the tests are skipped aloud.
#include "engine/core/random.h"
#include "engine/reference/reference_backend.h"
#include "fpga/host/opencl_backend.h"
#include "fpga/host/opencl_executor.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"

#include <QTest>

using namespace mmfree;
using namespace mmfree::opencl;
using namespace mmfree::test;

namespace
{

constexpr std::int64_t kBatch = 2, kLength = 24, kHidden = 64, kLayers = 3, kVocabulary = 320;

// As in tst_golden_parity: one rounding flip moves an output by a whole quantum, so whole models are judged
// by NMSE, KL and top-1.
constexpr double kNmse = 2e-5;
// Random codes and a narrow width: a flip weighs more than in the golden model (measured 1.8e-4).
constexpr double kRandomModelNmse = 1e-3;
constexpr double kKl = 1e-4;
constexpr double kTopOne = 0.97;

struct Golden {
    TemporaryFolder folder;
    std::shared_ptr<const ModelSource> source;
    SafetensorsFile expected;
    std::vector<TokenId> tokens;
    Golden()
        : source(openModel(makeGoldenModelFolder("open", folder.path())))
        , expected(goldenFile("open.expected.safetensors"))
        , tokens(goldenTokens(expected))
    {
    }
    [[nodiscard]] std::span<const TokenId> row(std::int64_t b) const
    {
        return std::span(tokens).subspan(b * kLength, kLength);
    }
};

TokenId largest(std::span<const float> logits)
{
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<TokenId> greedyTokens(InferenceExecutor& executor, std::span<const TokenId> prompt, int count)
{
    const auto state = executor.createState();
    std::vector<TokenId> tokens;
    TokenId next = largest(executor.forward({.tokens = prompt}, *state).logits);
    for (int n = 0; n < count; ++n) {
        tokens.push_back(next);
        next = largest(executor.forward({.tokens = {&next, 1}}, *state).logits);
    }
    return tokens;
}

// Random codes 0..2 as a TernaryTensor.
TernaryTensor randomTernary(std::int64_t rows, std::int64_t cols, std::uint64_t seed)
{
    TernaryTensor tensor{.rows = rows, .cols = cols, .scale = 1.0f};
    tensor.storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(rows * tensor.rowBytes()));
    std::fill(tensor.storage.span().begin(), tensor.storage.span().end(), std::uint8_t{0x55});
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t col = 0; col < cols; ++col) {
            const auto code = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;
            std::uint8_t& byte = tensor.storage[static_cast<std::size_t>(row * tensor.rowBytes() + col / 4)];
            byte =
                static_cast<std::uint8_t>((byte & ~(3u << (2 * (col % 4)))) | (code % 3) << (2 * (col % 4)));
        }
    }
    tensor.codes = tensor.storage.span();
    return tensor;
}

} // namespace

class OpenClParity : public QObject
{
    Q_OBJECT

    std::vector<QString> m_variants{"vector", "dot", "pipeline"};

    void addVariants()
    {
        QTest::addColumn<QString>("variant");
        for (const QString& variant : m_variants)
            QTest::addRow("%s", qPrintable(variant)) << variant;
    }
    static std::unique_ptr<OpenClExecutor> makeExecutor(const std::shared_ptr<const ModelSource>& source)
    {
        return std::make_unique<OpenClExecutor>(discoverDevices().front(), source, 0);
    }
    // For this test function only; see cleanup().
    static void useVariant()
    {
        QFETCH(QString, variant);
        qputenv("MMFREE_OPENCL_VARIANT", variant.toUtf8());
    }

    // The product of `count` stacked matrices with random activations, both computed exactly.
    static void checkProducts(std::int64_t rows, std::int64_t cols, int segments, int tokens, int extreme)
    {
        KernelLauncher launcher(discoverDevices().front(), 0);
        const Variant variant = launcher.parameters().variant;
        std::vector<TernaryTensor> matrices;
        for (int n = 0; n < segments; ++n)
            matrices.push_back(
                randomTernary(rows, cols, 17u * static_cast<unsigned>(n) + static_cast<unsigned>(cols)));
        if (extreme != 0) // every weight the same sign: the largest sums there can be
            std::fill(matrices[0].storage.span().begin(), matrices[0].storage.span().end(),
                      std::uint8_t(extreme > 0 ? 0xAA : 0x00));
        const TernaryStage stage = uploadStage(
            launcher, segments,
            [&](int n) {
                TernaryTensor view{.rows = rows, .cols = cols, .scale = matrices[n].scale};
                view.codes = matrices[n].codes;
                return view;
            },
            "a test");
        const std::int64_t padded = paddedColumns(cols);
        std::vector<int> q(static_cast<std::size_t>(segments * tokens * cols));
        unsigned seed = 5;
        for (int& value : q) {
            seed = seed * 1664525u + 1013904223u;
            value = extreme != 0 ? (extreme > 0 ? 127 : -128) : static_cast<int>(seed >> 24) - 128;
        }
        const std::size_t elementBytes = variant == Variant::Vector ? 2 : 1;
        std::vector<std::byte> stored(static_cast<std::size_t>(segments * tokens * padded) * elementBytes);
        for (std::int64_t row = 0; row < segments * tokens; ++row) {
            for (std::int64_t c = 0; c < cols; ++c) {
                const auto value = static_cast<std::int16_t>(q[static_cast<std::size_t>(row * cols + c)]);
                std::memcpy(stored.data() +
                                static_cast<std::size_t>(row * padded + activationSlot(c, variant)) *
                                    elementBytes,
                            &value, elementBytes);
            }
        }
        const std::vector<float> ones(static_cast<std::size_t>(segments * tokens), 1.0f);
        const ClMemory activations = launcher.upload(stored, "activations");
        const ClMemory scales = launcher.upload(std::as_bytes(std::span(ones)), "scales");
        std::vector<float> out(static_cast<std::size_t>(tokens * segments * rows), 1.0f);
        const ClMemory outMemory = launcher.upload(std::as_bytes(std::span(out)), "out");
        TernaryProduct product(launcher);
        product.run(stage, activations.get(), scales.get(), tokens, outMemory.get(), true);
        launcher.read(outMemory.get(), 0, std::as_writable_bytes(std::span(out)));
        for (int t = 0; t < tokens; ++t) {
            for (int n = 0; n < segments; ++n) {
                for (std::int64_t row = 0; row < rows; ++row) {
                    std::int64_t sum = 1; // what was there before: the product is added
                    for (std::int64_t c = 0; c < cols; ++c)
                        sum +=
                            matrices[n].at(row, c) * q[static_cast<std::size_t>((n * tokens + t) * cols + c)];
                    const float found = out[static_cast<std::size_t>((t * segments + n) * rows + row)];
                    if (found != static_cast<float>(sum))
                        QFAIL(qPrintable(QString("token %1 segment %2 row %3: %4, exact %5")
                                             .arg(t)
                                             .arg(n)
                                             .arg(row)
                                             .arg(found)
                                             .arg(sum)));
                }
            }
        }
    }

private slots:
    void initTestCase()
    {
        static const TemporaryFolder cache;
        qputenv("MMFREE_OPENCL_CACHE", cache.path().c_str());
        const std::vector<ClDevice> devices = discoverDevices();
        if (!devices.front().info.usable)
            QSKIP(qPrintable(QString("no OpenCL device: %1").arg(devices.front().info.reason.c_str())));
        qInfo("device: %s", devices.front().info.name.c_str());
    }
    void cleanup() { qunsetenv("MMFREE_OPENCL_VARIANT"); }

    void integerProductsAreExact_data() { addVariants(); }
    void integerProductsAreExact()
    {
        useVariant();
        checkProducts(8, 128, 1, 1, 0);
        checkProducts(7, 65, 3, 6, 0);    // nothing is a multiple of anything
        checkProducts(33, 1000, 2, 9, 0); // tiles of tokens and a rest
        checkProducts(3, 1, 1, 1, 0);     // one column
        checkProducts(5, 4500, 1, 5, 1);  // 16-bit sums are flushed in time, upwards
        checkProducts(5, 4500, 1, 1, -1); // and downwards (-128 * -1)
    }

    void goldenModelMatches_data() { addVariants(); }
    void goldenModelMatches()
    {
        useVariant();
        const Golden golden;
        const auto executor = makeExecutor(golden.source);
        ProbeRequest probe = ProbeRequest::everyLayer(kLayers, {Quantity::BlockInput});
        probe.points.emplace_back(kLayers, Quantity::FinalNorm);
        std::vector<float> logits, state(kLayers * kBatch * kHidden);
        std::vector<std::vector<float>> hiddenStates(kLayers + 1);
        for (std::int64_t b = 0; b < kBatch; ++b) {
            const auto sequence = executor->createState();
            const ForwardResult result = executor->forward(
                {.tokens = golden.row(b), .logits = LogitsMode::All, .probe = &probe}, *sequence);
            logits.insert(logits.end(), result.logits.begin(), result.logits.end());
            for (std::int64_t n = 0; n <= kLayers; ++n) {
                const auto& entry =
                    result.trace->entries.at({n, n < kLayers ? Quantity::BlockInput : Quantity::FinalNorm});
                hiddenStates[n].insert(hiddenStates[n].end(), entry.values.begin(), entry.values.end());
            }
            const StateSnapshot snapshot = executor->snapshot(*sequence);
            QCOMPARE(snapshot.position, kLength);
            for (std::int64_t n = 0; n < kLayers; ++n)
                std::copy_n(snapshot.values.begin() + n * kHidden, kHidden,
                            state.begin() + (n * kBatch + b) * kHidden);
        }
        const auto expected = goldenFloats(golden.expected, "logits");
        const LogitAgreement agreement = compareLogits(logits, expected, kVocabulary);
        qInfo("logits NMSE %.2e, KL %.2e, top-1 %.3f", nmse(logits, expected), agreement.meanKl,
              agreement.topOne);
        QVERIFY(nmse(logits, expected) < kNmse);
        QVERIFY(agreement.meanKl < kKl);
        QVERIFY(agreement.topOne >= kTopOne);
        for (std::int64_t n = 0; n <= kLayers; ++n)
            QVERIFY(nmse(hiddenStates[n],
                         goldenFloats(golden.expected, "hidden_states." + std::to_string(n))) < kNmse);
        QVERIFY(nmse(state, goldenFloats(golden.expected, "final_state")) < kNmse);
    }

    void greedyTokensEqualTheReference_data() { addVariants(); }
    void greedyTokensEqualTheReference()
    {
        useVariant();
        const Golden golden;
        const auto executor = makeExecutor(golden.source);
        const auto oracle = reference::ReferenceBackend().createInference(golden.source, {});
        for (std::int64_t b = 0; b < kBatch; ++b) {
            const auto expected = greedyTokens(*oracle, golden.row(b), 32);
            QCOMPARE(greedyTokens(*executor, golden.row(b), 32), expected);
            // And with the choice made on the device.
            const auto state = executor->createState();
            (void)executor->forward({.tokens = golden.row(b)}, *state);
            const auto top = executor->topLogits(3);
            QCOMPARE(top[0].token, expected[0]);
            QVERIFY(top[0].logit >= top[1].logit && top[1].logit >= top[2].logit);
            const auto rest = executor->decodeGreedy(expected[0], 31, *state);
            QVERIFY(std::equal(rest.begin(), rest.end(), expected.begin() + 1));
            QCOMPARE(state->position(), kLength + 31);
        }
    }

    void oddWidthsMatchTheReference_data() { addVariants(); }
    void oddWidthsMatchTheReference()
    {
        useVariant();
        ModelConfig config;
        config.layerCount = 2;
        config.hiddenSize = 65;
        config.intermediateSize = 131;
        config.vocabularySize = 77;
        const auto source = makeRandomModel(config, 3, "odd");
        const auto executor = makeExecutor(source);
        const auto oracle = reference::ReferenceBackend().createInference(source, {});
        std::vector<TokenId> tokens(131); // more than one chunk
        for (std::size_t i = 0; i < tokens.size(); ++i)
            tokens[i] = static_cast<TokenId>(i * 29 % 77);
        const auto state = executor->createState(), oracleState = oracle->createState();
        const ForwardRequest request{.tokens = tokens, .logits = LogitsMode::All, .probe = nullptr};
        const auto expected = oracle->forward(request, *oracleState);
        const auto found = executor->forward(request, *state);
        qInfo("NMSE %.2e", nmse(found.logits, expected.logits));
        QVERIFY(nmse(found.logits, expected.logits) < kRandomModelNmse);
        const LogitAgreement agreement = compareLogits(found.logits, expected.logits, 77);
        QVERIFY(agreement.topOne >= kTopOne);
    }

    void everyProbeMatchesTheReference_data() { addVariants(); }
    void everyProbeMatchesTheReference()
    {
        useVariant();
        const Golden golden;
        const auto executor = makeExecutor(golden.source);
        const auto oracle = reference::ReferenceBackend().createInference(golden.source, {});
        ProbeRequest probe = ProbeRequest::everyLayer(
            kLayers, {Quantity::BlockInput, Quantity::QuantizedInput, Quantity::ForgetGate,
                      Quantity::Candidate, Quantity::HiddenState, Quantity::OutputGate, Quantity::MixerOutput,
                      Quantity::MixerResidual, Quantity::GluActivation, Quantity::BlockOutput});
        probe.points.emplace_back(kLayers, Quantity::FinalNorm);
        const auto state = executor->createState(), oracleState = oracle->createState();
        const ForwardRequest request{.tokens = golden.row(0), .logits = LogitsMode::None, .probe = &probe};
        const auto found = executor->forward(request, *state),
                   expected = oracle->forward(request, *oracleState);
        QVERIFY(found.logits.empty());
        QCOMPARE(found.trace->entries.size(), expected.trace->entries.size());
        for (const auto& [point, entry] : expected.trace->entries) {
            const TracedQuantity& mine = found.trace->entries.at(point);
            QCOMPARE(mine.tokens, entry.tokens);
            QCOMPARE(mine.width, entry.width);
            const double error = nmse(mine.values, entry.values);
            QVERIFY2(error < kNmse, qPrintable(QString("layer %1 quantity %2: NMSE %3")
                                                   .arg(point.first)
                                                   .arg(static_cast<int>(point.second))
                                                   .arg(error)));
        }
    }

    void cuttingASequenceChangesNothing_data() { addVariants(); }
    void cuttingASequenceChangesNothing()
    {
        useVariant();
        const Golden golden;
        const auto executor = makeExecutor(golden.source);
        const auto whole = executor->createState(), pieces = executor->createState();
        const auto expected = executor->forward({.tokens = golden.row(0), .logits = LogitsMode::All}, *whole);
        const std::vector<float> all(expected.logits.begin(), expected.logits.end());
        std::vector<float> cut;
        for (const auto& [first, count] : {std::pair{0, 1}, {1, 7}, {8, 5}, {13, 11}}) {
            const auto result = executor->forward(
                {.tokens = golden.row(0).subspan(first, count), .logits = LogitsMode::All}, *pieces);
            cut.insert(cut.end(), result.logits.begin(), result.logits.end());
        }
        if (executor->launcher().parameters().variant == Variant::Dot)
            QVERIFY(nmse(cut, all) < kNmse); // single tokens sum their norms in another order there
        else
            QCOMPARE(cut, all); // the same sums in the same order, so the same bits
    }

    void fusedKernelsMatchTheirSeparateTwins()
    {
        const Golden golden;
        qputenv("MMFREE_OPENCL_VARIANT", "dot");
        const auto fused = makeExecutor(golden.source);
        qputenv("MMFREE_OPENCL_FUSED", "off");
        const auto separate = makeExecutor(golden.source);
        qunsetenv("MMFREE_OPENCL_FUSED");
        const auto fusedState = fused->createState(), again = fused->createState(),
                   separateState = separate->createState();
        std::vector<float> found, repeated, expected;
        for (std::int64_t t = 0; t < kLength; ++t) {
            const ForwardRequest request{.tokens = golden.row(0).subspan(t, 1)};
            const auto a = fused->forward(request, *fusedState).logits;
            found.insert(found.end(), a.begin(), a.end());
            const auto b = fused->forward(request, *again).logits;
            repeated.insert(repeated.end(), b.begin(), b.end());
            const auto c = separate->forward(request, *separateState).logits;
            expected.insert(expected.end(), c.begin(), c.end());
        }
        QCOMPARE(repeated, found); // same input twice, same bits
        QVERIFY(nmse(found, expected) < kNmse);
        fused->launcher().setProfiling(true);
        separate->launcher().setProfiling(true);
        (void)fused->forward({.tokens = golden.row(0).first(1)}, *fusedState);
        (void)separate->forward({.tokens = golden.row(0).first(1)}, *separateState);
        const auto uses = [](OpenClExecutor& executor, const std::string& kernel) {
            const auto times = executor.launcher().profile();
            return std::any_of(times.begin(), times.end(),
                               [&](const KernelTime& t) { return t.kernel == kernel; });
        };
        QVERIFY(uses(*fused, "fused_norm_product") && !uses(*separate, "fused_norm_product"));
    }

    void snapshotsRestoreTheSequence()
    {
        const Golden golden;
        const auto executor = makeExecutor(golden.source);
        const auto state = executor->createState();
        (void)executor->forward({.tokens = golden.row(0).first(10)}, *state);
        const StateSnapshot snapshot = executor->snapshot(*state);
        const auto next = golden.row(0).subspan(10, 4);
        const auto first = executor->forward({.tokens = next}, *state);
        const std::vector<float> expected(first.logits.begin(), first.logits.end());
        executor->reset(*state);
        QCOMPARE(state->position(), std::int64_t{0});
        executor->restore(snapshot, *state);
        QCOMPARE(state->position(), std::int64_t{10});
        const auto again = executor->forward({.tokens = next}, *state);
        QVERIFY(std::equal(expected.begin(), expected.end(), again.logits.begin()));
        QVERIFY(executor->memoryUse(state.get()).weightBytes > 0);
        MMFREE_EXPECT_ERROR(executor->restore({.position = 1, .values = {1.0f}}, *state),
                            ErrorCode::InvalidArgument, "holds 1 values", "needed: 192");
    }

    void badRequestsAreRefused()
    {
        const Golden golden;
        const auto executor = makeExecutor(golden.source);
        const auto state = executor->createState();
        const std::vector<TokenId> high{1, 320}, negative{-1};
        MMFREE_EXPECT_ERROR((void)executor->forward({.tokens = high}, *state), ErrorCode::InvalidArgument,
                            "token 1 is 320", "0 to 319");
        MMFREE_EXPECT_ERROR((void)executor->forward({.tokens = negative}, *state), ErrorCode::InvalidArgument,
                            "token 0 is -1");
        MMFREE_EXPECT_ERROR((void)executor->forward({.tokens = {}}, *state), ErrorCode::InvalidArgument,
                            "0 tokens");
        QCOMPARE(state->position(), std::int64_t{0});
        const ProbeRequest probe{{{0, Quantity::AttentionWeights}}};
        MMFREE_EXPECT_ERROR((void)executor->forward({.tokens = golden.row(0), .probe = &probe}, *state),
                            ErrorCode::Unavailable, "AttentionWeights");
    }
};

QTEST_GUILESS_MAIN(OpenClParity)
#include "tst_opencl_parity.moc"
