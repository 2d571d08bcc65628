// Measures how a device decodes, on its own thread: opens a model there, decodes as fast as it can, and then
// once more with a clock on every kernel where the backend can say that. Also lists devices, which can wait
// for drivers.
#pragma once

#include "engine/runtime/kernel_profile.h"
#include "widgets/workers/inference_types.h"

#include <QObject>

#include <stop_token>

namespace mmfree::gui
{

struct DeviceRunRequest {
    JobId job = 0;
    std::shared_ptr<const Backend> backend;
    int device = 0;
    QString modelPath; // empty: random weights of `shape`
    ModelConfig shape;
    std::stop_token stop;
};

struct DeviceRunResult {
    QString model, description; // "holmes", "OpenCL, pthread-..."
    double openSeconds = 0.0;
    double tokensPerSecond = 0.0; // decoding, one token after another
    qint64 tokens = 0;
    MemoryUse memory;
    bool hasKernels = false; // the rest is only known then
    ProgramReport program;
    std::vector<KernelTime> kernels; // longest first
    qint64 profiledTokens = 0;
};

class DeviceRunner : public QObject
{
    Q_OBJECT
public:
    explicit DeviceRunner(std::vector<std::shared_ptr<const Backend>> backends, QObject* parent = nullptr);

public slots:
    void listDevices();
    void run(const mmfree::gui::DeviceRunRequest& request);

signals:
    void devicesListed(const std::vector<mmfree::gui::BackendSummary>& backends);
    void progressed(quint64 job, const QString& stage, double share); // share below 0: not known
    void finished(quint64 job, const mmfree::gui::DeviceRunResult& result);
    void failed(quint64 job, const mmfree::gui::ErrorInfo& error);
    void cancelled(quint64 job);

private:
    DeviceRunResult measure(const DeviceRunRequest& request);

    std::vector<std::shared_ptr<const Backend>> m_backends;
};

} // namespace mmfree::gui

Q_DECLARE_METATYPE(mmfree::gui::DeviceRunRequest)
Q_DECLARE_METATYPE(mmfree::gui::DeviceRunResult)
