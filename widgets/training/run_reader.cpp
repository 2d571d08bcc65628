#include "widgets/training/run_reader.h"

#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <QDateTime>
#include <QFile>
#include <QFileInfo>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sys/stat.h>

namespace mmfree::gui
{

namespace
{

constexpr qint64 kBytesPerPoll = 256 * 1024; // of one file
constexpr qsizetype kLogLines = 2000;        // kept
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

QByteArray stampOf(const QString& file)
{
    struct stat status {
    };
    if (::stat(QFile::encodeName(file).constData(), &status) != 0)
        return {};
    return QByteArray::number(static_cast<qulonglong>(status.st_ino)) + ' ' +
           QByteArray::number(static_cast<qlonglong>(status.st_size)) + ' ' +
           QByteArray::number(static_cast<qlonglong>(status.st_mtim.tv_sec)) + ' ' +
           QByteArray::number(static_cast<qlonglong>(status.st_mtim.tv_nsec));
}

nlohmann::json parsed(const QByteArray& line)
{
    return nlohmann::json::parse(line.constBegin(), line.constEnd(), nullptr, false);
}

} // namespace

QByteArrayList LineTail::take(qint64 limit, bool& restarted)
{
    restarted = false;
    m_more = false;
    QFile file(m_file);
    struct stat status {
    };
    if (::stat(QFile::encodeName(m_file).constData(), &status) != 0) {
        restarted = m_offset > 0;
        m_offset = 0;
        m_partial.clear();
        return {};
    }
    if (status.st_ino != m_identity || status.st_size < m_offset) {
        restarted = m_offset > 0;
        m_identity = status.st_ino;
        m_offset = 0;
        m_partial.clear();
    }
    if (status.st_size <= m_offset || !file.open(QIODevice::ReadOnly) || !file.seek(m_offset))
        return {};
    const QByteArray bytes = file.read(limit);
    m_offset += bytes.size();
    m_more = m_offset < status.st_size;
    m_partial += bytes;
    const qsizetype end = m_partial.lastIndexOf('\n');
    if (end < 0)
        return {};
    QByteArrayList lines = m_partial.left(end).split('\n');
    m_partial.remove(0, end + 1);
    return lines;
}

RunReader::RunReader(const QString& folder)
    : m_folder(folder)
    , m_metricsTail(folder + QStringLiteral("/metrics.jsonl"))
    , m_eventsTail(folder + QStringLiteral("/events.jsonl"))
    , m_samplesTail(folder + QStringLiteral("/samples.jsonl"))
    , m_layersTail(folder + QStringLiteral("/layers.jsonl"))
    , m_logTail(folder + QStringLiteral("/log.txt"))
    , m_bestValidation(kNone)
{
}

bool RunReader::pollState()
{
    bool changed = false;
    const std::filesystem::path path(m_folder.toStdU16String());
    try {
        const QByteArray recordStamp = stampOf(m_folder + QStringLiteral("/run.json"));
        if (recordStamp != m_recordStamp) {
            m_recordStamp = recordStamp;
            m_record = readRunRecord(path);
            changed = true;
        }
        const bool alive = isRunAlive(path);
        const QByteArray stateStamp = stampOf(m_folder + QStringLiteral("/state.json"));
        if (stateStamp != m_stateStamp || alive != m_alive || m_stateStamp.isEmpty()) {
            const RunStatus before = m_state.status;
            m_stateStamp = stateStamp;
            m_alive = alive;
            m_state = readRunState(path);
            changed = changed || !stateStamp.isEmpty() || before != m_state.status;
        }
        changed = changed || !m_problem.isEmpty();
        m_problem.clear();
    } catch (const std::exception& error) {
        const QString problem = QString::fromUtf8(error.what());
        changed = changed || problem != m_problem;
        m_problem = problem;
    }
    return changed;
}

bool RunReader::poll()
{
    bool changed = pollState(), restarted = false;
    const auto each = [&](LineTail& tail, auto forget, auto take) {
        const QByteArrayList lines = tail.take(kBytesPerPoll, restarted);
        if (restarted)
            forget();
        for (const QByteArray& line : lines)
            take(line);
        changed = changed || restarted || !lines.isEmpty();
    };
    each(
        m_metricsTail, [this] { m_metrics.clear(), m_bestValidation = kNone; },
        [this](const QByteArray& line) {
            const nlohmann::json json = parsed(line);
            if (!json.is_object() || !json.contains("step"))
                return;
            try {
                const StepMetrics metrics = stepMetricsFromJson(json, "metrics.jsonl");
                // A resumed run makes steps again.
                while (!m_metrics.empty() && m_metrics.back().step >= metrics.step)
                    m_metrics.pop_back();
                m_metrics.push_back(metrics);
                if (metrics.validationLoss && !(*metrics.validationLoss >= m_bestValidation))
                    m_bestValidation = *metrics.validationLoss;
            } catch (const std::exception& error) {
                m_problem = QString::fromUtf8(error.what());
            }
        });
    const auto asObject = [](const QByteArray& line, auto take) {
        const nlohmann::json json = parsed(line);
        if (json.is_object())
            take(json);
    };
    each(
        m_eventsTail, [this] { m_events.clear(); },
        [&](const QByteArray& line) {
            asObject(line, [this](const auto& json) { m_events.push_back(runEventFromJson(json)); });
        });
    each(
        m_samplesTail, [this] { m_samples.clear(); },
        [&](const QByteArray& line) {
            asObject(line, [this](const auto& json) { m_samples.push_back(runSampleFromJson(json)); });
        });
    each(
        m_layersTail, [this] { m_statistics.clear(); },
        [&](const QByteArray& line) {
            asObject(line, [this](const auto& json) {
                if (auto statistics = ternaryStatisticsFromJson(json)) {
                    while (!m_statistics.empty() && m_statistics.back().step >= statistics->step)
                        m_statistics.pop_back();
                    m_statistics.push_back(std::move(*statistics));
                }
            });
        });
    each(
        m_logTail, [this] { m_log.clear(); },
        [this](const QByteArray& line) { m_log.append(QString::fromUtf8(line)); });
    if (m_log.size() > kLogLines)
        m_log.erase(m_log.begin(), m_log.begin() + (m_log.size() - kLogLines));
    return changed;
}

bool RunReader::isCaughtUp() const
{
    return !m_metricsTail.hasMore() && !m_layersTail.hasMore() && !m_samplesTail.hasMore();
}

double RunReader::recentTokensPerSecond() const
{
    const std::size_t count = std::min<std::size_t>(m_metrics.size(), 20);
    if (count == 0)
        return 0.0;
    double inverse = 0.0;
    for (std::size_t i = m_metrics.size() - count; i < m_metrics.size(); ++i)
        inverse += 1.0 / std::max(m_metrics[i].tokensPerSecond, 1e-9);
    return static_cast<double>(count) / inverse;
}

} // namespace mmfree::gui
