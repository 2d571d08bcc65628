#include "widgets/workers/watched_source.h"

#include "widgets/workers/inference_types.h"

namespace mmfree::gui
{

WatchedSource::WatchedSource(std::shared_ptr<const ModelSource> source, std::stop_token stop,
                             std::function<void(double)> progress)
    : m_source(std::move(source))
    , m_stop(std::move(stop))
    , m_progress(std::move(progress))
    , m_total(static_cast<double>(parameterCount(m_source->config())))
{
    for (const TensorSpec& spec : tensorSchema(m_source->config()))
        m_unread[spec.name] = static_cast<double>(elementCount(spec.shape));
}

void WatchedSource::watch(const std::string& name) const
{
    if (!m_watching)
        return;
    if (m_stop.stop_requested())
        throw OpeningCancelled();
    const auto found = m_unread.find(name);
    if (!m_progress || found == m_unread.end())
        return;
    m_progress(m_read / m_total);
    m_read += found->second;
    m_unread.erase(found);
}

} // namespace mmfree::gui
