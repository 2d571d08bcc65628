// eval --task, evaluate-dictionary, tokenizer and train --loss-on, on tiny models that the tool trains
// itself.
#include "tests/cli/cli_runner.h"
#include "tests/cli/text_model.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <nlohmann/json.hpp>

using namespace mmfree::test;
namespace fs = std::filesystem;
using nlohmann::json;

class CliQuestions : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;
    fs::path m_model;

    [[nodiscard]] fs::path file(const char* name, const QByteArray& bytes) const
    {
        writeBytes(m_folder.path() / name, bytes);
        return m_folder.path() / name;
    }
    static json parsed(const CliResult& result) { return json::parse(result.out.toStdString()); }

private slots:
    void initTestCase() { m_model = trainTextModel(m_folder.path()); }

    void aTaskIsScored()
    {
        QByteArray lines;
        for (int i = 0; i < 12; ++i)
            lines += R"({"goal":"The cat sees","sol1":"the garden","sol2":"qqq zzz xxx jjj","label":0})"
                     "\n";
        const fs::path task = file("piqa.jsonl", lines);
        const CliResult result =
            runCli({"eval", text(m_model), "--task", text(task), "--json", "--threads", "2"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json output = parsed(result);
        QCOMPARE(output.at("format").get<std::string>(), std::string("piqa"));
        QCOMPARE(output.at("questions").get<int>(), 12);
        QCOMPARE(output.at("acc").at("value").get<double>(), 1.0); // the trained text knows the first answer
        QVERIFY(output.at("acc").at("low").get<double>() > 0.7);
        QVERIFY(output.contains("acc_norm"));
        QCOMPARE(runCli({"eval", text(m_model), "--task", text(task), "--json", "--threads", "1"}).out,
                 result.out);
        const json subset =
            parsed(runCli({"eval", text(m_model), "--task", text(task), "--json", "--subset", "5"}));
        QCOMPARE(subset.at("questions").get<int>(), 5);
        const fs::path unlabelled = file("unlabelled.jsonl", R"({"goal":"g","sol1":"a","sol2":"b"})");
        const fs::path labels = file("labels.lst", "1\n");
        QCOMPARE(
            runCli({"eval", text(m_model), "--task", text(unlabelled), "--labels", text(labels)}).exitCode,
            0);
    }

    void wrongTasksAreRefused()
    {
        const fs::path bad = file("bad.jsonl", "{\"goal\":1}\n");
        const CliResult result = runCli({"eval", text(m_model), "--task", text(bad)});
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.err.contains("bad.jsonl, line 1"), result.err.constData());
        QCOMPARE(runCli({"eval", text(m_model)}).exitCode, 2);
        QCOMPARE(runCli({"eval", text(m_model), "--text", "a", "--task", "b"}).exitCode, 2);
        QCOMPARE(runCli({"eval", text(m_model), "--task", text(bad), "--format", "mmlu"}).exitCode, 2);
    }

    // A dictionary of two words, learned with the loss on the answers alone, then asked for.
    void aSmallDictionaryIsLearnedAndMeasured()
    {
        const QByteArray cat = "<user>What is cat?<assistant>cat (noun): a pet.</s>",
                         hill = "<user>What is hill?<assistant>hill (noun): high land.</s>";
        QByteArray training;
        for (int i = 0; i < 60; ++i)
            training += "<s>" + (i % 2 == 0 ? cat : hill) + (i % 3 == 0 ? hill : cat) + "\n";
        const fs::path data = file("dialogue.txt", training);
        const fs::path chat = file(
            "chat.json",
            R"({"name":"t","user_prefix":"<user>","assistant_prefix":"<assistant>","assistant_suffix":"</s>","stop_strings":["<user>"]})");
        const fs::path pieces = m_folder.path() / "dialogue.model";
        QCOMPARE(runCli({"tokenizer", "--data", text(data), "--vocab", "320", "--symbol", "<user>",
                         "--symbol", "<assistant>", "--out", text(pieces)})
                     .exitCode,
                 0);
        const fs::path config = writeTinyConfig(m_folder.path() / "dialogue-config", "hgrn_bit", 320);
        const QStringList train{
            "train",      "--config",        text(config), "--data",    text(data), "--tokenizer",
            text(pieces), "--steps",         "250",        "--batch",   "8",        "--length",
            "32",         "--learning-rate", "2e-2",       "--threads", "2",        "--evaluate-every",
            "0",          "--quiet",         "--loss-on",  "answers"};
        const fs::path run = m_folder.path() / "run-dialogue";
        const CliResult without = runCli(train + QStringList{"--run", text(run)});
        QCOMPARE(without.exitCode, 1);
        QVERIFY2(without.err.contains("--chat-template"), without.err.constData());
        const CliResult trained =
            runCli(train + QStringList{"--run", text(run), "--chat-template", text(chat)});
        QVERIFY2(trained.exitCode == 0, trained.err.constData());
        QVERIFY(json::parse(readBytes(run / "run.json").toStdString())
                    .at("source")
                    .at("lossOnAnswers")
                    .get<bool>());

        const fs::path questions =
            file("questions.jsonl", R"({"format":1,"unseen":["What is {w}?"],"trained":["What is {w}?"]}
{"set":"gloss","word":"cat","answer":"cat (noun): a pet."}
{"set":"gloss","word":"hill","answer":"hill (noun): high land."}
)");
        const fs::path facts = file("facts.tsv", "cat\tnoun\ta pet\nhill\tnoun\thigh land\n");
        const QStringList ask{"evaluate-dictionary", text(latestCheckpoint(run)), "--questions",
                              text(questions), "--json"};
        const CliResult result = runCli(ask + QStringList{"--fact-bits", "100", "--books", text(data)});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json report = parsed(result);
        QCOMPARE(report.at("sets").size(), std::size_t(2));
        QVERIFY2(report.at("sets").at(0).at("exact").at("value").get<double>() == 1.0,
                 result.out.constData());
        QVERIFY(report.at("knownBitsPerParameter").get<double>() > 0.0);
        QVERIFY(report.at("books").at(0).at("bitsPerByte").get<double>() > 0.0);
        for (const char* control : {"untrained", "nearest", "frequent"}) {
            const CliResult other = runCli(ask + QStringList{"--who", control, "--facts", text(facts)});
            QVERIFY2(other.exitCode == 0, other.err.constData());
            QVERIFY(parsed(other).at("sets").at(0).at("exact").at("value").get<double>() < 1.0);
        }
        QCOMPARE(runCli(ask + QStringList{"--who", "nearest"}).exitCode, 1); // needs the table
    }
};

QTEST_APPLESS_MAIN(CliQuestions)
#include "tst_cli_questions.moc"
