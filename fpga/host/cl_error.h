// OpenCL status codes as mmfree::Error, and owners of OpenCL objects. Everything of fpga/host that calls
// OpenCL goes through here; nothing outside fpga/host includes it.
#pragma once

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace mmfree::opencl
{

[[nodiscard]] std::string_view statusName(cl_int status); // "CL_INVALID_BINARY", or "unknown status"

// Throws Error naming `what`, the status and the place when `status` is not CL_SUCCESS: OutOfMemory for
// exhausted memory, Unavailable for everything else.
void checkCl(cl_int status, std::string_view what,
             std::source_location where = std::source_location::current());

// Owns one reference to an OpenCL object.
template <class T, cl_int(CL_API_CALL* release)(T)>
class ClHandle
{
public:
    ClHandle() = default;
    explicit ClHandle(T object)
        : m_object(object)
    {
    }
    ClHandle(ClHandle&& other) noexcept
        : m_object(std::exchange(other.m_object, nullptr))
    {
    }
    ClHandle& operator=(ClHandle&& other) noexcept
    {
        std::swap(m_object, other.m_object);
        return *this;
    }
    ClHandle(const ClHandle&) = delete;
    ClHandle& operator=(const ClHandle&) = delete;
    ~ClHandle()
    {
        if (m_object)
            release(m_object);
    }
    [[nodiscard]] T get() const { return m_object; }
    [[nodiscard]] const T* address() const { return &m_object; }
    explicit operator bool() const { return m_object != nullptr; }

private:
    T m_object = nullptr;
};

using ClContext = ClHandle<cl_context, clReleaseContext>;
using ClQueue = ClHandle<cl_command_queue, clReleaseCommandQueue>;
using ClProgram = ClHandle<cl_program, clReleaseProgram>;
using ClKernel = ClHandle<cl_kernel, clReleaseKernel>;
using ClMemory = ClHandle<cl_mem, clReleaseMemObject>;
using ClEvent = ClHandle<cl_event, clReleaseEvent>;
using ClSubDevice = ClHandle<cl_device_id, clReleaseDevice>;

} // namespace mmfree::opencl
