// Joins the engine's model files with the list of backends, for the loading thread.
#pragma once

#include "widgets/workers/inference_types.h"

namespace mmfree::app
{

[[nodiscard]] gui::OpenedParts openModelParts(const gui::OpenRequest& request);
[[nodiscard]] std::vector<gui::BackendSummary> listAllBackends();

} // namespace mmfree::app
