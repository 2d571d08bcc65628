// Captures, the hold map, half-lives, matches, the logit lens, the block walk and what-if experiments, each
// against values computed here from the model's own traces.
#include "engine/analysis/inspection.h"

#include "engine/analysis/logit_lens.h"
#include "engine/analysis/tensor_statistics.h"
#include "engine/analysis/what_if.h"
#include "engine/core/error.h"
#include "engine/cpu/cpu_backend.h"
#include "engine/reference/reference_backend.h"
#include "engine/session/session.h"
#include "tests/support/golden.h"

#include <QTest>

#include <cmath>
#include <numeric>

using namespace mmfree;
using namespace mmfree::test;

class InspectionTest : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        m_source = openModel(makeGoldenModelFolder("open", m_folder.path() / "open"));
        m_dense = openModel(makeGoldenModelFolder("dense_open", m_folder.path() / "dense"));
        m_executor = reference::ReferenceBackend().createInference(m_source, {});
        for (int i = 0; i < 40; ++i)
            m_tokens.push_back(static_cast<TokenId>((i * i * 7 + 3 * i + 5) % 320));
        m_capture = everything(m_tokens);
    }

    void theHoldMapSumsToTheState()
    {
        const std::int64_t d = m_source->config().hiddenSize;
        for (std::int64_t layer = 0; layer < m_source->config().layerCount; ++layer) {
            const GateTrace gates = gatesOf(m_capture, layer);
            const std::vector<float>& hidden =
                m_capture.trace.entries.at({layer, Quantity::HiddenState}).values;
            for (const std::int64_t t : {0, 1, 17, 39}) {
                std::vector<double> sum(static_cast<std::size_t>(d)),
                    magnitude(static_cast<std::size_t>(t + 1));
                for (std::int64_t s = 0; s <= t; ++s) {
                    const std::vector<float> part = contribution(gates, s, t);
                    for (std::size_t i = 0; i < part.size(); ++i) {
                        sum[i] += part[i];
                        magnitude[static_cast<std::size_t>(s)] += std::fabs(part[i]);
                    }
                }
                for (std::int64_t i = 0; i < d; ++i)
                    QVERIFY(std::abs(sum[static_cast<std::size_t>(i)] -
                                     hidden[static_cast<std::size_t>(t * d + i)]) <= 1e-5);
                const std::vector<double> shares = holdShares(gates, t);
                const double total = std::accumulate(magnitude.begin(), magnitude.end(), 0.0);
                QCOMPARE(shares.size(), static_cast<std::size_t>(t) + 2);
                QCOMPARE(shares[0], 0.0);
                for (std::size_t s = 0; s < magnitude.size(); ++s)
                    QVERIFY(std::abs(shares[s + 1] - magnitude[s] / total) < 1e-5);
            }
        }
    }

    void theMapsRowsAreTheSharesAndTheStateBeforeCounts()
    {
        const GateTrace gates = gatesOf(m_capture, 1);
        const std::vector<float> map = holdMap(gates, {}, {});
        for (std::int64_t t = 0; t < gates.tokens; ++t) {
            const std::vector<double> shares = holdShares(gates, t);
            double sum = 0.0;
            for (std::int64_t s = 0; s < gates.tokens; ++s) {
                const float value = map[static_cast<std::size_t>(t * gates.tokens + s)];
                QCOMPARE(value, s <= t ? static_cast<float>(shares[static_cast<std::size_t>(s) + 1]) : 0.0f);
                sum += value;
            }
            QVERIFY(std::abs(sum - 1.0) < 1e-5);
        }
        // The second half alone, with the state ahead of it.
        const std::size_t d = static_cast<std::size_t>(gates.channels);
        const std::vector<float>& hidden = m_capture.trace.entries.at({1, Quantity::HiddenState}).values;
        const GateTrace half{.tokens = 20,
                             .channels = gates.channels,
                             .forget = gates.forget.subspan(20 * d),
                             .candidate = gates.candidate.subspan(20 * d),
                             .before = std::span(hidden).subspan(19 * d, d)};
        std::vector<double> sum(d);
        for (std::int64_t s = -1; s <= 19; ++s) {
            const std::vector<float> part = contribution(half, s, 19);
            for (std::size_t i = 0; i < d; ++i)
                sum[i] += part[i];
        }
        for (std::size_t i = 0; i < d; ++i)
            QVERIFY(std::abs(sum[i] - hidden[39 * d + i]) <= 1e-5);
        QVERIFY(holdShares(half, 0)[0] > 0.0);

        std::stop_source stop;
        stop.request_stop();
        QVERIFY(holdMap(gates, {}, stop.get_token()).empty());
    }

    void selectedChannelsAlone()
    {
        const GateTrace gates = gatesOf(m_capture, 0);
        const std::vector<std::int32_t> channels{3, 11, 60};
        const std::vector<double> shares = holdShares(gates, 12, channels);
        double total = 0.0;
        std::vector<double> expected;
        for (std::int64_t s = 0; s <= 12; ++s) {
            const std::vector<float> part = contribution(gates, s, 12);
            expected.push_back(std::fabs(part[3]) + std::fabs(part[11]) + std::fabs(part[60]));
            total += expected.back();
        }
        for (std::size_t s = 0; s < expected.size(); ++s)
            QVERIFY(std::abs(shares[s + 1] - expected[s] / total) < 1e-5);
    }

    void halfLivesAndTheirFloor()
    {
        QCOMPARE(halfLife(0.5), 1.0);
        QCOMPARE(halfLife(0.25), 0.5);
        QCOMPARE(halfLife(0.0), 0.0);
        QVERIFY(std::isinf(halfLife(1.0)));
        const GateTrace gates = gatesOf(m_capture, 2);
        const std::vector<float> means = meanForgetGate(gates);
        double sum = 0.0;
        for (std::int64_t t = 0; t < gates.tokens; ++t)
            sum += gates.forget[static_cast<std::size_t>(t * gates.channels + 7)];
        QVERIFY(std::abs(means[7] - sum / 40.0) < 1e-6);
        // A gate never falls below its bound: LB + (1 - LB) * sigmoid.
        const std::vector<float> bounds = forgetGateBounds(*m_source);
        const std::int64_t d = m_source->config().hiddenSize;
        for (std::int64_t layer = 0; layer < 3; ++layer) {
            const GateTrace trace = gatesOf(m_capture, layer);
            for (std::size_t i = 0; i < trace.forget.size(); ++i)
                QVERIFY(trace.forget[i] >=
                        bounds[static_cast<std::size_t>(layer * d) + i % static_cast<std::size_t>(d)] -
                            1e-6f);
        }
        QCOMPARE(bounds[0], 0.0f);
    }

    void ordersArePermutationsByTheirKey()
    {
        const GateTrace gates = gatesOf(m_capture, 1);
        const std::vector<float>& hidden = m_capture.trace.entries.at({1, Quantity::HiddenState}).values;
        const std::vector<float> gate = meanForgetGate(gates);
        const std::vector<float> change = meanChange(hidden, gates.tokens, gates.channels);
        double expected = std::fabs(hidden[5]);
        for (std::int64_t t = 1; t < gates.tokens; ++t)
            expected += std::fabs(hidden[static_cast<std::size_t>(t * gates.channels + 5)] -
                                  hidden[static_cast<std::size_t>((t - 1) * gates.channels + 5)]);
        QVERIFY(std::abs(change[5] - expected / 40.0) < 1e-6);
        for (const ChannelOrder order :
             {ChannelOrder::Index, ChannelOrder::HalfLife, ChannelOrder::Change, ChannelOrder::Cluster}) {
            const std::vector<std::int64_t> channels = orderChannels(gates, hidden, order);
            std::vector<std::int64_t> sorted = channels;
            std::sort(sorted.begin(), sorted.end());
            for (std::size_t i = 0; i < sorted.size(); ++i)
                QCOMPARE(sorted[i], static_cast<std::int64_t>(i));
            QCOMPARE(orderChannels(gates, hidden, order), channels);
            for (std::size_t i = 1; i < channels.size(); ++i) {
                const auto a = static_cast<std::size_t>(channels[i - 1]),
                           b = static_cast<std::size_t>(channels[i]);
                if (order == ChannelOrder::HalfLife)
                    QVERIFY(gate[a] >= gate[b]);
                if (order == ChannelOrder::Change)
                    QVERIFY(change[a] >= change[b]);
            }
        }
    }

    void brushAndMatch()
    {
        // 6 tokens, 3 channels; channel 0 on at 1-2, channel 1 always, channel 2 on at 2 only.
        const std::vector<float> hidden{0.1f, 0.9f, 0.0f, 0.8f, -0.9f, 0.2f, -0.7f, 0.9f, 0.6f,
                                        0.2f, 0.9f, 0.1f, 0.9f, 0.9f,  0.0f, 0.9f,  0.9f, 0.1f};
        QCOMPARE(channelsOn(hidden, 6, 3, 1, 2, 0.5f, false), (std::vector<std::int32_t>{0, 1}));
        QCOMPARE(channelsOn(hidden, 6, 3, 1, 2, 0.5f, true), (std::vector<std::int32_t>{0}));
        const std::vector<std::int32_t> selected{0, 1};
        const std::vector<int> counts = countOn(hidden, 6, 3, selected, 0.5f);
        QCOMPARE(counts, (std::vector<int>{1, 2, 2, 1, 2, 2}));
        const std::vector<StateMatch> matches = findMatches(counts, 2, 2, 0.9, 10);
        QCOMPARE(matches.size(), std::size_t{2});
        QCOMPARE(matches[0].first, 1);
        QCOMPARE(matches[1].first, 4);
        QCOMPARE(matches[1].on, 1.0);
        QVERIFY(findMatches(counts, 2, 9, 0.1, 10).empty());
    }

    void theLensOfTheLastLayerIsTheModel()
    {
        for (const auto& source : {m_source, m_dense}) {
            const auto executor = reference::ReferenceBackend().createInference(source, {});
            const std::int64_t last = source->config().layerCount - 1;
            ProbeRequest request;
            request.points = {{last, Quantity::BlockOutput}};
            const auto state = executor->createState();
            const ForwardResult result =
                executor->forward({.tokens = m_tokens, .logits = LogitsMode::All, .probe = &request}, *state);
            const LogitLens lens(source);
            const std::vector<float> logits =
                lens.logits(result.trace->entries.at({last, Quantity::BlockOutput}).values);
            const LogitAgreement agreement = compareLogits(logits, result.logits, 320);
            QVERIFY2(agreement.meanKl < 1e-5, qPrintable(QString::number(agreement.meanKl)));
            QVERIFY(agreement.topOne >= 0.97);
        }
    }

    void rankedTokensAndDivergence()
    {
        const std::vector<float> logits{0.0f, 2.0f, 1.0f, 2.0f};
        const std::vector<RankedToken> top = topTokens(logits, 3);
        QCOMPARE(top[0].id, 1);
        QCOMPARE(top[1].id, 3);
        QCOMPARE(top[2].id, 2);
        const double sum = 1.0 + 2.0 * std::exp(2.0) + std::exp(1.0);
        QVERIFY(std::abs(top[2].probability - std::exp(1.0) / sum) < 1e-12);
        QCOMPARE(klDivergence(logits, logits), 0.0);
        const std::vector<float> even{0.0f, 0.0f}, odd{std::log(3.0f), 0.0f};
        QVERIFY(std::abs(klDivergence(even, odd) -
                         (0.5 * std::log(0.5 / 0.75) + 0.5 * std::log(0.5 / 0.25))) < 1e-7);
    }

    void capturesDoNotDependOnPiecesAndKnowTheirSize()
    {
        std::vector<TokenId> longer;
        for (int i = 0; i < 300; ++i)
            longer.push_back(m_tokens[static_cast<std::size_t>(i) % m_tokens.size()]);
        const ProbeRequest request =
            ProbeRequest::everyLayer(3, {Quantity::HiddenState, Quantity::GluActivation});
        const auto captured = capture(*m_executor, longer, request, {});
        QVERIFY(captured.has_value());
        std::uint64_t bytes = 0;
        for (const auto& [key, entry] : captured->trace.entries) {
            QCOMPARE(entry.tokens, 300);
            bytes += entry.values.size() * sizeof(float);
        }
        QCOMPARE(captureBytes(request, m_source->config(), 300), bytes);
        const auto state = m_executor->createState();
        const ForwardResult whole =
            m_executor->forward({.tokens = longer, .logits = LogitsMode::Last, .probe = &request}, *state);
        const auto& a = whole.trace->entries.at({2, Quantity::HiddenState}).values;
        const auto& b = captured->trace.entries.at({2, Quantity::HiddenState}).values;
        QVERIFY(nmse(a, b) < 1e-3);
        const double loss = scoreTokens(*m_executor, longer, 0, 0).lossNatsPerToken;
        QVERIFY(std::abs(loss - captured->lossNats) < 1e-2);
        std::stop_source stop;
        stop.request_stop();
        QVERIFY(!capture(*m_executor, longer, request, stop.get_token()));
        QVERIFY_EXCEPTION_THROWN((void)capture(*m_executor, {}, request, {}), Error);
    }

    void attentionMapsOfTheDenseModel()
    {
        const auto executor = cpu::CpuBackend().createInference(m_dense, {});
        ProbeRequest request;
        request.points = {{1, Quantity::AttentionWeights}};
        const auto captured = capture(*executor, m_tokens, request, {});
        const TracedQuantity& maps = captured->trace.entries.at({1, Quantity::AttentionWeights});
        QCOMPARE(maps.width, quantityWidth(Quantity::AttentionWeights, m_dense->config(), 40));
        for (std::int64_t t = 0; t < 40; ++t) { // each head's row is a distribution over the tokens so far
            for (std::int64_t head = 0; head < 4; ++head) {
                double sum = 0.0;
                for (std::int64_t s = 0; s < 40; ++s)
                    sum += maps.values[static_cast<std::size_t>(t * maps.width + head * 40 + s)];
                QVERIFY(std::abs(sum - 1.0) < 1e-5);
            }
        }
    }

    void quantityNamesAreDistinct()
    {
        for (int i = 0; i < kQuantityCount; ++i) {
            const auto quantity = static_cast<Quantity>(i);
            QVERIFY(quantityFromName(quantityName(quantity)) == quantity);
        }
        QVERIFY(!quantityFromName("nothing"));
    }

    void theWalkShowsTheTracesAndCountsOperations()
    {
        const std::vector<Station> stations = blockWalk(*m_source, m_capture, 1, 9);
        std::int64_t projections = 0;
        for (const Station& station : stations) {
            if (station.kind != StationKind::Projection)
                continue;
            ++projections;
            const TernaryTensor weight = m_source->ternary(station.tensor);
            std::int64_t plus = 0, minus = 0;
            for (std::int64_t row = 0; row < weight.rows; ++row) {
                for (std::int64_t col = 0; col < weight.cols; ++col) {
                    plus += weight.at(row, col) > 0;
                    minus += weight.at(row, col) < 0;
                }
            }
            QCOMPARE(station.counts.additions, plus);
            QCOMPARE(station.counts.subtractions, minus);
            QCOMPARE(station.counts.replaced(), weight.rows * weight.cols);
        }
        QCOMPARE(projections, 6);
        const auto& hidden = m_capture.trace.entries.at({1, Quantity::HiddenState});
        for (const Station& station : stations) {
            if (station.id == "hidden_state")
                QCOMPARE(station.values[4], hidden.values[static_cast<std::size_t>(9 * hidden.width + 4)]);
            if (station.id == "quantized_input") { // integers, the largest is 127
                float greatest = 0.0f;
                for (const float value : station.values) {
                    QCOMPARE(value, std::round(value));
                    greatest = std::max(greatest, std::fabs(value));
                }
                QCOMPARE(greatest, 127.0f);
                QVERIFY(station.scale > 0.0);
            }
        }
        QVERIFY_EXCEPTION_THROWN((void)blockWalk(*m_source, Capture{}, 0, 0), Error);
    }

    void editsAreUndoneToTheBit()
    {
        const std::string name = "model.layers.0.attn.f_proj.weight";
        const TernaryTensor base = m_source->ternary(name);
        EditedSource edited(m_source);
        const WeightEdit zero = setCells(base, name, {5, 0, 1, base.cols}, 0);
        edited.apply(zero);
        const TernaryTensor once = edited.ternary(name);
        for (std::int64_t col = 0; col < base.cols; ++col)
            QCOMPARE(once.at(5, col), 0);
        QCOMPARE(edited.changedCells(), static_cast<std::int64_t>(zero.cells.size()));
        const WeightEdit noise = randomizeCells(once, name, {0, 0, base.rows, base.cols}, 0.25, 7);
        const double share =
            static_cast<double>(noise.cells.size()) / static_cast<double>(base.rows * base.cols);
        QVERIFY(std::abs(share - 0.25) < 0.03);
        const auto before = edited.copy();
        edited.apply(noise);
        QVERIFY(countTransitions(before->ternary(name), edited.ternary(name))[0] <
                countTernary(before->ternary(name)).minus);
        edited.revert(noise);
        edited.apply(invertCells(edited.ternary(name), name, {0, 0, 2, 2}));
        edited.apply(invertCells(edited.ternary(name), name, {0, 0, 2, 2}));
        edited.revert(zero);
        QCOMPARE(edited.changedCells(), 0);
        const Transitions moved = countTransitions(base, edited.ternary(name));
        QCOMPARE(moved[0] + moved[4] + moved[8], base.rows * base.cols);
        int value = base.at(1, 1);
        for (int i = 0; i < 3; ++i) {
            const WeightEdit step = cycleCell(edited.ternary(name), name, 1, 1);
            edited.apply(step);
            value = value == 1 ? -1 : value + 1;
            QCOMPARE(edited.ternary(name).at(1, 1), value);
        }
        QCOMPARE(edited.changedCells(), 0);
        QVERIFY_EXCEPTION_THROWN((void)setCells(base, name, {0, 0, 1, base.cols + 1}, 0), Error);
        QVERIFY_EXCEPTION_THROWN((void)randomizeCells(base, name, {0, 0, 1, 1}, 1.5, 1), Error);
    }

    void editedWeightsChangeWhatTheModelSays()
    {
        auto edited = std::make_shared<EditedSource>(m_source);
        const auto same = reference::ReferenceBackend().createInference(edited->copy(), {});
        const auto a = runSteered(*m_executor, m_tokens, {}, 0, {});
        QCOMPARE(runSteered(*same, m_tokens, {}, 0, {}).logits, a.logits);
        const std::string name = "model.layers.1.attn.o_proj.weight";
        const TernaryTensor base = m_source->ternary(name);
        edited->apply(setCells(base, name, {0, 0, base.rows, base.cols}, 0));
        const auto other = reference::ReferenceBackend().createInference(edited->copy(), {});
        QVERIFY(klDivergence(a.logits, runSteered(*other, m_tokens, {}, 0, {}).logits) > 1e-6);
    }

    void steeringActsOnTheChosenChannelsOnly()
    {
        const std::vector<TokenId> text(m_tokens.begin(), m_tokens.begin() + 12);
        const SteeredRun plain = runSteered(*m_executor, text, {}, 5, {});
        QCOMPARE(plain.tokens.size(), std::size_t{17});
        const double loss = scoreTokens(*m_executor, text, 0, 0).lossNatsPerToken;
        QVERIFY(std::abs(plain.lossNats - loss) < 1e-2);
        std::vector<std::int32_t> all(64);
        std::iota(all.begin(), all.end(), 0);
        // Every channel of every layer empty: each token is read as if it were the first.
        const SteeredRun forgetful = runSteered(*m_executor, text,
                                                {{0, all, StateAction::Forget, 0},
                                                 {1, all, StateAction::Forget, 0},
                                                 {2, all, StateAction::Forget, 0}},
                                                0, {});
        const auto state = m_executor->createState();
        const ForwardResult alone = m_executor->forward({.tokens = {&text.back(), 1}}, *state);
        QCOMPARE(forgetful.logits, std::vector<float>(alone.logits.begin(), alone.logits.end()));
        // Frozen behind the last token of the text: the text itself reads the same.
        const SteeredRun late = runSteered(*m_executor, text, {{1, all, StateAction::Freeze, 11}}, 0, {});
        QCOMPARE(late.logits, plain.logits);
        const SteeredRun early = runSteered(*m_executor, text, {{1, all, StateAction::Freeze, 2}}, 0, {});
        QVERIFY(early.logits != plain.logits);
        QVERIFY_EXCEPTION_THROWN(
            (void)runSteered(*m_executor, text, {{3, {0}, StateAction::Forget, 0}}, 0, {}), Error);
        QVERIFY_EXCEPTION_THROWN(
            (void)runSteered(*m_executor, text, {{0, {64}, StateAction::Forget, 0}}, 0, {}), Error);
    }

private:
    Capture everything(const std::vector<TokenId>& tokens)
    {
        ProbeRequest request;
        for (std::int64_t layer = 0; layer < m_source->config().layerCount; ++layer) {
            const ProbeRequest walk = blockWalkRequest(layer, m_source->config());
            request.points.insert(request.points.end(), walk.points.begin(), walk.points.end());
        }
        return *capture(*m_executor, tokens, request, {});
    }

    TemporaryFolder m_folder;
    std::shared_ptr<const ModelSource> m_source, m_dense;
    std::unique_ptr<InferenceExecutor> m_executor;
    std::vector<TokenId> m_tokens;
    Capture m_capture;
};

QTEST_GUILESS_MAIN(InspectionTest)
#include "tst_inspection.moc"
