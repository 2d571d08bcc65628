// THE list of concrete backends in this build; nobody else names one.
#pragma once

#include "engine/runtime/backend.h"

#include <memory>
#include <string_view>
#include <vector>

namespace mmfree
{

// Best first: the first with a usable device is the default. Includes backends whose devices are all
// unusable.
[[nodiscard]] std::vector<std::shared_ptr<const Backend>> allBackends();

// "" or "auto": the first usable that supports the work. Throws Unavailable naming the name and those that
// exist, or why it is unusable. A backend asked for by name is returned even if it does not support the work:
// it says so itself.
[[nodiscard]] std::shared_ptr<const Backend> findBackend(std::string_view name,
                                                         Architecture architecture = Architecture::MatMulFree,
                                                         Work work = Work::Inference);

} // namespace mmfree
