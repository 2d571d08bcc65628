#include "widgets/workers/device_runner.h"

#include "widgets/workers/watched_source.h"

#include <QElapsedTimer>

namespace mmfree::gui
{

namespace
{

constexpr qint64 kReportMilliseconds = 40;
constexpr qint64 kMostTokens = 64;         // of the timed decode
constexpr qint64 kMostMilliseconds = 2000; // and its time, so that slow devices answer too
constexpr qint64 kProfiledTokens = 8;
constexpr std::uint64_t kWeightSeed = 1;

double secondsOf(const QElapsedTimer& timer)
{
    return static_cast<double>(timer.nsecsElapsed()) * 1e-9;
}

// Decodes one token and stops when asked to; the ids only need to differ.
class Decoder
{
public:
    Decoder(InferenceExecutor& executor, const std::stop_token& stop)
        : m_executor(executor)
        , m_stop(stop)
        , m_state(executor.createState())
    {
    }
    void step()
    {
        if (m_stop.stop_requested())
            throw OpeningCancelled();
        const auto token = static_cast<TokenId>(m_state->position() % m_executor.config().vocabularySize);
        (void)m_executor.forward({.tokens = {&token, 1}, .logits = LogitsMode::Last, .probe = nullptr},
                                 *m_state);
    }
    [[nodiscard]] const InferenceState& state() const { return *m_state; }

private:
    InferenceExecutor& m_executor;
    const std::stop_token& m_stop;
    std::unique_ptr<InferenceState> m_state;
};

} // namespace

DeviceRunner::DeviceRunner(std::vector<std::shared_ptr<const Backend>> backends, QObject* parent)
    : QObject(parent)
    , m_backends(std::move(backends))
{
}

void DeviceRunner::listDevices()
{
    std::vector<BackendSummary> list;
    for (const auto& backend : m_backends)
        list.push_back({QString::fromStdString(backend->name()), backend->devices()});
    emit devicesListed(list);
}

void DeviceRunner::run(const DeviceRunRequest& request)
{
    try {
        DeviceRunResult result = measure(request);
        emit finished(request.job, result);
    } catch (const OpeningCancelled&) {
        emit cancelled(request.job);
    } catch (...) {
        emit failed(request.job, currentError());
    }
}

DeviceRunResult DeviceRunner::measure(const DeviceRunRequest& request)
{
    QElapsedTimer timer, sinceReport;
    timer.start();
    sinceReport.start();
    emit progressed(request.job, tr("Opening"), -1.0);
    if (request.stop.stop_requested())
        throw OpeningCancelled();
    std::shared_ptr<const ModelSource> model =
        request.modelPath.isEmpty() ? makeRandomModel(request.shape, kWeightSeed, tr("random").toStdString())
                                    : openModel(request.modelPath.toStdString());
    const auto source = std::make_shared<const WatchedSource>(model, request.stop, [&](double share) {
        if (sinceReport.elapsed() < kReportMilliseconds)
            return;
        sinceReport.restart();
        emit progressed(request.job, tr("Opening"), share);
    });
    const std::unique_ptr<InferenceExecutor> executor =
        request.backend->createInference(source, {.device = request.device});
    source->endWatch();

    DeviceRunResult result;
    result.model = QString::fromStdString(source->name());
    result.description = QString::fromStdString(executor->info().description);
    result.openSeconds = secondsOf(timer);
    Decoder decoder(*executor, request.stop);
    for (int warmUp = 0; warmUp < 2; ++warmUp)
        decoder.step();
    timer.restart();
    while (result.tokens < kMostTokens && (timer.elapsed() < kMostMilliseconds || result.tokens == 0)) {
        decoder.step();
        ++result.tokens;
        if (sinceReport.elapsed() >= kReportMilliseconds) {
            sinceReport.restart();
            emit progressed(request.job, tr("Decoding"),
                            std::max(static_cast<double>(result.tokens) / kMostTokens,
                                     static_cast<double>(timer.elapsed()) / kMostMilliseconds));
        }
    }
    result.tokensPerSecond = static_cast<double>(result.tokens) / secondsOf(timer);
    result.memory = executor->memoryUse(&decoder.state());

    auto* profiler = dynamic_cast<KernelProfiler*>(executor.get());
    if (!profiler)
        return result;
    result.hasKernels = true;
    result.program = profiler->programReport();
    profiler->setProfiling(true);
    emit progressed(request.job, tr("Timing kernels"), -1.0);
    for (; result.profiledTokens < kProfiledTokens; ++result.profiledTokens)
        decoder.step();
    result.kernels = profiler->kernelTimes();
    return result;
}

} // namespace mmfree::gui
