// Kernels for AVX2 with AVX-VNNI (processors without AVX-512 since 2021).
#include "engine/cpu/kernel_table.h"

#include <immintrin.h>

namespace mmfree::cpu
{

namespace avxvnni
{
#include "engine/cpu/vector_avx2.inl.h"

#include "engine/cpu/float_kernels.inl.h"

#include "engine/cpu/dense_kernels.inl.h"

#include "engine/cpu/training_kernels.inl.h"

#include "engine/cpu/float_table.inl.h"

#include "engine/cpu/words_avx2.inl.h"

constexpr int64_t kMicroTokens = 6; // 12 accumulators of 16 registers

static inline void accumulate(Words& sums, Words codes, Words activations)
{
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums) : "x"(codes), "x"(activations));
}

#include "engine/cpu/ternary_panels.inl.h"
#include "engine/cpu/ternary_vnni.inl.h"

static KernelTable makeTable()
{
    KernelTable table = tableOfFloatKernels("avxvnni");
    table.gemvTwoBit = gemvTwoBit;
    table.gemvBase3 = gemvBase3;
    table.gemmTwoBit = gemm<unpackTwoBit>;
    table.gemmBase3 = gemm<unpackBase3>;
    table.gemmTokens = 16;
    table.gemmNeedsTiles = true;
    return table;
}
} // namespace avxvnni

const KernelTable* avxVnniKernels()
{
    static const KernelTable table = avxvnni::makeTable();
    return &table;
}

} // namespace mmfree::cpu
