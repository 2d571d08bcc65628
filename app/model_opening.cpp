#include "app/model_opening.h"

#include "app/backend_catalog.h"

#include "engine/model/model_source.h"
#include "widgets/workers/watched_source.h"

namespace mmfree::app
{

gui::OpenedParts openModelParts(const gui::OpenRequest& request)
{
    const auto source = std::make_shared<const gui::WatchedSource>(openModel(request.path.toStdString()),
                                                                   request.stop, request.progress);
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
