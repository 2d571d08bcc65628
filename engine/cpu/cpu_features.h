// Which kernel variants this processor can run. Asked once when an executor is made.
#pragma once

#include "engine/cpu/kernel_table.h"

#include <string>
#include <vector>

namespace mmfree::cpu
{

// Variants this build and this processor support, best first; "portable" is always the last.
[[nodiscard]] std::vector<const KernelTable*> usableKernels();

// "" is the best. Throws InvalidArgument naming the choices when `isa` is unknown or not supported here.
[[nodiscard]] const KernelTable& chooseKernels(const std::string& isa);

[[nodiscard]] std::string processorName(); // "Intel(R) Xeon(R) Processor"

} // namespace mmfree::cpu
