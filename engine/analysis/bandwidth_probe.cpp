#include "engine/analysis/bandwidth_probe.h"

#include "engine/analysis/environment.h"
#include "engine/analysis/measure_together.h"
#include "engine/core/thread_pool.h"

#include <algorithm>
#include <atomic>

namespace mmfree
{

namespace
{

constexpr std::size_t kWordsPerStep = 32; // four cache lines, so that several loads are always in flight

// 32-byte vectors; the compiler splits them where the machine has only 16-byte ones.
using Words = std::uint64_t __attribute__((vector_size(32)));

inline __attribute__((always_inline)) std::uint64_t sumOf(const std::uint64_t* words, std::size_t count)
{
    Words sums[8] = {};
    for (std::size_t i = 0; i + kWordsPerStep <= count; i += kWordsPerStep) {
        const auto* vectors = reinterpret_cast<const Words*>(words + i);
        for (int lane = 0; lane < 8; ++lane)
            sums[lane] += vectors[lane];
    }
    std::uint64_t total = 0;
    for (const Words& sum : sums)
        total += sum[0] + sum[1] + sum[2] + sum[3];
    return total;
}

std::uint64_t readBaseline(const std::uint64_t* words, std::size_t count)
{
    return sumOf(words, count);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::uint64_t readAvx2(const std::uint64_t* words, std::size_t count)
{
    return sumOf(words, count);
}
#endif

std::uint64_t readWords(const std::uint64_t* words, std::size_t count)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return readAvx2(words, count);
#endif
    return readBaseline(words, count);
}

std::size_t bufferWords(std::uint64_t leastBytes)
{
    constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
    const std::uint64_t allowed = std::max<std::uint64_t>(availableMemoryBytes() / 4, kGiB / 16);
    const std::uint64_t bytes = std::min(std::max(leastBytes, kGiB), allowed);
    return static_cast<std::size_t>(bytes / sizeof(std::uint64_t) / kWordsPerStep * kWordsPerStep);
}

} // namespace

BandwidthProbe::BandwidthProbe(int threads, std::uint64_t leastBytes)
    : m_threads(threads > 0 ? threads : availableCores())
    , m_buffer(bufferWords(leastBytes))
{
    // Untouched pages would all be the kernel's one zero page, which stays in the cache.
    for (std::size_t i = 0; i < m_buffer.size(); i += 8)
        m_buffer[i] = i;
}

double BandwidthProbe::measureGBPerSecond()
{
    const std::size_t blocks = m_buffer.size() / kWordsPerStep;
    std::atomic<std::uint64_t> sum{0};
    const double bytesPerSecond = measureTogether(m_threads, [&](int thread) {
        const auto part = static_cast<std::size_t>(thread), parts = static_cast<std::size_t>(m_threads);
        const std::size_t first = blocks * part / parts, last = blocks * (part + 1) / parts;
        const std::size_t words = (last - first) * kWordsPerStep;
        sum += readWords(m_buffer.data() + first * kWordsPerStep, words);
        return static_cast<double>(words * sizeof(std::uint64_t));
    });
    m_sum += sum;
    return bytesPerSecond * 1e-9;
}

} // namespace mmfree
