// Owning arrays in device and pinned host memory, and the check every CUDA runtime call goes through. Used by
// this room's host code only. All functions act on the current device of the calling thread.
#pragma once

#include "engine/core/error.h"

#include <cuda_runtime_api.h>

#include <cstddef>
#include <source_location>
#include <span>
#include <string>
#include <utility>

namespace mmfree::cuda
{

// Throws Error{Unavailable} with CUDA's own words and the place in the source when `status` is a failure.
void checkCuda(cudaError_t status, std::source_location where = std::source_location::current());

// Throws Error{OutOfMemory} naming `purpose`, the bytes needed and the bytes free; the context stays usable.
[[nodiscard]] void* allocateDevice(std::size_t bytes, const std::string& purpose);
[[nodiscard]] void* allocatePinned(std::size_t bytes, const std::string& purpose);
void freeDevice(void* memory) noexcept;
void freePinned(void* memory) noexcept;

// Uninitialised device memory for `size` values of T.
template <class T>
class DeviceArray
{
public:
    DeviceArray() = default;
    DeviceArray(std::size_t size, const std::string& purpose)
        : m_data(size ? static_cast<T*>(allocateDevice(size * sizeof(T), purpose)) : nullptr)
        , m_size(size)
    {
    }
    DeviceArray(DeviceArray&& other) noexcept
        : m_data(std::exchange(other.m_data, nullptr))
        , m_size(std::exchange(other.m_size, 0))
    {
    }
    DeviceArray& operator=(DeviceArray&& other) noexcept
    {
        std::swap(m_data, other.m_data);
        std::swap(m_size, other.m_size);
        return *this;
    }
    ~DeviceArray() { freeDevice(m_data); }

    [[nodiscard]] T* data() { return m_data; }
    [[nodiscard]] const T* data() const { return m_data; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] std::size_t bytes() const { return m_size * sizeof(T); }

private:
    T* m_data = nullptr;
    std::size_t m_size = 0;
};

// Page-locked host memory that kernels may also read and write directly.
template <class T>
class PinnedArray
{
public:
    PinnedArray() = default;
    PinnedArray(std::size_t size, const std::string& purpose)
        : m_data(size ? static_cast<T*>(allocatePinned(size * sizeof(T), purpose)) : nullptr)
        , m_size(size)
    {
    }
    PinnedArray(PinnedArray&& other) noexcept
        : m_data(std::exchange(other.m_data, nullptr))
        , m_size(std::exchange(other.m_size, 0))
    {
    }
    PinnedArray& operator=(PinnedArray&& other) noexcept
    {
        std::swap(m_data, other.m_data);
        std::swap(m_size, other.m_size);
        return *this;
    }
    ~PinnedArray() { freePinned(m_data); }

    [[nodiscard]] T* data() { return m_data; }
    [[nodiscard]] const T* data() const { return m_data; }
    [[nodiscard]] std::size_t size() const { return m_size; }
    [[nodiscard]] std::span<T> span() { return {m_data, m_size}; }

private:
    T* m_data = nullptr;
    std::size_t m_size = 0;
};

// A stream of its own; work queued on it is ordered.
class Stream
{
public:
    Stream();
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    [[nodiscard]] cudaStream_t get() const { return m_stream; }
    void synchronize() const;

private:
    cudaStream_t m_stream = nullptr;
};

} // namespace mmfree::cuda
