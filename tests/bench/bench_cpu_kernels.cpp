// Single ternary products of every instruction-set variant, for tuning: decode from memory (a working set
// larger than the caches) and from cache, prefill, and a bare read of the same bytes as the limit.
//   bench_cpu_kernels --benchmark_filter=gemv/avx512vnni --benchmark_min_time=0.5
#include "engine/core/random.h"
#include "engine/cpu/cpu_features.h"
#include "engine/cpu/cpu_operators.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <vector>

using namespace mmfree;
using namespace mmfree::cpu;

namespace
{

TernaryTensor randomTensor(std::int64_t rows, std::int64_t cols)
{
    TernaryTensor tensor;
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.scale = 0.01f;
    tensor.storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(rows * tensor.rowBytes()));
    Random random(1);
    for (std::size_t i = 0; i < tensor.storage.size(); ++i) {
        const std::uint64_t bits = random.bits();
        tensor.storage[i] = static_cast<std::uint8_t>(bits % 3 | (bits >> 8) % 3 << 2 |
                                                      (bits >> 16) % 3 << 4 | (bits >> 24) % 3 << 6);
    }
    tensor.codes = tensor.storage.span();
    return tensor;
}

struct Setup {
    CpuOperators ops;
    std::vector<TernaryMatrix> matrices;
    Quantized quantized;
    std::vector<float> out;

    Setup(const KernelTable& kernels, const benchmark::State& state, std::int64_t tokens, std::int64_t copies)
        : ops(kernels, static_cast<int>(state.range(2)),
              state.range(3) == 5 ? WeightPacking::Base3 : WeightPacking::TwoBit)
        , quantized(tokens, state.range(1))
        , out(static_cast<std::size_t>(tokens * state.range(0)))
    {
        const TernaryTensor tensor = randomTensor(state.range(0), state.range(1));
        for (std::int64_t i = 0; i < copies; ++i)
            matrices.push_back(ops.makeTernary(tensor));
        Random random(2);
        std::vector<float> x(static_cast<std::size_t>(tokens * state.range(1)));
        for (float& value : x)
            value = static_cast<float>(random.normal());
        const std::vector<float> ones(static_cast<std::size_t>(state.range(1)), 1.0f);
        ops.rmsNormQuantize(x.data(), ones.data(), 1e-6f, tokens, state.range(1), quantized);
    }
};

// rows, cols, threads, packing (2 or 5), megabytes of weights walked through
void gemv(benchmark::State& state, const KernelTable* kernels)
{
    const std::int64_t matrixBytes = state.range(0) * state.range(1) / 4;
    const std::int64_t copies = std::max<std::int64_t>(1, state.range(4) * 1000000 / matrixBytes);
    Setup setup(*kernels, state, 1, copies);
    for (auto _ : state) {
        for (const TernaryMatrix& matrix : setup.matrices)
            setup.ops.ternaryLinear(setup.quantized, 1, matrix, setup.out.data());
    }
    const double weights = static_cast<double>(state.iterations() * copies * state.range(0) * state.range(1));
    const double bytes = static_cast<double>(state.iterations()) * static_cast<double>(copies) *
                         static_cast<double>(setup.matrices[0].bytes());
    state.counters["Gw/s"] = benchmark::Counter(weights * 1e-9, benchmark::Counter::kIsRate);
    state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsRate);
}

// rows, cols, threads, packing, tokens
void gemm(benchmark::State& state, const KernelTable* kernels)
{
    Setup setup(*kernels, state, state.range(4), 1);
    for (auto _ : state)
        setup.ops.ternaryLinear(setup.quantized, state.range(4), setup.matrices[0], setup.out.data());
    const double products =
        static_cast<double>(state.iterations() * state.range(0) * state.range(1) * state.range(4));
    state.counters["GOPS"] = benchmark::Counter(2e-9 * products, benchmark::Counter::kIsRate);
}

// threads, megabytes: sums 64-bit words, the fastest a core can read them
void readProbe(benchmark::State& state)
{
    ThreadPool pool(static_cast<int>(state.range(0)));
    AlignedBuffer<std::uint64_t> memory(static_cast<std::size_t>(state.range(1)) * 1000000 / 8);
    std::fill(memory.data(), memory.data() + memory.size(), 1);
    std::vector<std::uint64_t> sums(64);
    for (auto _ : state) {
        pool.parallelFor(static_cast<std::int64_t>(memory.size()), 8192,
                         [&](std::int64_t begin, std::int64_t end) {
                             std::uint64_t lanes[64] = {};
                             for (std::int64_t i = begin; i + 64 <= end; i += 64) {
                                 for (std::int64_t lane = 0; lane < 64; ++lane)
                                     lanes[lane] += memory[i + lane];
                             }
                             std::uint64_t total = 0;
                             for (const std::uint64_t lane : lanes)
                                 total += lane;
                             benchmark::DoNotOptimize(total);
                         });
    }
    const double bytes = static_cast<double>(state.iterations()) * static_cast<double>(memory.bytes());
    state.counters["GB/s"] = benchmark::Counter(bytes * 1e-9, benchmark::Counter::kIsRate);
}

void registerAll()
{
    for (const KernelTable* kernels : usableKernels()) {
        auto* decode =
            benchmark::RegisterBenchmark(("gemv/" + std::string(kernels->name)).c_str(), gemv, kernels);
        auto* prefill =
            benchmark::RegisterBenchmark(("gemm/" + std::string(kernels->name)).c_str(), gemm, kernels);
        for (benchmark::internal::Benchmark* bench : {decode, prefill})
            bench->UseRealTime()->Unit(benchmark::kMicrosecond);
        for (const std::int64_t threads : {1, 2}) {
            for (const std::int64_t packing : {2, 5}) {
                decode->Args({1024, 1024, threads, packing, 0}); // in cache
                for (const auto& [rows, cols] : std::vector<std::pair<std::int64_t, std::int64_t>>{
                         {5632, 1024}, {11264, 2048}, {13824, 2560}, {2560, 6912}})
                    decode->Args({rows, cols, threads, packing, 1200});
                for (const std::int64_t tokens : {4, 8, 16, 64, 512})
                    prefill->Args({2560, 2560, threads, packing, tokens});
            }
        }
    }
    for (const std::int64_t threads : {1, 2})
        benchmark::RegisterBenchmark("read", readProbe)->Args({threads, 1200})->UseRealTime();
}

} // namespace

int main(int argc, char** argv)
{
    registerAll();
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
