#include "fpga/host/cl_error.h"

#include "engine/core/error.h"

#include <array>

namespace mmfree::opencl
{

std::string_view statusName(cl_int status)
{
    struct Name {
        cl_int status;
        std::string_view name;
    };
#define MMFREE_STATUS(name)                                                                                  \
    Name                                                                                                     \
    {                                                                                                        \
        name, #name                                                                                          \
    }
    static constexpr std::array kNames{
        MMFREE_STATUS(CL_SUCCESS),
        MMFREE_STATUS(CL_DEVICE_NOT_FOUND),
        MMFREE_STATUS(CL_DEVICE_NOT_AVAILABLE),
        MMFREE_STATUS(CL_COMPILER_NOT_AVAILABLE),
        MMFREE_STATUS(CL_MEM_OBJECT_ALLOCATION_FAILURE),
        MMFREE_STATUS(CL_OUT_OF_RESOURCES),
        MMFREE_STATUS(CL_OUT_OF_HOST_MEMORY),
        MMFREE_STATUS(CL_PROFILING_INFO_NOT_AVAILABLE),
        MMFREE_STATUS(CL_BUILD_PROGRAM_FAILURE),
        MMFREE_STATUS(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
        MMFREE_STATUS(CL_DEVICE_PARTITION_FAILED),
        MMFREE_STATUS(CL_INVALID_VALUE),
        MMFREE_STATUS(CL_INVALID_DEVICE),
        MMFREE_STATUS(CL_INVALID_CONTEXT),
        MMFREE_STATUS(CL_INVALID_COMMAND_QUEUE),
        MMFREE_STATUS(CL_INVALID_MEM_OBJECT),
        MMFREE_STATUS(CL_INVALID_BINARY),
        MMFREE_STATUS(CL_INVALID_BUILD_OPTIONS),
        MMFREE_STATUS(CL_INVALID_PROGRAM),
        MMFREE_STATUS(CL_INVALID_PROGRAM_EXECUTABLE),
        MMFREE_STATUS(CL_INVALID_KERNEL_NAME),
        MMFREE_STATUS(CL_INVALID_KERNEL_DEFINITION),
        MMFREE_STATUS(CL_INVALID_KERNEL),
        MMFREE_STATUS(CL_INVALID_ARG_INDEX),
        MMFREE_STATUS(CL_INVALID_ARG_VALUE),
        MMFREE_STATUS(CL_INVALID_ARG_SIZE),
        MMFREE_STATUS(CL_INVALID_KERNEL_ARGS),
        MMFREE_STATUS(CL_INVALID_WORK_DIMENSION),
        MMFREE_STATUS(CL_INVALID_WORK_GROUP_SIZE),
        MMFREE_STATUS(CL_INVALID_WORK_ITEM_SIZE),
        MMFREE_STATUS(CL_INVALID_BUFFER_SIZE),
        MMFREE_STATUS(CL_INVALID_GLOBAL_WORK_SIZE),
        MMFREE_STATUS(CL_INVALID_OPERATION),
    };
#undef MMFREE_STATUS
    for (const Name& entry : kNames) {
        if (entry.status == status)
            return entry.name;
    }
    return status == -1001 ? "CL_PLATFORM_NOT_FOUND_KHR" : "unknown status";
}

void checkCl(cl_int status, std::string_view what, std::source_location where)
{
    if (status == CL_SUCCESS)
        return;
    const bool memory = status == CL_MEM_OBJECT_ALLOCATION_FAILURE || status == CL_OUT_OF_HOST_MEMORY;
    // Drivers say this of a device that was removed or reset as well as of a launch that is too large.
    const std::string_view hint =
        status == CL_OUT_OF_RESOURCES ? ": the device was lost or has not enough resources" : "";
    const std::string_view path = where.file_name();
    throw Error(memory ? ErrorCode::OutOfMemory : ErrorCode::Unavailable,
                "OpenCL: " + std::string(what) + " gave " + std::string(statusName(status)) + " (" +
                    std::to_string(status) + ", " + std::string(path.substr(path.rfind('/') + 1)) + ":" +
                    std::to_string(where.line()) + ")" + std::string(hint));
}

} // namespace mmfree::opencl
