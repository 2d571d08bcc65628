#include "fpga/host/environment.h"

#include <cstdlib>

namespace mmfree::opencl
{

std::string environmentText(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

} // namespace mmfree::opencl
