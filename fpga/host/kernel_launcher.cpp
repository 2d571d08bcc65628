#include "fpga/host/kernel_launcher.h"

#include "engine/core/error.h"
#include "fpga/shared/kernel_constants.h"

#include <algorithm>

namespace mmfree::opencl
{

namespace
{

// A part of a CPU with `threads` compute units; empty when the device cannot be divided.
ClSubDevice dividedDevice(const ClDevice& device, int threads)
{
    if (!(device.type & CL_DEVICE_TYPE_CPU) || threads <= 0 || threads >= device.computeUnits)
        return {};
    const std::array<cl_device_partition_property, 4> wanted{CL_DEVICE_PARTITION_BY_COUNTS, threads,
                                                             CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part = nullptr;
    const cl_int status = clCreateSubDevices(device.id, wanted.data(), 1, &part, nullptr);
    return status == CL_SUCCESS ? ClSubDevice(part) : ClSubDevice();
}

} // namespace

KernelLauncher::KernelLauncher(const ClDevice& device, int threads)
    : m_device(device)
    , m_computeUnits(device.computeUnits)
    , m_id(device.id)
    , m_subDevice(dividedDevice(device, threads))
{
    if (m_subDevice) {
        m_id = m_subDevice.get();
        m_computeUnits = threads;
    }
    cl_int status = CL_SUCCESS;
    const std::array<cl_context_properties, 3> properties{
        CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(device.platform), 0};
    m_context = ClContext(clCreateContext(properties.data(), 1, &m_id, nullptr, nullptr, &status));
    checkCl(status, "clCreateContext for " + device.info.name);
    m_queue = createQueue();
    m_program = buildProgram(m_context.get(), device, m_id);
    readParameters();
}

ClQueue KernelLauncher::createQueue() const
{
    cl_int status = CL_SUCCESS;
    const cl_command_queue_properties properties = m_profiling ? CL_QUEUE_PROFILING_ENABLE : 0;
    ClQueue queue(clCreateCommandQueue(m_context.get(), m_id, properties, &status));
    checkCl(status, "clCreateCommandQueue for " + m_device.info.name);
    return queue;
}

void KernelLauncher::readParameters()
{
    std::array<cl_int, 7> values{};
    // Zeros first: a binary of an earlier version reports fewer.
    const ClMemory memory = upload(std::as_bytes(std::span(values)), "the kernel parameters");
    run("kernel_parameters", {1, 1, 1}, memory.get());
    read(memory.get(), 0, std::as_writable_bytes(std::span(values)));
    if (values[0] < MMFREE_VARIANT_VECTOR || values[0] > MMFREE_VARIANT_PIPELINE || values[1] < 1 ||
        values[2] < 1) {
        throw Error(ErrorCode::Unavailable,
                    "the OpenCL program (" + m_program.origin + ") reports variant " +
                        std::to_string(values[0]) + ", " + std::to_string(values[1]) + " rows and " +
                        std::to_string(values[2]) +
                        " tokens per group, needed: variant 1 to 3 and positive numbers");
    }
    m_parameters = {static_cast<Variant>(values[0]),
                    values[1],
                    values[2],
                    values[3],
                    values[4],
                    values[5],
                    static_cast<std::size_t>(std::max(values[6], 0))};
}

ClMemory KernelLauncher::allocate(std::size_t bytes, const std::string& what)
{
    cl_int status = CL_SUCCESS;
    ClMemory memory(clCreateBuffer(m_context.get(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 4),
                                   nullptr, &status));
    if (status != CL_SUCCESS) {
        throw Error(ErrorCode::OutOfMemory,
                    "OpenCL device \"" + m_device.info.name + "\" gave no memory for " + what + ": " +
                        std::to_string(bytes) + " bytes needed, " +
                        std::to_string(m_device.info.memoryBytes) + " on the device, at most " +
                        std::to_string(m_device.largestAllocation) + " at once (" +
                        std::string(statusName(status)) + ")");
    }
    return memory;
}

ClMemory KernelLauncher::upload(std::span<const std::byte> bytes, const std::string& what)
{
    ClMemory memory = allocate(bytes.size(), what);
    write(memory.get(), 0, bytes);
    return memory;
}

void KernelLauncher::write(cl_mem memory, std::size_t offset, std::span<const std::byte> bytes)
{
    checkCl(clEnqueueWriteBuffer(m_queue.get(), memory, CL_TRUE, offset, bytes.size(), bytes.data(), 0,
                                 nullptr, nullptr),
            "writing " + std::to_string(bytes.size()) + " bytes to " + m_device.info.name);
}

void KernelLauncher::read(cl_mem memory, std::size_t offset, std::span<std::byte> bytes)
{
    checkCl(clEnqueueReadBuffer(m_queue.get(), memory, CL_TRUE, offset, bytes.size(), bytes.data(), 0,
                                nullptr, nullptr),
            "reading " + std::to_string(bytes.size()) + " bytes from " + m_device.info.name);
}

void KernelLauncher::readRows(cl_mem memory, std::size_t offset, std::size_t stride, std::size_t rowBytes,
                              std::span<std::byte> out)
{
    const std::array<std::size_t, 3> origin{offset % stride, offset / stride, 0}, hostOrigin{};
    const std::array<std::size_t, 3> region{rowBytes, out.size() / rowBytes, 1};
    checkCl(clEnqueueReadBufferRect(m_queue.get(), memory, CL_TRUE, origin.data(), hostOrigin.data(),
                                    region.data(), stride, 0, rowBytes, 0, out.data(), 0, nullptr, nullptr),
            "reading rows from " + m_device.info.name);
}

void KernelLauncher::copy(cl_mem from, cl_mem to, std::size_t bytes, std::size_t toOffset)
{
    checkCl(clEnqueueCopyBuffer(m_queue.get(), from, to, 0, toOffset, bytes, 0, nullptr, nullptr),
            "copying " + std::to_string(bytes) + " bytes on " + m_device.info.name);
}

void KernelLauncher::fillZero(cl_mem memory, std::size_t bytes)
{
    constexpr cl_int kZero = 0;
    checkCl(clEnqueueFillBuffer(m_queue.get(), memory, &kZero, sizeof(kZero), 0, bytes, 0, nullptr, nullptr),
            "clearing " + std::to_string(bytes) + " bytes on " + m_device.info.name);
}

KernelLauncher::Kernel& KernelLauncher::find(const char* name)
{
    const auto found = m_kernels.find(std::string_view(name));
    if (found != m_kernels.end())
        return found->second;
    Kernel kernel{.name = name, .object = makeKernel(m_program, name)};
    checkCl(clGetKernelWorkGroupInfo(kernel.object.get(), m_id, CL_KERNEL_COMPILE_WORK_GROUP_SIZE,
                                     sizeof(kernel.groupSize), kernel.groupSize.data(), nullptr),
            "clGetKernelWorkGroupInfo(" + kernel.name + ")");
    kernel.fixedSize = kernel.groupSize[0] != 0;
    return m_kernels.emplace(name, std::move(kernel)).first->second;
}

void KernelLauncher::setArgument(const Kernel& kernel, cl_uint index, std::size_t size, const void* value)
{
    const cl_int status = clSetKernelArg(kernel.object.get(), index, size, value);
    if (status != CL_SUCCESS)
        checkCl(status, "clSetKernelArg(" + kernel.name + ", " + std::to_string(index) + ")");
}

void KernelLauncher::start(Kernel& kernel, std::array<std::size_t, 3> groups)
{
    std::array<std::size_t, 3> global = groups;
    for (std::size_t i = 0; kernel.fixedSize && i < 3; ++i)
        global[i] *= kernel.groupSize[i];
    cl_event rawEvent = nullptr;
    const cl_int status = clEnqueueNDRangeKernel(
        m_queue.get(), kernel.object.get(), 3, nullptr, global.data(),
        kernel.fixedSize ? kernel.groupSize.data() : nullptr, 0, nullptr, m_profiling ? &rawEvent : nullptr);
    if (status != CL_SUCCESS)
        checkCl(status, "starting kernel " + kernel.name + " on " + m_device.info.name);
    if (!m_profiling)
        return;
    record(kernel, ClEvent(rawEvent));
}

void KernelLauncher::record(Kernel& kernel, const ClEvent& event)
{
    cl_ulong begin = 0, end = 0;
    checkCl(clWaitForEvents(1, event.address()), "kernel " + kernel.name);
    clGetEventProfilingInfo(event.get(), CL_PROFILING_COMMAND_START, sizeof(begin), &begin, nullptr);
    clGetEventProfilingInfo(event.get(), CL_PROFILING_COMMAND_END, sizeof(end), &end, nullptr);
    ++kernel.calls;
    kernel.seconds += static_cast<double>(end - begin) * 1e-9;
}

void KernelLauncher::runTasks(std::span<const Task> tasks, bool atOnce)
{
    while (m_taskQueues.size() < tasks.size())
        m_taskQueues.push_back(createQueue());
    cl_event raw = nullptr;
    checkCl(clEnqueueMarkerWithWaitList(m_queue.get(), 0, nullptr, &raw), "clEnqueueMarkerWithWaitList");
    const ClEvent before(raw);
    checkCl(clFlush(m_queue.get()), "clFlush");
    std::vector<ClEvent> done;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const ClEvent& after = atOnce || i == 0 ? before : done.back();
        const std::array<std::size_t, 3> one{1, 1, 1};
        checkCl(clEnqueueNDRangeKernel(m_taskQueues[i].get(), find(tasks[i]).object.get(), 3, nullptr,
                                       one.data(), one.data(), 1, after.address(), &raw),
                "starting kernel " + std::string(tasks[i]) + " on " + m_device.info.name);
        done.emplace_back(raw);
        checkCl(clFlush(m_taskQueues[i].get()), "clFlush");
    }
    for (const ClEvent& event : done)
        checkCl(clEnqueueBarrierWithWaitList(m_queue.get(), 1, event.address(), nullptr),
                "clEnqueueBarrierWithWaitList");
    for (std::size_t i = 0; m_profiling && i < tasks.size(); ++i)
        record(find(tasks[i]), done[i]);
}

void KernelLauncher::finish()
{
    checkCl(clFinish(m_queue.get()), "waiting for " + m_device.info.name);
}

void KernelLauncher::setProfiling(bool on)
{
    finish();
    m_profiling = on;
    m_queue = createQueue();
    m_taskQueues.clear();
    for (auto& [name, kernel] : m_kernels) {
        kernel.calls = 0;
        kernel.seconds = 0.0;
    }
}

std::vector<KernelTime> KernelLauncher::profile() const
{
    std::vector<KernelTime> times;
    for (const auto& [name, kernel] : m_kernels) {
        if (kernel.calls > 0)
            times.push_back({name, kernel.calls, kernel.seconds});
    }
    std::sort(times.begin(), times.end(),
              [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
    return times;
}

} // namespace mmfree::opencl
