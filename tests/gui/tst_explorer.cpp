// The explorer page on a real small model: every number it shows against one computed here.
#include "engine/core/atomic_file.h"
#include "engine/model/safetensors.h"
#include "engine/reference/reference_backend.h"
#include "tests/support/test_files.h"
#include "widgets/explore/activations_view.h"
#include "widgets/explore/distribution_view.h"
#include "widgets/explore/explorer_session.h"
#include "widgets/explore/flow_view.h"
#include "widgets/explore/matrix_panel.h"
#include "widgets/explore/state_panels.h"
#include "widgets/explore/state_view.h"
#include "widgets/explore/tensor_tree.h"
#include "widgets/explore/weights_view.h"
#include "widgets/explore/what_if_view.h"
#include "widgets/pages/explore_page.h"
#include "widgets/theme/theme.h"
#include "widgets/views/plot/plot_view.h"
#include "widgets/views/token_strip.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QComboBox>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QTreeView>

#include <cmath>
#include <cstring>
#include <numeric>

using namespace mmfree;
using namespace mmfree::gui;
using namespace mmfree::test;

namespace
{

constexpr int kWait = 30'000; // a busy machine

const QString kText = QStringLiteral("5, 17, 203, 44, 9, 17, 203, 44, 250, 31");

} // namespace

class ExplorerTest : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        applyTheme(*qApp, ThemeChoice::Light);
        m_model = QString::fromStdString(makeGoldenModelFolder("open", m_folder.path() / "open").string());
        m_dense =
            QString::fromStdString(makeGoldenModelFolder("dense_open", m_folder.path() / "dense").string());
        m_source = openModel(m_model.toStdString());
    }

    void init()
    {
        PageContext context;
        context.backends = {std::make_shared<reference::ReferenceBackend>()};
        context.dataFolder = m_data.path();
        context.selection = &m_bus;
        m_page = std::make_unique<ExplorePage>(context);
        m_page->resize(1200, 800);
        m_page->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_page.get()));
    }
    void cleanup() { m_page.reset(); }

    void filterWordsMeanWhatTheySay()
    {
        const std::vector<TensorSpec> schema = tensorSchema(m_source->config());
        const std::vector<TensorStatistics> statistics = measureModel(*m_source, nullptr, {});
        const auto count = [&](const QString& text) {
            const TensorFilter filter(text);
            int accepted = 0;
            for (std::size_t i = 0; i < schema.size(); ++i)
                accepted += filter.accepts(schema[i], &statistics[i]) ? 1 : 0;
            return accepted;
        };
        QCOMPARE(count(""), static_cast<int>(schema.size()));
        QCOMPARE(count("type:f_proj"), 3);
        QCOMPARE(count("type:f_proj layer:1-2"), 2);
        QCOMPARE(count("layer:0"),
                 static_cast<int>(std::count_if(schema.begin(), schema.end(),
                                                [](const TensorSpec& s) { return s.layer == 0; })));
        QCOMPARE(count("proj.weight rows=64"), 5 * 3);
        int zeros = 0;
        for (const TensorStatistics& tensor : statistics)
            zeros +=
                tensor.role == TensorRole::TernaryWeight && 100.0 * static_cast<double>(tensor.counts.zero) >
                                                                30.0 * static_cast<double>(tensor.parameters);
        QCOMPARE(count("zero>30"), zeros);
        QCOMPARE(count("zero<=30") + zeros,
                 static_cast<int>(std::count_if(schema.begin(), schema.end(), [](const TensorSpec& s) {
                     return s.role == TensorRole::TernaryWeight;
                 })));
        QCOMPARE(count("changed>0"), 0); // nothing was compared
        for (const char* wrong : {"zerro>3", "zero>x", "layer:5-3", "layer:a", "kind:x", "type:"})
            QVERIFY2(!TensorFilter(QString::fromLatin1(wrong)).error().isEmpty(), wrong);
    }

    void theTreeAddsUpAndSorts()
    {
        TensorTreeModel model;
        const QAbstractItemModelTester tester(&model);
        model.setModel(tensorSchema(m_source->config()), "open");
        const std::vector<TensorStatistics> measured = measureModel(*m_source, nullptr, {});
        model.setStatistics({measured.begin(), measured.end()});
        const QModelIndex top = model.index(0, 0);
        QCOMPARE(model.index(0, TensorTreeModel::Parameters).data(TensorTreeModel::SortRole).toLongLong(),
                 parameterCount(m_source->config()));
        std::uint64_t bytes = 0;
        for (const TensorStatistics& tensor : measured)
            bytes += tensor.bytes;
        QCOMPARE(model.index(0, TensorTreeModel::Bytes).data(TensorTreeModel::SortRole).toULongLong(), bytes);
        QVERIFY(model.rowCount(top) >= 5);
        for (std::size_t i = 0; i < measured.size(); ++i) {
            const QModelIndex index = model.indexOf(static_cast<int>(i));
            QCOMPARE(index.data(TensorTreeModel::TensorRole).toInt(), static_cast<int>(i));
            if (measured[i].role != TensorRole::TernaryWeight)
                continue;
            const auto shares = index.siblingAtColumn(TensorTreeModel::Shares)
                                    .data(TensorTreeModel::SharesRole)
                                    .value<QList<double>>();
            QCOMPARE(shares[1], static_cast<double>(measured[i].counts.zero) /
                                    static_cast<double>(measured[i].parameters));
        }
        TensorTreeProxy proxy;
        const QAbstractItemModelTester proxyTester(&proxy);
        proxy.setSourceModel(&model);
        proxy.sort(TensorTreeModel::Zero, Qt::DescendingOrder);
        proxy.setFilter(TensorFilter("type:o_proj"));
        QCOMPARE(proxy.shownTensors(), 3);
    }

    void statisticsAreMeasuredOnceAndCached()
    {
        open(m_model);
        const std::vector<TensorStatistics> expected = measureModel(*m_source, nullptr, {});
        const auto check = [&](ExplorerSession& session) {
            QCOMPARE(session.statistics().size(), expected.size());
            for (std::size_t i = 0; i < expected.size(); ++i) {
                QVERIFY(session.statistics()[i].has_value());
                QCOMPARE(session.statistics()[i]->counts, expected[i].counts);
                QCOMPARE(session.statistics()[i]->scale, expected[i].scale);
            }
        };
        check(*m_page->session());
        const QDir cache(m_data.filePath("statistics"));
        const QStringList files = cache.entryList({"*.json"});
        QCOMPARE(files.size(), 1);
        ExplorerSession again({}, cache.path());
        again.openModel(m_model);
        QTRY_VERIFY_WITH_TIMEOUT(again.isOpen(), kWait);
        QVERIFY(!again.isMeasuring()); // read from the cache
        check(again);
        writeFileAtomically(cache.filePath(files.first()).toStdString(), "{\"tensors\": [1, 2");
        ExplorerSession damaged({}, cache.path());
        damaged.openModel(m_model);
        QTRY_VERIFY_WITH_TIMEOUT(damaged.isOpen() && !damaged.isMeasuring() && !damaged.isBusy(), kWait);
        check(damaged);
    }

    void aBrokenModelIsSaidAndTheNextOneOpens()
    {
        QSignalSpy failed(m_page->session(), &ExplorerSession::openingFailed);
        m_page->session()->openModel("/nowhere/model");
        QTRY_COMPARE_WITH_TIMEOUT(failed.size(), 1, kWait);
        open(m_model);
    }

    void weightsShowExportAndCompare()
    {
        open(m_model);
        WeightsView* weights = m_page->weights();
        const QString name = "model.layers.1.attn.o_proj.weight";
        pick(name);
        HeatmapView* view = weights->matrix()->view();
        const TernaryTensor tensor = m_source->ternary(name.toStdString());
        for (const auto& [row, col] : {std::pair(0, 0), std::pair(17, 40), std::pair(63, 63)})
            QCOMPARE(view->data()->at(row, col), static_cast<float>(tensor.at(row, col)));
        view->setFocus();
        view->setCursorCell({17, 40});
        QVERIFY(weights->matrix()->line().contains("17, 40"));
        std::vector<float> latent(64 * 64);
        m_source->floats(name.toStdString(), latent);
        QVERIFY(weights->matrix()->line().contains(
            QLocale().toString(static_cast<double>(latent[17 * 64 + 40]), 'g', 4)));
        QTest::keyClick(view, Qt::Key_Right, Qt::ShiftModifier);
        QTest::keyClick(view, Qt::Key_Down, Qt::ShiftModifier);
        const TernaryCounts counts = countTernary(tensor, 17, 40, 2, 2);
        QVERIFY(weights->matrix()->line().contains(
            QLocale().toString(25.0 * static_cast<double>(counts.zero), 'f', 1)));
        // The table twin and the file hold the same.
        weights->matrix()->setTableShown(true);
        QCOMPARE(weights->matrix()->table()->model()->index(17, 40).data(Qt::EditRole).toInt(),
                 tensor.at(17, 40));
        weights->matrix()->setTableShown(false);
        const QString npy = m_data.filePath("w.npy");
        weights->matrix()->exportTo(npy);
        QFile file(npy);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray bytes = file.readAll();
        QCOMPARE(static_cast<int>(static_cast<signed char>(bytes[bytes.size() - 64 * 64 + 17 * 64 + 40])),
                 tensor.at(17, 40));
        for (const char* ending : {"png", "svg", "pdf", "csv"})
            weights->matrix()->exportTo(m_data.filePath(QStringLiteral("w.") + ending));

        weights->setMode(WeightMode::Margin);
        settle();
        QVERIFY(std::abs(view->data()->at(3, 9) - marginToFlip(latent[3 * 64 + 9], tensor.scale)) < 1e-6);
        weights->setMode(WeightMode::PackedBytes);
        settle();
        QCOMPARE(view->data()->at(5, 3),
                 static_cast<float>(tensor.codes[static_cast<std::size_t>(5 * tensor.rowBytes() + 3)]));
    }

    void twoCheckpointsDifferWhereTheyDiffer()
    {
        open(m_model);
        EditedSource edited(m_source);
        const std::string name = "model.layers.0.attn.i_proj.weight";
        const TernaryTensor before = m_source->ternary(name);
        edited.apply(invertCells(before, name, {2, 0, 3, 64}));
        const QString other = m_data.filePath("other.safetensors");
        QVERIFY(writePackedModel(edited, other.toStdString(), TernaryPacking::TwoBit, {}));
        m_page->session()->setReference(other);
        QTRY_VERIFY_WITH_TIMEOUT(m_page->session()->reference() != nullptr, kWait);
        pick(QString::fromStdString(name));
        m_page->weights()->setMode(WeightMode::Difference);
        settle();
        QTRY_VERIFY_WITH_TIMEOUT(!m_page->session()->isMeasuring(), kWait);
        const HeatmapData& data = *m_page->weights()->matrix()->view()->data();
        QCOMPARE(data.kind(), HeatmapKind::Transitions);
        std::int64_t changed = 0;
        for (qint64 row = 0; row < 64; ++row) {
            for (qint64 col = 0; col < 64; ++col) {
                const int to = before.at(row, col), from = row >= 2 && row < 5 ? -to : to;
                QCOMPARE(data.at(row, col), static_cast<float>(3 * (from + 1) + to + 1));
                changed += from != to;
            }
        }
        const auto& statistics =
            m_page->session()->statistics()[static_cast<std::size_t>(m_page->session()->tensor())];
        QCOMPARE(statistics->changed, changed);
        // A model of another shape is refused, the page goes on.
        QSignalSpy problems(m_page->session(), &ExplorerSession::problem);
        m_page->session()->setReference(m_dense);
        QTRY_COMPARE_WITH_TIMEOUT(problems.size(), 1, kWait);
    }

    void distributionsAddUpToTheTensor()
    {
        open(m_model);
        m_page->showView("distribution");
        pick("model.layers.2.mlp.down_proj.weight");
        DistributionView* view = m_page->distribution();
        const auto sum = [](const PlotView* plot) {
            double total = 0.0;
            for (const double value : plot->series().value(0).y)
                total += value;
            return total;
        };
        QCOMPARE(sum(view->histogram()), 64.0 * 192.0);
        QCOMPARE(sum(view->balance()), 64.0);
        QCOMPARE(view->shares()->series().size(), 3);
        for (std::size_t layer = 0; layer < 3; ++layer) {
            double total = 0.0;
            for (int i = 0; i < 3; ++i)
                total += view->shares()->series()[i].y[layer];
            QVERIFY(std::abs(total - 100.0) < 1e-9);
        }
    }

    void activationsAndWhatLayersWouldSay()
    {
        open(m_model);
        m_page->showView("activations");
        m_page->activations()->setQuantity(Quantity::GluActivation);
        m_page->session()->pickLayer(2);
        m_page->session()->pickToken(6);
        settle();
        const TracedQuantity* traced = m_page->session()->traced(2, Quantity::GluActivation);
        QVERIFY(traced);
        const HeatmapData& data = *m_page->activations()->matrix()->view()->data();
        QCOMPARE(data.rows(), qint64{192});
        QCOMPARE(data.cols(), qint64{10});
        QCOMPARE(data.at(100, 6), traced->values[6 * 192 + 100]);
        m_page->session()->pickToken(9);
        settle();
        const auto logits = m_page->session()->captured()->logits; // behind the last token
        const RankedToken best = topTokens(logits, 1).front();
        const QTableWidget* lens = m_page->activations()->lens();
        QCOMPARE(lens->rowCount(), 3);
        QVERIFY(lens->item(2, 0)->text().startsWith(QString::number(best.id)));
        m_page->activations()->setAllLayers(true);
        settle();
        QCOMPARE(m_page->activations()->matrix()->view()->data()->rows(), qint64{3});
    }

    void stateHoldMapAndStrip()
    {
        open(m_model);
        m_page->showView("state");
        m_page->session()->pickLayer(1);
        m_page->session()->pickToken(7);
        settle();
        const GateTrace gates = gatesOf(*m_page->session()->captured(), 1);
        const std::vector<double> shares = holdShares(gates, 7);
        QCOMPARE(m_page->state()->hold()->shares(), shares);
        for (std::size_t s = 0; s <= 7; ++s)
            QCOMPARE(m_page->strip()->tokens()[s].value, static_cast<float>(shares[s + 1]));
        QVERIFY(std::isnan(m_page->strip()->tokens()[8].value));
        QVERIFY(m_page->strip()->tokens()[3].note.contains(QLocale().toString(100.0 * shares[4], 'f', 1)));
        const HeatmapData& map = *m_page->state()->hold()->matrix()->view()->data();
        QCOMPARE(map.at(7, 3), static_cast<float>(shares[4]));
        // The matrix shows h of the channels in their order; contributions add up to h.
        const auto& order = m_page->state()->shownChannels();
        const TracedQuantity* hidden = m_page->session()->traced(1, Quantity::HiddenState);
        const HeatmapView* view = m_page->state()->matrix()->view();
        QCOMPARE(view->data()->at(5, 7), hidden->values[static_cast<std::size_t>(7 * 64 + order[5])]);
        m_page->state()->setQuantity(StateQuantity::Contribution);
        settle();
        for (qint64 row = 0; row < 64; ++row) {
            double sum = 0.0;
            for (qint64 s = 0; s < 10; ++s)
                sum += view->data()->at(row, s);
            const auto channel = m_page->state()->shownChannels()[static_cast<std::size_t>(row)];
            QVERIFY(std::abs(sum - hidden->values[static_cast<std::size_t>(7 * 64 + channel)]) <= 1e-5);
        }
    }

    void halfLivesCountEveryChannelOnce()
    {
        open(m_model);
        m_page->showView("state");
        settle();
        HalfLifePanel* panel = m_page->state()->halfLife();
        showPanel(panel);
        settle();
        QCOMPARE(std::accumulate(panel->counts().begin(), panel->counts().end(), 0), 64);
        const std::vector<float> means =
            meanForgetGate(gatesOf(*m_page->session()->captured(), m_page->session()->layer()));
        std::vector<int> expected(HalfLifePanel::kBins);
        for (const float gate : means) {
            const double life = halfLife(gate);
            int bin = 0;
            while (bin + 1 < HalfLifePanel::kBins && life >= HalfLifePanel::edgeOf(bin + 1))
                ++bin;
            ++expected[static_cast<std::size_t>(bin)];
        }
        QCOMPARE(panel->counts(), expected);
    }

    void brushedTokensFindTheirChannels()
    {
        open(m_model);
        m_page->showView("state");
        settle();
        MatchPanel* panel = m_page->state()->match();
        showPanel(panel);
        m_page->strip()->setCurrent(1);
        QTest::keyClick(m_page->strip(), Qt::Key_Right, Qt::ShiftModifier); // 17, 203
        panel->setThreshold(0.02);
        const TracedQuantity* hidden =
            m_page->session()->traced(m_page->session()->layer(), Quantity::HiddenState);
        std::vector<std::int32_t> expected;
        for (std::int32_t channel = 0; channel < 64; ++channel) {
            if (std::fabs(hidden->values[64 + channel]) >= 0.02f &&
                std::fabs(hidden->values[128 + channel]) >= 0.02f)
                expected.push_back(channel);
        }
        QVERIFY(!expected.empty());
        QCOMPARE(panel->channels(), expected);
        QVERIFY(panel->table()->rowCount() >= 1);
        bool itself = false; // the brushed place is the best match
        for (int row = 0; row < panel->table()->rowCount(); ++row)
            itself = itself || panel->table()->item(row, 0)->data(Qt::UserRole).toInt() == 1;
        QVERIFY(itself);
    }

    void twoTextsAndTheirDifference()
    {
        open(m_model);
        m_page->showView("state");
        settle();
        m_page->state()->twin()->setOtherText("5, 17, 99, 44");
        auto* which = child<QComboBox>(m_page->state(), "Text or checkpoint");
        which->setCurrentIndex(2);
        settle();
        const auto b = m_page->state()->twin()->captured();
        QVERIFY(b);
        const int layer = m_page->session()->layer();
        const HeatmapData& data = *m_page->state()->matrix()->view()->data();
        QCOMPARE(data.cols(), qint64{4});
        const auto channel = m_page->state()->shownChannels()[3];
        const auto place = static_cast<std::size_t>(2 * 64 + channel);
        QCOMPARE(data.at(3, 2), m_page->session()->traced(layer, Quantity::HiddenState)->values[place] -
                                    b->trace.entries.at({layer, Quantity::HiddenState}).values[place]);
        QCOMPARE(data.at(3, 1), 0.0f); // the texts begin alike
    }

    void writingOnFollowsTheStateLive()
    {
        open(m_model);
        m_page->showView("state");
        settle();
        const std::size_t before = m_page->session()->tokens().size();
        m_page->session()->writeOn(
            6, {{0, Quantity::HiddenState}, {0, Quantity::ForgetGate}, {0, Quantity::Candidate}});
        QTRY_VERIFY_WITH_TIMEOUT(
            !m_page->session()->isCapturing() && m_page->session()->tokens().size() > before, kWait);
        QVERIFY(m_page->session()->tokens().size() <= before + 6);
        QCOMPARE(m_page->session()->traced(0, Quantity::HiddenState)->tokens,
                 static_cast<std::int64_t>(m_page->session()->tokens().size()));
        QCOMPARE(m_page->session()->token(), static_cast<int>(m_page->session()->tokens().size()) - 1);
    }

    void attentionStandsInForTheDenseModel()
    {
        open(m_dense);
        m_page->showView("state");
        settle();
        const HeatmapData& map = *m_page->state()->matrix()->view()->data();
        QCOMPARE(map.rows(), qint64{10});
        for (qint64 t = 0; t < 10; ++t) {
            double sum = 0.0;
            for (qint64 s = 0; s < 10; ++s)
                sum += map.at(t, s);
            QVERIFY(std::abs(sum - 1.0) < 1e-5);
        }
        for (const char* view : {"activations", "flow", "whatif", "weights", "distribution"}) {
            QVERIFY(m_page->showView(view));
            settle();
        }
    }

    void theTourGoesThroughAllStations()
    {
        open(m_model);
        m_page->showView("flow");
        settle();
        FlowView* flow = m_page->flow();
        const int count = static_cast<int>(flow->stations().size());
        QCOMPARE(count, 17);
        QPushButton* next = nullptr;
        for (QPushButton* button : flow->findChildren<QPushButton*>()) {
            if (button->text() == "Next")
                next = button;
        }
        QVERIFY(next);
        for (int i = 1; i < count; ++i) {
            QVERIFY(next->isEnabled());
            QTest::mouseClick(next, Qt::LeftButton);
            QCOMPARE(flow->diagram()->current(), i);
        }
        QVERIFY(!next->isEnabled());
        QTest::keyClick(flow->diagram(), Qt::Key_Home);
        QCOMPARE(flow->diagram()->current(), 0);
    }

    void editsChangeThePredictionAndUndoBringsItBack()
    {
        open(m_model);
        m_page->showView("whatif");
        pick("model.layers.0.attn.o_proj.weight");
        WhatIfView* view = m_page->whatIf();
        QCOMPARE(view->divergence(), 0.0);
        QCOMPARE(view->lossAfter(), view->lossBefore());
        HeatmapView* matrix = view->matrix()->view();
        matrix->setSelection({0, 0, 40, 3});
        view->zeroRows();
        settle();
        QCOMPARE(matrix->data()->at(39, 60), 0.0f);
        QVERIFY(view->divergence() > 0.0);
        QVERIFY(view->lossAfter() != view->lossBefore());
        // The same from an edited source of our own.
        EditedSource edited(m_source);
        const std::string name = "model.layers.0.attn.o_proj.weight";
        edited.apply(setCells(m_source->ternary(name), name, {0, 0, 40, 64}, 0));
        const auto executor = reference::ReferenceBackend().createInference(edited.copy(), {});
        const SteeredRun run = runSteered(*executor, m_page->session()->tokens(), {}, 0, {});
        QCOMPARE(view->lossAfter(), run.lossNats);
        const QString saved = m_data.filePath("edited.safetensors");
        QSignalSpy done(view, &WhatIfView::saved);
        view->saveTo(saved);
        QTRY_COMPARE_WITH_TIMEOUT(done.size(), 1, kWait);
        const auto reopenedModel = openModel(saved.toStdString());
        const TernaryTensor reopened = reopenedModel->ternary(name);
        QCOMPARE(countTransitions(edited.ternary(name), reopened)[4], countTernary(reopened).zero);
        view->undoStack()->undo();
        settle();
        QCOMPARE(view->divergence(), 0.0);
        matrix->setSelection({});
        view->randomize(0.1);
        view->addStateEdit("3, 17-20", StateAction::Forget);
        view->addStateEdit("nonsense", StateAction::Forget); // is said, not done
        settle();
        QVERIFY(view->divergence() > 0.0);
        view->discard();
        settle();
        QCOMPARE(view->divergence(), 0.0);
    }

    void aTensorThatIsNotFiniteIsSaidAndNothingBreaks()
    {
        const std::filesystem::path folder = makeGoldenModelFolder("open", m_folder.path() / "damaged");
        const SafetensorsFile file(folder / "model.safetensors");
        const TensorView& view = file.require("model.layers.0.attn.i_proj.weight");
        const auto offset = view.bytes.data() - file.file().bytes().data();
        QFile raw(QString::fromStdString((folder / "model.safetensors").string()));
        QVERIFY(raw.open(QIODevice::ReadWrite));
        QVERIFY(raw.seek(offset + 400));
        QVERIFY(raw.write(QByteArray::fromHex("0000c07f")) == 4); // NaN
        raw.close();
        QSignalSpy problems(m_page->session(), &ExplorerSession::problem);
        QSignalSpy edits(m_page->whatIf(), &WhatIfView::problem);
        m_page->session()->openModel(QString::fromStdString(folder.string()));
        QTRY_VERIFY_WITH_TIMEOUT(m_page->session()->isOpen() && !m_page->session()->isBusy(), kWait);
        QVERIFY(problems.size() >= 1);
        QVERIFY(problems.first().value(1).toString().contains("i_proj"));
        m_page->showView("whatif");
        m_page->session()->pickTensor(m_page->session()->tensorIndex("model.layers.0.attn.i_proj.weight"));
        m_page->whatIf()->randomize(0.5);
        QVERIFY(edits.size() >= 1);
        for (const char* name : {"state", "flow", "activations", "distribution", "weights"}) {
            m_page->showView(name);
            m_page->grab();
            QTRY_VERIFY_WITH_TIMEOUT(!m_page->session()->isBusy(), kWait);
        }
        open(m_model); // and on with a sound one
    }

    void selectionsOfOtherPagesAreFollowedAndPublished()
    {
        open(m_model);
        QSignalSpy changed(&m_bus, &SelectionBus::changed);
        m_page->session()->pickLayer(2);
        QVERIFY(changed.size() >= 1);
        QCOMPARE(m_bus.current().layer, 2);
        Selection selection = m_bus.current();
        selection.tensor = "model.layers.1.attn.g_proj.weight";
        selection.layer = 1;
        selection.token = 4;
        m_bus.publish(selection, this);
        QCOMPARE(m_page->session()->layer(), 1);
        QCOMPARE(m_page->session()->token(), 4);
        QCOMPARE(m_page->strip()->current(), 4);
    }

    void filterFieldAndTreeWorkByKeyboard()
    {
        open(m_model);
        QLineEdit* filter = m_page->tree()->filterEdit();
        filter->setFocus();
        QTest::keyClicks(filter, "type:f_proj layer:2");
        QCOMPARE(m_page->tree()->proxy()->shownTensors(), 1);
        filter->clear();
        pick("model.layers.2.attn.f_proj.weight");
        QCOMPARE(m_page->tree()->view()->currentIndex().siblingAtColumn(0).data().toString(),
                 QStringLiteral("f_proj"));
        for (QWidget* pane : m_page->panes())
            QVERIFY(!pane->accessibleName().isEmpty() || pane->inherits("QTabBar") ||
                    pane->inherits("mmfree::gui::WeightsView"));
    }

private:
    void open(const QString& model)
    {
        m_page->session()->openModel(model);
        QTRY_VERIFY_WITH_TIMEOUT(m_page->session()->isOpen() && m_page->session()->path() == model, kWait);
        m_page->session()->setText(kText);
        settle();
    }
    void settle() { QTRY_VERIFY_WITH_TIMEOUT(m_page->isSettled(), kWait); }
    void pick(const QString& tensor)
    {
        m_page->session()->pickTensor(m_page->session()->tensorIndex(tensor));
        settle();
    }
    void showPanel(QWidget* panel)
    {
        for (QWidget* parent = panel->parentWidget(); parent; parent = parent->parentWidget()) {
            if (auto* tabs = qobject_cast<QTabWidget*>(parent)) {
                tabs->setCurrentWidget(panel);
                return;
            }
        }
    }
    template <class Widget>
    Widget* child(QWidget* parent, const QString& accessibleName)
    {
        for (Widget* widget : parent->findChildren<Widget*>()) {
            if (widget->accessibleName() == accessibleName)
                return widget;
        }
        return nullptr;
    }

    TemporaryFolder m_folder;
    QTemporaryDir m_data;
    QString m_model, m_dense;
    std::shared_ptr<const ModelSource> m_source;
    SelectionBus m_bus;
    std::unique_ptr<ExplorePage> m_page;
};

QTEST_MAIN(ExplorerTest)
#include "tst_explorer.moc"
