#include "engine/analysis/ceiling_probe.h"

#include "engine/analysis/bandwidth_probe.h"
#include "engine/analysis/measure_together.h"
#include "engine/core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace mmfree
{

namespace
{

// Runs about `kOperations` operations and returns how many; results go to `sink` so that they are not
// removed.
using Burst = std::int64_t (*)(std::atomic<float>& sink);

struct Candidate {
    const char* name;
    Burst burst;
};

constexpr int kSteps = 20000;

std::int64_t floatBaseline(std::atomic<float>& sink)
{
    using Lanes = float __attribute__((vector_size(16)));
    Lanes sums[8];
    for (int i = 0; i < 8; ++i)
        sums[i] = Lanes{1.0f, 2.0f, 3.0f, 4.0f} * static_cast<float>(i);
    Lanes factor{0.999f, 0.998f, 0.997f, 0.996f}, addend{0.1f, 0.2f, 0.3f, 0.4f};
    for (int step = 0; step < kSteps; ++step) {
        asm volatile("" ::: "memory");
        for (Lanes& sum : sums)
            sum = sum * factor + addend;
    }
    Lanes total{};
    for (const Lanes& sum : sums)
        total += sum;
    sink = sink + total[0];
    return std::int64_t{kSteps} * 8 * 4 * 2;
}

#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) std::int64_t floatAvx2(std::atomic<float>& sink)
{
    __m256 sums[12];
    for (int i = 0; i < 12; ++i)
        sums[i] = _mm256_set1_ps(static_cast<float>(i));
    const __m256 factor = _mm256_set1_ps(0.999f), addend = _mm256_set1_ps(0.1f);
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i)
            sums[i] = _mm256_fmadd_ps(sums[i], factor, addend);
    }
    float total = 0.0f;
    for (const __m256& sum : sums)
        total += _mm256_cvtss_f32(sum);
    sink = sink + total;
    return std::int64_t{kSteps} * 12 * 8 * 2;
}

__attribute__((target("avx512f"))) std::int64_t floatAvx512(std::atomic<float>& sink)
{
    __m512 sums[16];
    for (int i = 0; i < 16; ++i)
        sums[i] = _mm512_set1_ps(static_cast<float>(i));
    const __m512 factor = _mm512_set1_ps(0.999f), addend = _mm512_set1_ps(0.1f);
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i)
            sums[i] = _mm512_fmadd_ps(sums[i], factor, addend);
    }
    float total = 0.0f;
    for (const __m512& sum : sums)
        total += _mm512_cvtss_f32(sum);
    sink = sink + total;
    return std::int64_t{kSteps} * 16 * 16 * 2;
}

// Unsigned times signed bytes, pairs, then fours: what AVX2 has for int8.
__attribute__((target("avx2"))) std::int64_t integerAvx2(std::atomic<float>& sink)
{
    __m256i sums[8];
    for (int i = 0; i < 8; ++i)
        sums[i] = _mm256_set1_epi32(i);
    __m256i codes = _mm256_set1_epi8(1), values = _mm256_set1_epi8(3);
    const __m256i ones = _mm256_set1_epi16(1);
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
            asm volatile("" : "+x"(codes), "+x"(values)); // the product is made anew each time
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_maddubs_epi16(codes, values), ones));
        }
    }
    __m256i total = sums[0];
    for (const __m256i& sum : sums)
        total = _mm256_add_epi32(total, sum);
    sink = sink + static_cast<float>(_mm256_extract_epi32(total, 0));
    return std::int64_t{kSteps} * 8 * 32 * 2;
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) std::int64_t integerVnni(std::atomic<float>& sink)
{
    __m512i sums[16];
    for (int i = 0; i < 16; ++i)
        sums[i] = _mm512_set1_epi32(i);
    const __m512i codes = _mm512_set1_epi8(1), values = _mm512_set1_epi8(3);
    for (int step = 0; step < kSteps; ++step) {
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i)
            sums[i] = _mm512_dpbusd_epi32(sums[i], codes, values);
    }
    __m512i total = sums[0];
    for (const __m512i& sum : sums)
        total = _mm512_add_epi32(total, sum);
    std::int32_t out[16];
    _mm512_storeu_si512(out, total);
    sink = sink + static_cast<float>(out[0]);
    return std::int64_t{kSteps} * 16 * 64 * 2;
}

struct alignas(64) TileConfiguration {
    std::uint8_t palette = 1, startRow = 0, reserved[14] = {};
    std::uint16_t columnBytes[16] = {};
    std::uint8_t rows[16] = {};
};

__attribute__((target("amx-tile,amx-int8"))) std::int64_t integerAmx(std::atomic<float>& sink)
{
    TileConfiguration configuration;
    for (int i = 0; i < 8; ++i) {
        configuration.columnBytes[i] = 64;
        configuration.rows[i] = 16;
    }
    _tile_loadconfig(&configuration);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    constexpr int kRounds = kSteps / 20;
    for (int step = 0; step < kRounds; ++step) {
        _tile_dpbsud(0, 4, 6);
        _tile_dpbsud(1, 4, 7);
        _tile_dpbsud(2, 5, 6);
        _tile_dpbsud(3, 5, 7);
    }
    alignas(64) std::int32_t out[256];
    _tile_stored(0, out, 64);
    _tile_release();
    sink = sink + static_cast<float>(out[0]);
    return std::int64_t{kRounds} * 4 * 16 * 16 * 64 * 2;
}

// Linux gives the large tile state only to processes that ask for it.
bool mayUseTiles()
{
    constexpr int kRequest = 0x1023, kTileData = 18;
    return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

bool hasTileIntegers()
{
    unsigned a = 7, b = 0, c = 0, d = 0;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return ((d >> 24) & 1u) && ((d >> 25) & 1u); // AMX-TILE, AMX-INT8
}

#endif

Candidate floatCandidate()
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return {"AVX-512", floatAvx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return {"AVX2 FMA", floatAvx2};
#endif
    return {"128-bit vectors", floatBaseline};
}

std::vector<Candidate> integerCandidates()
{
    std::vector<Candidate> candidates;
#if defined(__x86_64__)
    if (hasTileIntegers() && mayUseTiles())
        candidates.push_back({"AMX int8", integerAmx});
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw"))
        candidates.push_back({"AVX-512 VNNI", integerVnni});
    if (__builtin_cpu_supports("avx2"))
        candidates.push_back({"AVX2", integerAvx2});
#endif
    return candidates;
}

// Best of several, so that a moment taken by another program does not lower the roof.
double gigaOpsPerSecond(Burst burst, int threads)
{
    double best = 0.0;
    for (int attempt = 0; attempt < 5; ++attempt) {
        std::atomic<float> sink{0.0f};
        best = std::max(best, measureTogether(threads, [&](int) {
                                  std::int64_t operations = 0;
                                  for (int i = 0; i < 40; ++i)
                                      operations += burst(sink);
                                  return static_cast<double>(operations);
                              }) * 1e-9);
    }
    return best;
}

} // namespace

Ceilings measureCeilings(int threads)
{
    Ceilings ceilings;
    ceilings.threads = threads > 0 ? threads : availableCores();
    const Candidate floats = floatCandidate();
    ceilings.floatInstruction = floats.name;
    ceilings.floatGigaOps = gigaOpsPerSecond(floats.burst, ceilings.threads);
    for (const Candidate& candidate : integerCandidates()) {
        const double speed = gigaOpsPerSecond(candidate.burst, ceilings.threads);
        if (speed > ceilings.integerGigaOps) {
            ceilings.integerGigaOps = speed;
            ceilings.integerInstruction = candidate.name;
        }
    }
    BandwidthProbe probe(ceilings.threads, 0);
    for (int attempt = 0; attempt < 5; ++attempt)
        ceilings.readGBPerSecond = std::max(ceilings.readGBPerSecond, probe.measureGBPerSecond());
    return ceilings;
}

} // namespace mmfree
