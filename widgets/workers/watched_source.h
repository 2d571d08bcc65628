// Passes a model source through to a backend that is being made from it; between two tensors it reports how
// much was read and ends the work when it was stopped. So opening can be watched on every backend without its
// knowing.
#pragma once

#include "engine/model/model_source.h"

#include <atomic>
#include <functional>
#include <map>
#include <stop_token>

namespace mmfree::gui
{

class WatchedSource final : public ModelSource
{
public:
    // `progress` gets the share of the weights asked for, 0 to 1; may be empty. While watched, every read
    // throws OpeningCancelled after a stop.
    WatchedSource(std::shared_ptr<const ModelSource> source, std::stop_token stop,
                  std::function<void(double)> progress);
    void endWatch() const { m_watching = false; } // an executor may read from this source later

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
    void watch(const std::string& name) const;

    std::shared_ptr<const ModelSource> m_source;
    std::stop_token m_stop;
    std::function<void(double)> m_progress;
    double m_total = 0.0; // elements of the model
    mutable std::atomic<bool> m_watching = true;
    // Only while watching, on one thread: elements of the tensors not yet asked for, and of the others.
    mutable std::map<std::string, double> m_unread;
    mutable double m_read = 0.0;
};

} // namespace mmfree::gui
