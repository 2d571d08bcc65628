// The environment variables of the OpenCL backend. They are the seam for what ExecutorOptions does not say:
//
//   MMFREE_OPENCL_BINARY   file with the program for an accelerator (.aocx, .xclbin, or any device's own
//   binary);
//                          loaded with clCreateProgramWithBinary instead of compiling the kernels
//   MMFREE_OPENCL_VARIANT  vector, dot or pipeline: the kernels to use whatever kind the device is
//   MMFREE_OPENCL_OPTIONS  appended to the compiler options, e.g. -DMMFREE_DOT_LANES=32
//   MMFREE_OPENCL_FUSED    "off": row kernels and products in separate launches also where they could be one
//   MMFREE_OPENCL_CACHE    folder of compiled programs; "off": none. Default: mmfree/opencl in XDG_CACHE_HOME
//                          or ~/.cache
#pragma once

#include <string>

namespace mmfree::opencl
{

[[nodiscard]] std::string environmentText(const char* name); // empty when unset

} // namespace mmfree::opencl
