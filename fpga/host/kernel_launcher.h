// One device made ready: context, queue, program and kernels, and how a kernel is started on it. Belongs to
// one thread. Knows kernels by name and shape of launch, nothing of the model.
#pragma once

#include "engine/runtime/kernel_profile.h"
#include "fpga/host/program_builder.h"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace mmfree::opencl
{

// Build-time parameters as the program itself reports them (a binary may have been built with others).
struct KernelParameters {
    Variant variant = Variant::Vector;
    int rowsPerGroup =
        1; // rows one work-item (VECTOR), work-group (DOT) or cycle (PIPELINE) of a product handles
    int tokensPerTile = 1;             // tokens of ternary_product_tile
    int channelMode = 0;               // MMFREE_CHANNELS_...
    int maxColumns = 0;                // longest row the kernels hold on chip; 0: no limit
    int fusedItems = 0;                // work-items of the fused kernels; 0: there are none
    std::size_t fusedScratchBytes = 0; // local memory they declare themselves
};

// A kernel argument: local memory of this size.
struct LocalMemory {
    std::size_t bytes = 0;
};

class KernelLauncher
{
public:
    // `threads`: compute units to use on a CPU (a sub-device); 0: all. Builds the program. Throws
    // Unavailable.
    KernelLauncher(const ClDevice& device, int threads);

    [[nodiscard]] const ClDevice& device() const { return m_device; }
    [[nodiscard]] const KernelParameters& parameters() const { return m_parameters; }
    [[nodiscard]] const BuiltProgram& program() const { return m_program; }
    [[nodiscard]] int computeUnits() const { return m_computeUnits; }

    // Memory. Throws OutOfMemory naming `what` and its bytes.
    [[nodiscard]] ClMemory allocate(std::size_t bytes, const std::string& what);
    [[nodiscard]] ClMemory upload(std::span<const std::byte> bytes, const std::string& what);
    void write(cl_mem memory, std::size_t offset, std::span<const std::byte> bytes);
    void read(cl_mem memory, std::size_t offset, std::span<std::byte> bytes); // waits for all work before it
    void copy(cl_mem from, cl_mem to, std::size_t bytes, std::size_t toOffset = 0);
    void fillZero(cl_mem memory, std::size_t bytes);
    // Rows of `rowBytes` at `offset` + n * stride, packed into `out`.
    void readRows(cl_mem memory, std::size_t offset, std::size_t stride, std::size_t rowBytes,
                  std::span<std::byte> out);

    // Starts a kernel with these arguments (cl_mem, int, float, cl_float4 ...) over `groups` work-groups of
    // the kernel's own size (work-items when it requires none; single tasks are 1, 1, 1).
    template <class... Args>
    void run(const char* name, std::array<std::size_t, 3> groups, const Args&... args)
    {
        start(prepare(name, args...), groups);
    }

    // Starts single tasks that depend on each other through streams: on queues of their own, after all work
    // so far and before all work that follows. `atOnce`: they run together (channels); otherwise one after
    // the other. Each task is a call of task().
    using Task = const char*;
    template <class... Args>
    Task task(const char* name, const Args&... args)
    {
        (void)prepare(name, args...);
        return name;
    }
    void runTasks(std::span<const Task> tasks, bool atOnce);

    void finish();

    void setProfiling(bool on);                            // slows launches: every kernel is waited for
    [[nodiscard]] std::vector<KernelTime> profile() const; // longest first

private:
    struct Kernel {
        std::string name;
        ClKernel object;
        std::array<std::size_t, 3> groupSize{};
        bool fixedSize = false;
        std::int64_t calls = 0;
        double seconds = 0.0;
    };
    template <class... Args>
    Kernel& prepare(const char* name, const Args&... args)
    {
        Kernel& kernel = find(name);
        cl_uint index = 0;
        (setArgument(kernel, index++, args), ...);
        return kernel;
    }
    Kernel& find(const char* name);
    template <class T>
    static void setArgument(const Kernel& kernel, cl_uint index, const T& value)
    {
        if constexpr (std::is_same_v<T, LocalMemory>)
            setArgument(kernel, index, value.bytes, nullptr);
        else
            setArgument(kernel, index, sizeof(value), &value);
    }
    static void setArgument(const Kernel& kernel, cl_uint index, std::size_t size, const void* value);
    void start(Kernel& kernel, std::array<std::size_t, 3> groups);
    void record(Kernel& kernel, const ClEvent& event);
    [[nodiscard]] ClQueue createQueue() const;
    void readParameters();

    ClDevice m_device;
    int m_computeUnits = 1;
    cl_device_id m_id = nullptr; // the device, or m_subDevice
    ClSubDevice m_subDevice;
    ClContext m_context;
    ClQueue m_queue;
    std::vector<ClQueue> m_taskQueues; // made when first needed
    bool m_profiling = false;
    BuiltProgram m_program;
    std::map<std::string, Kernel, std::less<>> m_kernels;
    KernelParameters m_parameters;
};

} // namespace mmfree::opencl
