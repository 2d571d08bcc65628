#include "fpga/host/program_builder.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "fpga/host/build_cache.h"
#include "fpga/host/environment.h"

#include <charconv>

namespace mmfree::opencl
{

namespace
{

constexpr std::size_t kLogLimit = 4000; // characters of a compiler log in a message
constexpr std::uint64_t kBinaryLimit = 4ull << 30;

// Work-items of a fused kernel: many share the norm on a GPU; a CPU, which runs these kernels in tests only,
// unrolls them all when it compiles.
std::size_t fusedItems(const ClDevice& device)
{
    if (!(device.type & CL_DEVICE_TYPE_GPU))
        return 64;
    return device.largestGroup >= 256 ? 256 : 64;
}

std::string buildOptions(const ClDevice& device)
{
    std::string options =
        "-cl-std=CL1.2 -DMMFREE_VARIANT=" + std::to_string(static_cast<int>(device.variant));
    const std::string extra = environmentText("MMFREE_OPENCL_OPTIONS");
    if (device.variant == Variant::Dot && extra.find("MMFREE_FUSED_ITEMS") == std::string::npos)
        options += " -DMMFREE_FUSED_ITEMS=" + std::to_string(fusedItems(device));
    return extra.empty() ? options : options + " " + extra;
}

std::string buildLog(cl_program program, cl_device_id id)
{
    std::size_t size = 0;
    if (clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size) != CL_SUCCESS || size < 2)
        return {};
    std::string log(size, '\0');
    clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, size, log.data(), nullptr);
    log.resize(std::min(log.find('\0'), log.size()));
    return log;
}

// Empty when the driver does not give its binary out; then nothing is cached.
std::string binaryOf(cl_program program)
{
    std::size_t size = 0;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, nullptr) != CL_SUCCESS ||
        size == 0)
        return {};
    std::string binary(size, '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(binary.data());
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(bytes), &bytes, nullptr) != CL_SUCCESS)
        return {};
    return binary;
}

// Null with the status when the binary is not for this device.
ClProgram programFromBinary(cl_context context, cl_device_id id, const std::string& binary, cl_int& status)
{
    const auto* bytes = reinterpret_cast<const unsigned char*>(binary.data());
    const std::size_t size = binary.size();
    cl_int perDevice = CL_SUCCESS;
    ClProgram program(clCreateProgramWithBinary(context, 1, &id, &size, &bytes, &perDevice, &status));
    if (status == CL_SUCCESS)
        status = perDevice;
    if (status == CL_SUCCESS)
        status = clBuildProgram(program.get(), 1, &id, "", nullptr, nullptr);
    return status == CL_SUCCESS ? std::move(program) : ClProgram();
}

BuiltProgram loadUserBinary(cl_context context, const ClDevice& device, cl_device_id id,
                            const std::string& path)
{
    const std::string binary = readTextFile(path, kBinaryLimit);
    cl_int status = CL_SUCCESS;
    BuiltProgram built;
    built.program = binary.empty() ? ClProgram() : programFromBinary(context, id, binary, status);
    if (!built.program) {
        throw Error(ErrorCode::Unavailable,
                    path + " (MMFREE_OPENCL_BINARY) holds " + std::to_string(binary.size()) +
                        " bytes that device \"" + device.info.name + "\" refuses (" +
                        std::string(statusName(binary.empty() ? CL_INVALID_BINARY : status)) +
                        "), needed: a program binary built for this device and driver");
    }
    built.origin = "binary " + path;
    return built;
}

ClProgram compile(cl_context context, const ClDevice& device, cl_device_id id, const std::string& source,
                  const std::string& options, std::string& log)
{
    const char* text = source.c_str();
    const std::size_t length = source.size();
    cl_int status = CL_SUCCESS;
    ClProgram program(clCreateProgramWithSource(context, 1, &text, &length, &status));
    checkCl(status, "clCreateProgramWithSource");
    status = clBuildProgram(program.get(), 1, &id, options.c_str(), nullptr, nullptr);
    log = buildLog(program.get(), id);
    if (status == CL_BUILD_PROGRAM_FAILURE || status == CL_INVALID_BUILD_OPTIONS)
        throw Error(ErrorCode::Unavailable, buildFailureText(device.info.name, log));
    checkCl(status, "clBuildProgram for " + device.info.name);
    return program;
}

} // namespace

std::string buildFailureText(const std::string& deviceName, const std::string& log)
{
    std::string place;
    for (std::size_t at = log.find("fpga/"); at != std::string::npos; at = log.find("fpga/", at + 1)) {
        const std::size_t colon = log.find(':', at), lineEnd = log.find('\n', at);
        if (colon == std::string::npos || colon > lineEnd)
            continue;
        int line = 0;
        std::from_chars(log.data() + colon + 1, log.data() + log.size(), line);
        const std::size_t lineStart = log.rfind('\n', at) + 1; // npos + 1 is 0: the first line
        if (line == 0 || log.substr(lineStart, lineEnd - lineStart).find("error") == std::string::npos)
            continue;
        const std::string file = log.substr(at, colon - at), kernel = kernelAtLine(file, line);
        place = (kernel.empty() ? std::string() : "kernel " + kernel + ", ") + log.substr(at, lineEnd - at);
        break;
    }
    std::string text = "the OpenCL kernels do not build for device \"" + deviceName + "\"";
    if (!place.empty())
        text += ": " + place;
    const std::string shown = log.size() > kLogLimit ? log.substr(0, kLogLimit) + "..." : log;
    return text + (shown.empty() ? "; the compiler gave no log" : "\ncompiler log:\n" + shown);
}

namespace
{

// A cached program is the compiler's log, its length in front, and the binary: the log can be read later too.
std::string cacheEntry(const std::string& log, const std::string& binary)
{
    return binary.empty() ? std::string() : std::to_string(log.size()) + "\n" + log + binary;
}

// False: not such an entry.
bool readCacheEntry(const std::string& entry, std::string& log, std::string& binary)
{
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(entry.data(), entry.data() + entry.size(), size);
    const auto start = static_cast<std::size_t>(end - entry.data()) + 1;
    if (error != std::errc() || start > entry.size() || *end != '\n' || size > entry.size() - start)
        return false;
    log = entry.substr(start, size);
    binary = entry.substr(start + size);
    return true;
}

} // namespace

BuiltProgram buildProgram(cl_context context, const ClDevice& device, cl_device_id id)
{
    const std::string userBinary = environmentText("MMFREE_OPENCL_BINARY");
    if (!userBinary.empty())
        return loadUserBinary(context, device, id, userBinary);

    const std::string source = programSource(device.variant), options = buildOptions(device);
    const BuildCache cache;
    const std::string key =
        device.platformName + "|" + device.driver + "|" + device.info.name + "\n" + options + "\n" + source;
    BuiltProgram built;
    std::string binary;
    if (readCacheEntry(cache.load(key), built.log, binary)) {
        cl_int status = CL_SUCCESS;
        built.program = programFromBinary(context, id, binary, status); // refused: compiled anew below
        built.origin = "from the cache " + cache.fileFor(key).string();
    }
    if (!built.program) {
        built.log.clear();
        built.program = compile(context, device, id, source, options, built.log);
        const std::string problem = cache.store(key, cacheEntry(built.log, binaryOf(built.program.get())));
        built.origin = problem.empty() ? "compiled" : "compiled, not cached (" + problem + ")";
    }
    return built;
}

ClKernel makeKernel(const BuiltProgram& program, const std::string& name)
{
    cl_int status = CL_SUCCESS;
    ClKernel kernel(clCreateKernel(program.program.get(), name.c_str(), &status));
    if (status == CL_INVALID_KERNEL_NAME || status == CL_INVALID_PROGRAM_EXECUTABLE) {
        throw Error(ErrorCode::Unavailable, "the OpenCL program (" + program.origin + ") has no kernel " +
                                                name +
                                                ", needed: a program built from this version's fpga/kernels");
    }
    checkCl(status, "clCreateKernel(" + name + ")");
    return kernel;
}

} // namespace mmfree::opencl
