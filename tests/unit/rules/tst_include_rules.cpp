// Reads every #include line of the project against the table of who may see whom, so that the rooms stay
// rooms.
#include "tests/support/test_files.h"

#include <QFile>
#include <QRegularExpression>
#include <QTest>

#include <map>
#include <set>

namespace fs = std::filesystem;

namespace
{

// Room -> project rooms it may include besides itself. Order is from low to high.
const std::map<std::string, std::set<std::string>> kMaySee = {
    {"engine/core", {}},
    {"engine/model", {"engine/core"}},
    {"engine/text", {"engine/core"}},
    {"engine/runtime", {"engine/core", "engine/model"}},
    {"engine/network", {"engine/core", "engine/model", "engine/runtime"}},
    {"engine/reference", {"engine/core", "engine/model", "engine/runtime", "engine/network"}},
    {"engine/cpu", {"engine/core", "engine/model", "engine/runtime", "engine/network"}},
    {"engine/cuda", {"engine/core", "engine/model", "engine/runtime", "engine/network"}},
    {"fpga", {"engine/core", "engine/model", "engine/runtime", "engine/network"}},
    {"fpga/planner", {"engine/core", "engine/model"}},
    {"engine/session", {"engine/core", "engine/model", "engine/text", "engine/runtime"}},
    {"engine/server", {"engine/core", "engine/model", "engine/text", "engine/runtime", "engine/session"}},
    {"engine/train", {"engine/core", "engine/model", "engine/text", "engine/runtime", "engine/session"}},
    {"engine/analysis",
     {"engine/core", "engine/model", "engine/text", "engine/runtime", "engine/network", "engine/session",
      "engine/train"}},
    {"widgets",
     {"engine/core", "engine/model", "engine/text", "engine/runtime", "engine/session", "engine/train",
      "engine/analysis", "fpga/planner"}},
};

std::string roomOf(const std::string& path)
{
    std::string best;
    for (const auto& [room, seen] : kMaySee) {
        if (path.starts_with(room + "/") && room.size() > best.size())
            best = room;
    }
    return best;
}

bool isSource(const fs::path& file)
{
    static const std::set<std::string> endings = {".h", ".cpp", ".cu", ".cuh", ".cl"};
    return endings.contains(file.extension().string());
}

} // namespace

class IncludeRules : public QObject
{
    Q_OBJECT

private slots:
    void everyIncludeIsAllowed()
    {
        static const QRegularExpression pattern("^\\s*#\\s*include\\s+[<\"]([^>\"]+)[>\"]");
        const fs::path root = mmfree::test::sourceFolder();
        int files = 0;
        for (const char* top : {"engine", "fpga", "widgets"}) {
            for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / top)) {
                if (!entry.is_regular_file() || !isSource(entry.path()))
                    continue;
                ++files;
                const std::string relative = fs::relative(entry.path(), root).generic_string();
                const std::string room = roomOf(relative);
                QVERIFY2(!room.empty(), qPrintable(QString("%1 belongs to no room").arg(relative.c_str())));
                QFile file(QString::fromStdString(entry.path().string()));
                QVERIFY(file.open(QIODevice::ReadOnly));
                while (!file.atEnd()) {
                    const auto match = pattern.match(QString::fromUtf8(file.readLine()));
                    if (match.hasMatch())
                        checkInclude(relative, room, match.captured(1).toStdString());
                    if (QTest::currentTestFailed())
                        return;
                }
            }
        }
        QVERIFY(files > 30);
    }

private:
    static void checkInclude(const std::string& file, const std::string& room, const std::string& target)
    {
        const auto report = [&] {
            return qPrintable(QString("%1 includes %2").arg(file.c_str(), target.c_str()));
        };
        QVERIFY2(!target.starts_with("tests/") && !target.starts_with("app/"), report());
        if (room.starts_with("engine") || room == "fpga") {
            const bool qt = target.starts_with("Qt") ||
                            (target.size() > 1 && target[0] == 'Q' && std::isupper(target[1]));
            QVERIFY2(!qt, report());
        }
        if (room != "engine/cuda")
            QVERIFY2(!target.starts_with("cuda") && !target.starts_with("cublas"), report());
        if (room != "fpga")
            QVERIFY2(!target.starts_with("CL/"), report());
        if (room != "engine/server")
            QVERIFY2(!target.starts_with("boost/"), report());
        const std::string seen = roomOf(target);
        if (!seen.empty() && seen != room)
            QVERIFY2(kMaySee.at(room).contains(seen), report());
    }
};

QTEST_GUILESS_MAIN(IncludeRules)
#include "tst_include_rules.moc"
