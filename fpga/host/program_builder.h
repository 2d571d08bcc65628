// From kernel text or a vendor's binary to a program for one device, with a cache of compiled programs.
#pragma once

#include "fpga/host/device_discovery.h"

#include <filesystem>
#include <string>

namespace mmfree::opencl
{

struct BuiltProgram {
    ClProgram program;
    std::string origin; // for people: "compiled", "from the cache PATH", "binary PATH"
    std::string log;    // the compiler's messages; empty when nothing was compiled or it said nothing
};

// Throws Unavailable: kernels that do not compile (kernel, file and line of the first error, then the log), a
// binary that is missing or belongs to another device. `id` may be a sub-device of `device`.
[[nodiscard]] BuiltProgram buildProgram(cl_context context, const ClDevice& device, cl_device_id id);

// One kernel of a program; throws Unavailable naming the kernel when the program lacks it.
[[nodiscard]] ClKernel makeKernel(const BuiltProgram& program, const std::string& name);

// What a build failure says: the first error of `log` with the kernel it is in, then the log itself.
[[nodiscard]] std::string buildFailureText(const std::string& deviceName, const std::string& log);

} // namespace mmfree::opencl
