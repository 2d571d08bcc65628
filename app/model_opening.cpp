#include "app/model_opening.h"

#include "app/backend_catalog.h"

#include "engine/model/model_source.h"

#include <atomic>
#include <map>

namespace mmfree::app
{

namespace
{

// Passes a source through to a backend that is being made from it; between two tensors it reports how much
// was read and ends the work when it was stopped. So opening can be watched on every backend without its
// knowing.
class WatchedSource final : public ModelSource
{
public:
    WatchedSource(std::shared_ptr<const ModelSource> source, const gui::OpenRequest& request)
        : m_source(std::move(source))
        , m_stop(request.stop)
        , m_progress(request.progress)
        , m_total(static_cast<double>(parameterCount(m_source->config())))
    {
        for (const TensorSpec& spec : tensorSchema(m_source->config()))
            m_unread[spec.name] = static_cast<double>(elementCount(spec.shape));
    }
    void endWatch() const { m_watching = false; } // the executor may read from this source later

    [[nodiscard]] const ModelConfig& config() const override { return m_source->config(); }
    [[nodiscard]] const ModelText& text() const override { return m_source->text(); }
    [[nodiscard]] std::string name() const override { return m_source->name(); }
    [[nodiscard]] std::filesystem::path path() const override { return m_source->path(); }
    [[nodiscard]] std::uint64_t fileBytes() const override { return m_source->fileBytes(); }
    [[nodiscard]] TernaryTensor ternary(const std::string& name) const override
    {
        watch(name);
        return m_source->ternary(name);
    }
    void floats(const std::string& name, std::span<float> out) const override
    {
        watch(name);
        m_source->floats(name, out);
    }
    [[nodiscard]] TensorView view(const std::string& name) const override
    {
        watch(name);
        return m_source->view(name);
    }
    [[nodiscard]] bool hasLatentWeights() const override { return m_source->hasLatentWeights(); }
    void release(const std::string& name) const override { m_source->release(name); }

private:
    void watch(const std::string& name) const
    {
        if (!m_watching)
            return;
        if (m_stop.stop_requested())
            throw gui::OpeningCancelled();
        const auto found = m_unread.find(name);
        if (!m_progress || found == m_unread.end())
            return;
        m_progress(m_read / m_total);
        m_read += found->second;
        m_unread.erase(found);
    }

    std::shared_ptr<const ModelSource> m_source;
    std::stop_token m_stop;
    std::function<void(double)> m_progress;
    double m_total = 0.0; // elements of the model
    mutable std::atomic<bool> m_watching = true;
    // Only while watching, on the loading thread: elements of the tensors not yet asked for, and of the
    // others.
    mutable std::map<std::string, double> m_unread;
    mutable double m_read = 0.0;
};

} // namespace

gui::OpenedParts openModelParts(const gui::OpenRequest& request)
{
    const auto source = std::make_shared<const WatchedSource>(openModel(request.path.toStdString()), request);
    const std::shared_ptr<const Backend> backend =
        findBackend(request.backend.toStdString(), source->config().architecture);
    std::shared_ptr<InferenceExecutor> executor = backend->createInference(source, {});
    source->endWatch();
    return {source, std::move(executor)};
}

std::vector<gui::BackendSummary> listAllBackends()
{
    std::vector<gui::BackendSummary> result;
    for (const auto& backend : allBackends())
        result.push_back({QString::fromStdString(backend->name()), backend->devices()});
    return result;
}

} // namespace mmfree::app
