// The trainer's promises: schedules, data order, files of a run, bit-identical resume, and clear errors.
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/model/ternary_tensor.h"
#include "engine/reference/reference_backend.h"
#include "engine/train/checkpoint.h"
#include "engine/train/run_directory.h"
#include "engine/train/run_journal.h"
#include "engine/train/ternary_statistics.h"
#include "engine/train/trainer.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <cmath>
#include <numeric>

using namespace mmfree;
using mmfree::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace
{

ModelConfig tinyConfig(Architecture architecture)
{
    ModelConfig config{.architecture = architecture,
                       .vocabularySize = 17,
                       .hiddenSize = 16,
                       .layerCount = 2,
                       .intermediateSize = 24};
    config.headCount = config.keyValueHeadCount = architecture == Architecture::Transformer ? 2 : 1;
    return config;
}

std::shared_ptr<const TokenDataset> countingData()
{
    std::vector<TokenId> training(600), validation(120);
    for (std::size_t i = 0; i < training.size(); ++i)
        training[i] = static_cast<TokenId>(i % 13);
    for (std::size_t i = 0; i < validation.size(); ++i)
        validation[i] = static_cast<TokenId>(i % 13);
    return std::make_shared<const TokenDataset>(training, validation);
}

TrainingOptions tinyOptions()
{
    TrainingOptions options;
    options.steps = 8;
    options.batch = 2;
    options.length = 12;
    options.learningRate = 1e-2;
    options.warmupSteps = 2;
    options.evaluateEvery = 4;
    options.checkpointEvery = 4;
    return options;
}

std::unique_ptr<Trainer> makeTrainer(const fs::path& directory, const TrainingOptions& options, bool resume,
                                     Architecture architecture = Architecture::MatMulFree)
{
    const auto layout = std::make_shared<const ParameterLayout>(tinyConfig(architecture));
    AlignedBuffer<float> initial(layout->size());
    initializeParameters(*layout, 7, initial.span());
    Trainer::Setup setup;
    setup.options = options;
    setup.runDirectory = directory;
    setup.dataset = countingData();
    return std::make_unique<Trainer>(reference::ReferenceBackend().createTraining(layout, initial.span(), {}),
                                     std::move(setup), resume);
}

std::string bytesOf(const fs::path& file)
{
    return readTextFile(file, 1u << 30);
}

// Runs `act` and returns the message of the Error it throws; empty when it throws none.
template <class Act>
std::string errorOf(Act&& act)
{
    try {
        act();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

} // namespace

class TrainerTest : public QObject
{
    Q_OBJECT

private slots:
    void cosineScheduleWarmsUpAndEndsAtItsShare()
    {
        TrainingOptions options;
        options.steps = 100;
        options.warmupSteps = 10;
        options.learningRate = 1.0;
        options.finalLearningRateShare = 0.1;
        QCOMPARE(learningRateAt(options, 0), 0.1);
        QCOMPARE(learningRateAt(options, 9), 1.0);
        QCOMPARE(learningRateAt(options, 10), 1.0);
        QVERIFY(std::fabs(learningRateAt(options, 55) - 0.55) < 1e-12);
        QVERIFY(std::fabs(learningRateAt(options, 100) - 0.1) < 1e-12);
    }

    void paperScheduleHalvesInTheMiddleAndEndsAtZero()
    {
        TrainingOptions options;
        options.steps = 100;
        options.schedule = LearningRateSchedule::Paper;
        options.learningRate = 1.0;
        const double before = learningRateAt(options, 49), after = learningRateAt(options, 50);
        QVERIFY(after < 0.52 * before && after > 0.48 * before);
        QVERIFY(learningRateAt(options, 99) < 1e-3);
    }

    void batchesDependOnSeedAndIndexAlone()
    {
        const auto data = countingData();
        std::vector<TokenId> inputs, targets, again, againTargets;
        data->drawBatch(3, 5, 4, 12, inputs, targets);
        data->drawBatch(3, 0, 4, 12, again, againTargets);
        data->drawBatch(3, 5, 4, 12, again, againTargets);
        QVERIFY(inputs == again);
        for (std::size_t i = 0; i < inputs.size(); ++i)
            QCOMPARE(targets[i], (inputs[i] + 1) % 13);
        data->drawBatch(4, 5, 4, 12, again, againTargets);
        QVERIFY(inputs != again);
    }

    void lossFalls_data()
    {
        QTest::addColumn<bool>("dense");
        QTest::newRow("MatMul-free") << false;
        QTest::newRow("Transformer++") << true;
    }
    void lossFalls()
    {
        QFETCH(bool, dense);
        TemporaryFolder folder;
        TrainingOptions options = tinyOptions();
        options.steps = 60;
        const auto trainer = makeTrainer(folder.path() / "run", options, false,
                                         dense ? Architecture::Transformer : Architecture::MatMulFree);
        QCOMPARE(trainer->run({}, {}), TrainingEnd::Finished);
        const auto metrics = readMetrics(folder.path() / "run" / "metrics.jsonl");
        QCOMPARE(metrics.size(), std::size_t{60});
        QVERIFY2(metrics.back().loss < 0.6 * metrics.front().loss,
                 qPrintable(QString("%1 -> %2").arg(metrics.front().loss).arg(metrics.back().loss)));
        QVERIFY(metrics.back().validationLoss.has_value());
    }

    void resumeIsBitIdentical()
    {
        TemporaryFolder folder;
        const TrainingOptions options = tinyOptions();
        (void)makeTrainer(folder.path() / "whole", options, false)->run({}, {});

        // Interrupted after step 6: two steps past the checkpoint of step 4 are lost and made again.
        {
            std::stop_source stop;
            TrainerCallbacks callbacks;
            callbacks.onStep = [&](const StepMetrics& metrics) {
                if (metrics.step == 6)
                    throw std::runtime_error("as if killed");
            };
            const auto trainer = makeTrainer(folder.path() / "parts", options, false);
            QVERIFY_EXCEPTION_THROWN(trainer->run(stop.get_token(), callbacks), std::runtime_error);
        }
        const auto resumed = makeTrainer(folder.path() / "parts", options, true);
        QCOMPARE(resumed->step(), std::int64_t{4});
        (void)resumed->run({}, {});

        const auto whole = readMetrics(folder.path() / "whole" / "metrics.jsonl");
        const auto parts = readMetrics(folder.path() / "parts" / "metrics.jsonl");
        QCOMPARE(parts.size(), whole.size());
        for (std::size_t i = 0; i < whole.size(); ++i) {
            QCOMPARE(parts[i].step, whole[i].step);
            QVERIFY(parts[i].loss == whole[i].loss);
            QVERIFY(parts[i].gradientNorm == whole[i].gradientNorm);
            QVERIFY(parts[i].validationLoss == whole[i].validationLoss);
        }
        for (const char* file : {"model.safetensors", "optimizer.safetensors"}) {
            QVERIFY(bytesOf(folder.path() / "whole" / "checkpoints" / "step-8" / file) ==
                    bytesOf(folder.path() / "parts" / "checkpoints" / "step-8" / file));
        }
    }

    void accumulationEqualsOneLargeBatch()
    {
        const auto layout = std::make_shared<const ParameterLayout>(tinyConfig(Architecture::MatMulFree));
        AlignedBuffer<float> initial(layout->size());
        initializeParameters(*layout, 7, initial.span());
        const auto executor = reference::ReferenceBackend().createTraining(layout, initial.span(), {});
        std::vector<TokenId> inputs, targets;
        countingData()->drawBatch(1, 0, 4, 12, inputs, targets);
        const double whole = executor->forwardBackward({4, 12, inputs, targets});
        std::vector<float> wholeGradients(layout->size()), halves(layout->size());
        executor->readGradients(wholeGradients);
        executor->applyUpdate({.learningRate = 0.0}); // zeroes the gradients, keeps the parameters
        const std::span in(inputs), out(targets);
        const double first = executor->forwardBackward({2, 12, in.first(24), out.first(24)});
        const double second = executor->forwardBackward({2, 12, in.last(24), out.last(24)});
        executor->readGradients(halves);
        QVERIFY(std::fabs((first + second) / 2 - whole) < 1e-6);
        for (std::size_t i = 0; i < halves.size(); ++i)
            QVERIFY(std::fabs(halves[i] / 2 - wholeGradients[i]) < 1e-5);
    }

    void stopRequestEndsWithACheckpoint()
    {
        TemporaryFolder folder;
        std::stop_source stop;
        TrainerCallbacks callbacks;
        callbacks.onStep = [&](const StepMetrics& metrics) {
            if (metrics.step == 3)
                stop.request_stop();
        };
        QCOMPARE(makeTrainer(folder.path() / "run", tinyOptions(), false)->run(stop.get_token(), callbacks),
                 TrainingEnd::Stopped);
        const auto latest = latestCheckpoint(folder.path() / "run");
        QVERIFY(latest && latest->filename() == "step-3");
        QVERIFY(openModel(*latest)->hasLatentWeights());
    }

    void oldCheckpointsGoExceptTheBest()
    {
        TemporaryFolder folder;
        TrainingOptions options = tinyOptions();
        options.steps = 6;
        options.checkpointEvery = 1;
        options.evaluateEvery = 0;
        (void)makeTrainer(folder.path() / "run", options, false)->run({}, {});
        int folders = 0;
        for (const auto& entry : fs::directory_iterator(folder.path() / "run" / "checkpoints"))
            folders += entry.is_directory() ? 1 : 0;
        QCOMPARE(folders, 2);
    }

    void badSituationsAreNamed()
    {
        TemporaryFolder folder;
        (void)makeTrainer(folder.path() / "run", tinyOptions(), false)->run({}, {});
        QVERIFY(errorOf([&] {
                    makeTrainer(folder.path() / "run", tinyOptions(), false);
                }).find("already holds a run") != std::string::npos);
        QVERIFY(errorOf([&] {
                    makeTrainer(folder.path() / "none", tinyOptions(), true);
                }).find("no checkpoint") != std::string::npos);
        TrainingOptions options = tinyOptions();
        options.beta1 = NAN;
        QVERIFY(errorOf([&] { makeTrainer(folder.path() / "other", options, false); }).find("--beta1") !=
                std::string::npos);
        options = tinyOptions();
        options.length = 700;
        const auto tooLong = makeTrainer(folder.path() / "long", options, false);
        QVERIFY(errorOf([&] { (void)tooLong->run({}, {}); }).find("--length") != std::string::npos);
        writeFileAtomically(folder.path() / "file", "x");
        QVERIFY(errorOf([&] {
                    makeTrainer(folder.path() / "file" / "run", tinyOptions(), false);
                }).find("cannot create") != std::string::npos);

        fs::resize_file(folder.path() / "run" / "checkpoints" / "step-8" / "optimizer.safetensors", 100);
        QVERIFY(errorOf([&] {
                    makeTrainer(folder.path() / "run", tinyOptions(), true);
                }).find("optimizer.safetensors") != std::string::npos);
    }

    void runEndedBeforeItsFirstCheckpointResumesFromTheStart()
    {
        TemporaryFolder folder;
        const TrainingOptions options = tinyOptions();
        (void)makeTrainer(folder.path() / "whole", options, false)->run({}, {});
        TrainerCallbacks callbacks;
        callbacks.onStep = [](const StepMetrics& metrics) {
            if (metrics.step == 2)
                throw std::runtime_error("as if killed");
        };
        const auto killed = makeTrainer(folder.path() / "parts", options, false);
        QVERIFY_EXCEPTION_THROWN(killed->run({}, callbacks), std::runtime_error);

        std::string message;
        callbacks = {};
        callbacks.onMessage = [&](const std::string& text) { message = text; };
        (void)makeTrainer(folder.path() / "parts", options, true)->run({}, callbacks);
        QVERIFY2(message.find("no checkpoint") != std::string::npos, message.c_str());
        QCOMPARE(readMetrics(folder.path() / "parts" / "metrics.jsonl").size(), std::size_t{8});
        QVERIFY(bytesOf(folder.path() / "whole" / "checkpoints" / "step-8" / "optimizer.safetensors") ==
                bytesOf(folder.path() / "parts" / "checkpoints" / "step-8" / "optimizer.safetensors"));
    }

    // A crash between the rename of a checkpoint and the new `latest` leaves a folder from the future.
    void newestCheckpointStaysWhenAnUnlistedOneHasAHigherStep()
    {
        TemporaryFolder folder;
        const fs::path checkpoints = folder.path() / "run" / "checkpoints";
        TrainingOptions options = tinyOptions();
        options.keepCheckpoints = 1;
        options.evaluateEvery = 0;
        (void)makeTrainer(folder.path() / "run", options, false)->run({}, {});
        fs::rename(checkpoints / "step-8", checkpoints / "step-20");
        options.steps = 6;
        fs::remove_all(folder.path() / "run2");
        (void)makeTrainer(folder.path() / "run2", options, false)->run({}, {});
        fs::rename(checkpoints / "step-20", folder.path() / "run2" / "checkpoints" / "step-20");
        options.steps = 7;
        (void)makeTrainer(folder.path() / "run2", options, true)->run({}, {});
        const auto latest = latestCheckpoint(folder.path() / "run2");
        QVERIFY(latest && latest->filename() == "step-7");
        QVERIFY(!fs::exists(folder.path() / "run2" / "checkpoints" / "step-6"));
    }

    void damagedRunFilesAreNamed_data()
    {
        QTest::addColumn<QByteArray>("file");
        QTest::addColumn<QByteArray>("key");
        QTest::addColumn<QByteArray>("value");
        const QByteArray trainer = "checkpoints/step-8/trainer.json";
        QTest::newRow("negative step") << trainer << QByteArray("step") << QByteArray("-5");
        QTest::newRow("step of another folder") << trainer << QByteArray("step") << QByteArray("7");
        QTest::newRow("step beyond all numbers") << trainer << QByteArray("step") << QByteArray("1e300");
        QTest::newRow("text as step") << trainer << QByteArray("step") << QByteArray("\"8\"");
        QTest::newRow("negative tokens") << trainer << QByteArray("tokens") << QByteArray("-1");
        QTest::newRow("best step to come") << trainer << QByteArray("bestStep") << QByteArray("9");
        QTest::newRow("negative time") << trainer << QByteArray("elapsedSeconds") << QByteArray("-1");
        QTest::newRow("text as loss")
            << QByteArray("metrics.jsonl") << QByteArray("loss") << QByteArray("\"low\"");
    }
    void damagedRunFilesAreNamed()
    {
        QFETCH(QByteArray, file);
        QFETCH(QByteArray, key);
        QFETCH(QByteArray, value);
        TemporaryFolder folder;
        (void)makeTrainer(folder.path() / "run", tinyOptions(), false)->run({}, {});
        const fs::path damaged = folder.path() / "run" / file.toStdString();
        std::string text = bytesOf(damaged);
        text = text.substr(0, text.find('\n', text.find('}')) + 1); // of metrics the first line
        nlohmann::json json = nlohmann::json::parse(text);
        json[key.toStdString()] = nlohmann::json::parse(value.toStdString());
        writeFileAtomically(damaged, json.dump() + "\n");
        const std::string message = errorOf([&] { makeTrainer(folder.path() / "run", tinyOptions(), true); });
        QVERIFY2(message.find(damaged.filename().string()) != std::string::npos &&
                     message.find(key.toStdString()) != std::string::npos &&
                     message.find("needed: ") != std::string::npos,
                 message.c_str());
    }

    void sequencesLongerThanTheModelsPositionsAreRefused()
    {
        TemporaryFolder folder;
        ModelConfig config = tinyConfig(Architecture::Transformer);
        config.maxPositions = 11;
        const auto layout = std::make_shared<const ParameterLayout>(config);
        AlignedBuffer<float> initial(layout->size());
        const auto make = [&](std::int64_t length) {
            Trainer::Setup setup;
            setup.options = tinyOptions();
            setup.options.length = length;
            setup.runDirectory = folder.path() / std::to_string(length);
            setup.dataset = countingData();
            return Trainer(reference::ReferenceBackend().createTraining(layout, initial.span(), {}),
                           std::move(setup), false);
        };
        QCOMPARE(errorOf([&] { make(11); }), std::string());
        QCOMPARE(errorOf([&] { make(12); }),
                 std::string("--length is 12, needed: at most max_position_embeddings = 11 of the model"));
        QVERIFY(!fs::exists(folder.path() / "12"));
    }

    void explodingLossNamesStepAndCheckpoint()
    {
        TemporaryFolder folder;
        TrainingOptions options = tinyOptions();
        options.learningRate = 1000.0;
        options.clipNorm = 0.0;
        options.schedule = LearningRateSchedule::Constant;
        options.steps = 200;
        options.weightDecay = 900.0;
        options.decayAll = true;
        const auto trainer = makeTrainer(folder.path() / "run", options, false);
        const std::string message = errorOf([&] { (void)trainer->run({}, {}); });
        QVERIFY2(message.find("needed: finite numbers; last good checkpoint: ") != std::string::npos,
                 message.c_str());
    }

    void explodingGradientEndsTheRunBeforeTheUpdate()
    {
        TemporaryFolder folder;
        TrainingOptions options = tinyOptions();
        options.steps = 60;
        options.explodeFactor = 0.5; // half the usual norm is already too much
        const auto trainer = makeTrainer(folder.path() / "run", options, false);
        const std::string message = errorOf([&] { (void)trainer->run({}, {}); });
        QVERIFY2(message.find("--explode-factor") != std::string::npos, message.c_str());
        QVERIFY2(message.find("checkpoints/step-16") != std::string::npos, message.c_str());
        QCOMPARE(readRunState(folder.path() / "run").status, RunStatus::Failed);
    }

    void onlyOneTrainerAtATime()
    {
        TemporaryFolder folder;
        const auto first = makeTrainer(folder.path() / "run", tinyOptions(), false);
        QVERIFY(isRunAlive(folder.path() / "run"));
        const std::string message = errorOf([&] { makeTrainer(folder.path() / "run", tinyOptions(), true); });
        QVERIFY2(message.find("is trained by process") != std::string::npos, message.c_str());
    }

    void learningRateEditsHoldFromTheirStepOn()
    {
        TrainingOptions options;
        options.schedule = LearningRateSchedule::Constant;
        options.learningRate = 1.0;
        options.learningRateEdits = {{10, 0.5}, {20, 2.0}};
        QCOMPARE(learningRateAt(options, 9), 1.0);
        QCOMPARE(learningRateAt(options, 10), 0.5);
        QCOMPARE(learningRateAt(options, 30), 2.0);
        const TrainingOptions read = trainingOptionsFromJson(trainingOptionsToJson(options), "run.json");
        QVERIFY(read.learningRateEdits == options.learningRateEdits);
    }

    void runRecordSurvivesWritingAndReading()
    {
        TemporaryFolder folder;
        RunRecord record{.name = "Alice",
                         .tags = {"fable"},
                         .options = tinyOptions(),
                         .model = {},
                         .source = {},
                         .backend = {}};
        record.model = tinyConfig(Architecture::MatMulFree);
        record.source.dataFiles = {{"/a/b.txt", 12, "00ff"}};
        record.source.symbols = {"<user>"};
        record.source.threads = 3;
        writeRunRecord(folder.path() / "run", record);
        const RunRecord read = readRunRecord(folder.path() / "run");
        QVERIFY(runRecordToJson(read) == runRecordToJson(record));
        writeFileAtomically(folder.path() / "run" / "run.json", R"({"source": {"threads": "two"}})");
        const std::string message = errorOf([&] { (void)readRunRecord(folder.path() / "run"); });
        QVERIFY2(message.find("threads") != std::string::npos, message.c_str());
    }

    void ternaryObserverCountsSharesAndFlips()
    {
        const ParameterLayout layout(tinyConfig(Architecture::MatMulFree));
        AlignedBuffer<float> parameters(static_cast<std::size_t>(layout.size()));
        initializeParameters(layout, 3, parameters.span());
        TernaryObserver observer(layout);
        const TernaryStatistics first = observer.look(0, parameters.span());
        QCOMPARE(first.tensors.size(), std::size_t{2 * 6 + 1});
        QCOMPARE(first.tensors.front().signFlipShare, 0.0);
        const ParameterSlot& slot = layout.slot(first.tensors.front().tensor);
        const auto values = parameters.span().subspan(static_cast<std::size_t>(slot.offset),
                                                      static_cast<std::size_t>(slot.count));
        std::vector<std::int8_t> codes(values.size());
        (void)quantizeTernary(values, codes);
        const auto zeros = static_cast<double>(std::count(codes.begin(), codes.end(), 0)) /
                           static_cast<double>(codes.size());
        QCOMPARE(first.tensors.front().zeroShare, zeros);
        for (float& value : values)
            value = -value;
        const TernaryStatistics second = observer.look(5, parameters.span());
        QCOMPARE(second.sinceStep, std::int64_t{0});
        QCOMPARE(second.tensors.front().signFlipShare, 1.0 - zeros);
        QCOMPARE(second.tensors.front().zeroCrossingShare, 0.0);
        QCOMPARE(second.tensors.front().balance, -first.tensors.front().balance);
        QCOMPARE(second.tensors.back().signFlipShare, 0.0);
    }

    void badTextIsNamed_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QByteArray>("message");
        QTest::newRow("empty") << QByteArray() << QByteArray("is empty");
        QTest::newRow("binary") << QByteArray("abc\0def", 7) << QByteArray("zero byte at offset 3");
        QTest::newRow("Latin-1") << QByteArray("caf\xE9 au lait") << QByteArray("not UTF-8 at byte offset 3");
    }
    void badTextIsNamed()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QByteArray, message);
        TemporaryFolder folder;
        const fs::path file = folder.path() / "text.txt";
        writeFileAtomically(file, bytes.toStdString());
        const std::string found = errorOf([&] { (void)readTextCorpus({file}, 0.1); });
        QVERIFY2(found.find(message.toStdString()) != std::string::npos &&
                     found.find("text.txt") != std::string::npos,
                 found.c_str());
    }

    void validationIsTheLastPartOfEachFile()
    {
        TemporaryFolder folder;
        writeFileAtomically(folder.path() / "a.txt", "one\ntwo\nthree\nfour\nfive\nsix\n");
        const TextCorpus corpus = readTextCorpus({folder.path() / "a.txt"}, 0.3);
        QCOMPARE(corpus.training + corpus.validation, std::string("one\ntwo\nthree\nfour\nfive\nsix\n"));
        QCOMPARE(corpus.validation, std::string("six\n"));
    }
};

QTEST_GUILESS_MAIN(TrainerTest)
#include "tst_trainer.moc"
