#include "engine/cuda/device_memory.h"

#include <filesystem>

namespace mmfree::cuda
{

void checkCuda(cudaError_t status, std::source_location where)
{
    if (status == cudaSuccess)
        return;
    cudaGetLastError();
    const std::string file = std::filesystem::path(where.file_name()).filename().string();
    throw Error(status == cudaErrorMemoryAllocation ? ErrorCode::OutOfMemory : ErrorCode::Unavailable,
                "CUDA: " + std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) +
                    ") at " + file + ":" + std::to_string(where.line()));
}

void* allocateDevice(std::size_t bytes, const std::string& purpose)
{
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        std::size_t freeBytes = 0, totalBytes = 0;
        cudaMemGetInfo(&freeBytes, &totalBytes);
        throw Error(ErrorCode::OutOfMemory, "CUDA device memory for " + purpose + ": needed " +
                                                std::to_string(bytes) + " bytes, free " +
                                                std::to_string(freeBytes) + " of " +
                                                std::to_string(totalBytes) + " bytes");
    }
    checkCuda(status);
    return memory;
}

void* allocatePinned(std::size_t bytes, const std::string& purpose)
{
    void* memory = nullptr;
    const cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocMapped | cudaHostAllocPortable);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw Error(ErrorCode::OutOfMemory, "page-locked host memory for " + purpose + ": needed " +
                                                std::to_string(bytes) + " bytes");
    }
    checkCuda(status);
    return memory;
}

void freeDevice(void* memory) noexcept
{
    if (memory)
        cudaFree(memory);
}

void freePinned(void* memory) noexcept
{
    if (memory)
        cudaFreeHost(memory);
}

Stream::Stream()
{
    checkCuda(cudaStreamCreateWithFlags(&m_stream, cudaStreamNonBlocking));
}

Stream::~Stream()
{
    if (m_stream)
        cudaStreamDestroy(m_stream);
}

void Stream::synchronize() const
{
    checkCuda(cudaStreamSynchronize(m_stream));
}

} // namespace mmfree::cuda
