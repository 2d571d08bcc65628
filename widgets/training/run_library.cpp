#include "widgets/training/run_library.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/train/checkpoint.h"

#include <nlohmann/json.hpp>

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QProcess>

#include <algorithm>
#include <cmath>
#include <limits>

namespace mmfree::gui
{

namespace fs = std::filesystem;

namespace
{

constexpr int kLookMilliseconds = 1000;
constexpr qint64 kTailBytes = 4096; // of the metrics, for the newest step

fs::path pathOf(const QString& folder)
{
    return fs::path(folder.toStdU16String());
}

QString trashOf(const QString& root)
{
    return root + QStringLiteral("/.removed");
}

// The newest complete line of a file of lines.
nlohmann::json lastLine(const QString& name)
{
    QFile file(name);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    file.seek(std::max<qint64>(0, file.size() - kTailBytes));
    const QList<QByteArray> lines = file.readAll().split('\n');
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
        nlohmann::json json = nlohmann::json::parse(line->constBegin(), line->constEnd(), nullptr, false);
        if (json.is_object())
            return json;
    }
    return {};
}

double numberOf(const nlohmann::json& object, const char* key, double fallback)
{
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() && found->is_number() ? found->get<double>()
                                                                             : fallback;
}

// Letters and digits of a name for a folder.
QString folderName(const QString& name)
{
    QString result;
    for (const QChar letter : name.simplified().left(48))
        result += letter.isLetterOrNumber() ? letter.toLower() : QLatin1Char('-');
    return result.isEmpty() ? QStringLiteral("run") : result;
}

} // namespace

QString statusText(RunStatus status)
{
    switch (status) {
    case RunStatus::Prepared:
        return RunLibrary::tr("not started");
    case RunStatus::Starting:
        return RunLibrary::tr("starting");
    case RunStatus::Running:
        return RunLibrary::tr("running");
    case RunStatus::Paused:
        return RunLibrary::tr("paused");
    case RunStatus::Finished:
        return RunLibrary::tr("finished");
    case RunStatus::Stopped:
        return RunLibrary::tr("stopped");
    case RunStatus::Failed:
        return RunLibrary::tr("failed");
    case RunStatus::Interrupted:
        return RunLibrary::tr("interrupted");
    }
    return {};
}

bool isActive(RunStatus status)
{
    return status == RunStatus::Starting || status == RunStatus::Running || status == RunStatus::Paused;
}

RunLibrary::RunLibrary(QString root, const QString& program, QObject* parent)
    : QObject(parent)
    , m_root(std::move(root))
{
    const QDir beside = QFileInfo(program).dir();
    for (const QString& folder : {qEnvironmentVariable("MMFREE_BIN_DIR"), beside.path()}) {
        const QString candidate = folder + QStringLiteral("/mmfree");
        if (!folder.isEmpty() && QFileInfo(candidate).isExecutable()) {
            m_trainer = candidate;
            break;
        }
    }
    emptyTrash();
    connect(&m_timer, &QTimer::timeout, this, &RunLibrary::refresh);
    m_timer.start(kLookMilliseconds);
    refresh();
}

bool RunLibrary::attempt(const QString& title, const std::function<void()>& act)
{
    try {
        act();
        return true;
    } catch (const std::exception& error) {
        emit problem(title, QString::fromUtf8(error.what()));
        return false;
    }
}

void RunLibrary::emptyTrash()
{
    QDir(trashOf(m_root)).removeRecursively();
}

std::optional<RunSummary> RunLibrary::summarize(const QString& folder) const
{
    if (!QFileInfo::exists(folder + QStringLiteral("/run.json")))
        return std::nullopt;
    RunSummary summary;
    summary.folder = folder;
    summary.name = QFileInfo(folder).fileName();
    summary.bestValidation = std::numeric_limits<double>::quiet_NaN();
    const QString metrics = folder + QStringLiteral("/metrics.jsonl");
    summary.changed =
        QFileInfo(QFileInfo::exists(metrics) ? metrics : folder + QStringLiteral("/run.json")).lastModified();
    try {
        const RunRecord record = readRunRecord(pathOf(folder));
        if (!record.name.empty())
            summary.name = QString::fromStdString(record.name);
        for (const std::string& tag : record.tags)
            summary.tags << QString::fromStdString(tag);
        summary.backend = QString::fromStdString(record.backend);
        summary.steps = record.options.steps;
        const RunState state = readRunState(pathOf(folder));
        summary.status = state.status;
        summary.message = QString::fromStdString(state.message);
        const nlohmann::json last = lastLine(metrics);
        summary.step = static_cast<qint64>(numberOf(last, "step", 0.0));
        summary.tokensPerSecond = numberOf(last, "tokensPerSecond", 0.0);
        if (const auto checkpoint = latestCheckpoint(pathOf(folder))) {
            summary.hasCheckpoint = true;
            const nlohmann::json progress =
                nlohmann::json::parse(readTextFile(*checkpoint / "trainer.json"), nullptr, false);
            const double best = numberOf(progress, "bestValidationLoss", 0.0);
            if (best > 0.0)
                summary.bestValidation = best;
        }
    } catch (const std::exception& error) {
        summary.status = RunStatus::Failed;
        summary.message = QString::fromUtf8(error.what());
    }
    return summary;
}

void RunLibrary::refresh()
{
    QList<RunSummary> runs;
    for (const QFileInfo& entry : QDir(m_root).entryInfoList(QDir::Dirs | QDir::NoDotAndDotDot)) {
        if (const auto summary = summarize(entry.absoluteFilePath()))
            runs.append(*summary);
    }
    std::stable_sort(runs.begin(), runs.end(),
                     [](const RunSummary& a, const RunSummary& b) { return a.changed > b.changed; });
    // NaN is not equal to itself; compared as text of the whole.
    const auto same = [](const RunSummary& a, const RunSummary& b) {
        RunSummary x = a, y = b;
        const bool bothNone = std::isnan(x.bestValidation) && std::isnan(y.bestValidation);
        x.bestValidation = bothNone ? 0.0 : x.bestValidation;
        y.bestValidation = bothNone ? 0.0 : y.bestValidation;
        return x == y;
    };
    if (runs.size() == m_runs.size() && std::equal(runs.begin(), runs.end(), m_runs.begin(), same))
        return;
    m_runs = runs;
    emit changed();
}

const RunSummary* RunLibrary::find(const QString& folder) const
{
    const auto found = std::find_if(m_runs.begin(), m_runs.end(),
                                    [&](const RunSummary& run) { return run.folder == folder; });
    return found == m_runs.end() ? nullptr : &*found;
}

QString RunLibrary::create(RunRecord record, const QByteArray& tokenizerModel)
{
    const QString base = m_root + QLatin1Char('/') + folderName(QString::fromStdString(record.name));
    QString folder = base;
    for (int number = 2; QFileInfo::exists(folder) ||
                         QFileInfo::exists(trashOf(m_root) + QLatin1Char('/') + QFileInfo(folder).fileName());
         ++number)
        folder = base + QLatin1Char('-') + QString::number(number);
    const bool made = attempt(tr("The run could not be made"), [&] {
        writeRunRecord(pathOf(folder), record);
        if (!tokenizerModel.isEmpty())
            writeFileAtomically(pathOf(folder) / "tokenizer.model",
                                std::string_view(tokenizerModel.constData(),
                                                 static_cast<std::size_t>(tokenizerModel.size())));
    });
    refresh();
    return made ? folder : QString();
}

bool RunLibrary::start(const QString& folder)
{
    if (m_trainer.isEmpty()) {
        emit problem(
            tr("Training cannot start"),
            tr("The program \u201cmmfree\u201d was not found beside this one; it does the training."));
        return false;
    }
    QProcess process;
    process.setProgram(m_trainer);
    process.setArguments({QStringLiteral("train"), QStringLiteral("--resume"), QStringLiteral("--run"),
                          folder, QStringLiteral("--pause-on-full-disk")});
    process.setStandardInputFile(QProcess::nullDevice());
    process.setStandardOutputFile(folder + QStringLiteral("/log.txt"), QIODevice::Append);
    process.setStandardErrorFile(folder + QStringLiteral("/log.txt"), QIODevice::Append);
    process.setWorkingDirectory(folder);
    // Out of this program's session, so that the run does not end with it.
    if (!process.startDetached()) {
        emit problem(tr("Training could not start"), process.errorString());
        return false;
    }
    return true;
}

bool RunLibrary::send(const QString& folder, const RunCommand& command)
{
    return attempt(tr("The run did not take the command"), [&] { sendRunCommand(pathOf(folder), command); });
}

void RunLibrary::stopAll()
{
    for (const RunSummary& run : std::as_const(m_runs)) {
        if (isRunAlive(pathOf(run.folder)))
            send(run.folder, {.kind = RunCommandKind::Stop});
    }
}

bool RunLibrary::rename(const QString& folder, const QString& name, const QStringList& tags)
{
    const bool done = attempt(tr("The run was not renamed"), [&] {
        RunRecord record = readRunRecord(pathOf(folder));
        record.name = name.toStdString();
        record.tags.clear();
        for (const QString& tag : tags)
            record.tags.push_back(tag.toStdString());
        writeRunRecord(pathOf(folder), record);
    });
    refresh();
    return done;
}

bool RunLibrary::remove(const QString& folder)
{
    const bool done = attempt(tr("The run was not removed"), [&] {
        if (isRunAlive(pathOf(folder)))
            throw Error(ErrorCode::InvalidArgument,
                        folder.toStdString() + " is training, needed: stop it first");
        fs::create_directories(pathOf(trashOf(m_root)));
        fs::rename(pathOf(folder), pathOf(trashOf(m_root)) / pathOf(folder).filename());
    });
    refresh();
    return done;
}

bool RunLibrary::restore(const QString& folder)
{
    const bool done = attempt(tr("The run could not be brought back"), [&] {
        fs::rename(pathOf(trashOf(m_root)) / pathOf(folder).filename(), pathOf(folder));
    });
    refresh();
    return done;
}

bool RunLibrary::discardTail(const QString& folder)
{
    const bool done = attempt(tr("The run could not be closed"), [&] {
        const auto checkpoint = latestCheckpoint(pathOf(folder));
        const std::string kept = checkpoint ? checkpoint->filename().string() : "no checkpoint";
        RunJournal(pathOf(folder)).setStatus(RunStatus::Stopped, 0, "interrupted; kept: " + kept);
    });
    refresh();
    return done;
}

} // namespace mmfree::gui
