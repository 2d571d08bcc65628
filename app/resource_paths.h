// Where the program finds the files that come with it.
#pragma once

#include <QString>

namespace mmfree::app
{

// MMFREE_RESOURCES, then ../share/mmfree beside the program, then the source tree it was built from; the
// first that exists. Empty: none.
[[nodiscard]] QString resourceFolder();

// The bundled model (resources/demo/*.safetensors, first by name). Empty: none came along.
[[nodiscard]] QString bundledModel();

} // namespace mmfree::app
