// Text data: which tokens of a conversation are learned.
#include "engine/train/trainer.h"

#include <QtTest>

using namespace mmfree;

class DatasetTest : public QObject
{
    Q_OBJECT
private slots:
    void questionsAreReadButNotLearned()
    {
        constexpr TokenId kUser = 5, kAnswer = 6, kBos = 1, kEos = 2;
        const std::vector<TokenId> tokens{kBos,  kUser, 10,      11, kAnswer, 20,   21, kEos,
                                          kUser, 12,    kAnswer, 22, kEos,    kBos, 30, 31};
        const TokenDataset masked(tokens, tokens, QuestionMarks{kUser, kAnswer});
        const std::vector<TokenId> expected{kUser, -1, -1, -1,   20,   21, kEos, kUser,
                                            -1,    -1, 22, kEos, kBos, 30, 31};
        QCOMPARE(masked.validationTargets(), expected);
        std::vector<TokenId> inputs, targets;
        for (int index = 0; index < 8; ++index) { // windows may begin inside a question
            masked.drawBatch(3, index, 2, 6, inputs, targets);
            QCOMPARE(inputs.size(), std::size_t(12));
            for (std::size_t row = 0; row < 12; row += 6) {
                bool found = false;
                for (std::size_t start = 0; start + 6 < tokens.size() && !found; ++start)
                    found = std::equal(inputs.begin() + long(row), inputs.begin() + long(row) + 6,
                                       tokens.begin() + long(start)) &&
                            std::equal(targets.begin() + long(row), targets.begin() + long(row) + 6,
                                       expected.begin() + long(start));
                QVERIFY(found);
            }
        }
        const TokenDataset all(tokens, {});
        QVERIFY(all.validationTargets().empty());
        all.drawBatch(3, 0, 1, 15, inputs, targets);
        QCOMPARE(targets, std::vector<TokenId>(tokens.begin() + 1, tokens.end()));
    }
};

QTEST_APPLESS_MAIN(DatasetTest)
#include "tst_dataset.moc"
