// The bundled model on this machine: a part of its questions gives the shares that its report gives for all
// of them, and what ships stays small.
#include "tests/cli/cli_runner.h"
#include "tests/support/test_files.h"

#include "engine/analysis/fact_table.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <fstream>

using namespace mmfree;
using namespace mmfree::test;
namespace fs = std::filesystem;
using nlohmann::json;

class CliBundledModel : public QObject
{
    Q_OBJECT

    const fs::path m_demo = sourceFolder() / "resources/demo";
    static constexpr double kTolerance = 0.03; // for rounding that differs between processors

private slots:
    void aPartOfTheQuestionsRepeatsTheReport()
    {
        const json whole = json::parse(readBytes(m_demo / "evaluation.json").toStdString());
        const CliResult result = runCli({"evaluate-dictionary", text(m_demo / "dictionary.safetensors"),
                                         "--questions", text(m_demo / "questions.jsonl"), "--subset", "30",
                                         "--seed", "5", "--json", "--backend", "cpu", "--threads", "2"});
        QVERIFY2(result.exitCode == 0, result.err.constData());
        const json part = json::parse(result.out.toStdString());
        QCOMPARE(part.at("sets").size(), whole.at("sets").size());
        for (std::size_t i = 0; i < whole.at("sets").size(); ++i) {
            const json &all = whole.at("sets").at(i), &some = part.at("sets").at(i);
            QVERIFY(some.at("name") == all.at("name"));
            for (const char* measure : {"exact", "f1", "refusals"}) {
                const double expected = all.at(measure).at("value").get<double>();
                const QString found = QString::fromStdString(some.dump());
                QVERIFY2(
                    some.at(measure).at("low").get<double>() - kTolerance <= expected &&
                        expected <= some.at(measure).at("high").get<double>() + kTolerance,
                    qPrintable(QStringLiteral("%1 %2: all %3, part %4")
                                   .arg(QString::fromStdString(all.at("name").get<std::string>()), measure)
                                   .arg(expected)
                                   .arg(found)));
            }
        }
    }

    void theTableAgreesWithEveryExpectedAnswer()
    {
        const FactTable facts = FactTable::open(m_demo / "facts.tsv");
        QVERIFY(facts.size() > 20000);
        std::ifstream file(m_demo / "questions.jsonl");
        int checked = 0;
        for (std::string line; std::getline(file, line);) {
            const json question = json::parse(line);
            const std::string set = question.value("set", "");
            if (set != "gloss" && set != "opposite" && set != "synonym" && set != "capital" &&
                set != "kind" && set != "what-kind" && set != "element-symbol" && set != "element-number")
                continue;
            const std::string asked =
                question.value("question", "What does " + question.at("word").get<std::string>() + " mean?");
            const std::string answer = question.at("answer");
            QVERIFY2(facts.check(asked, answer) == FactVerdict::Matches, (asked + " " + answer).c_str());
            ++checked;
        }
        QVERIFY(checked > 3000);
    }

    void modelTokenizerAndTableTakeAtMost14Megabytes()
    {
        QVERIFY(fs::file_size(m_demo / "dictionary.safetensors") + fs::file_size(m_demo / "facts.tsv") <=
                14'000'000u);
    }
};

QTEST_APPLESS_MAIN(CliBundledModel)
#include "tst_cli_bundled_model.moc"
