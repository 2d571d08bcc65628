// Kernels for AVX2 with F16C (x86-64-v3). Compiled with those flags; nothing else may be.
#include "engine/cpu/kernel_table.h"

#include <immintrin.h>

namespace mmfree::cpu
{

namespace avx2
{
#include "engine/cpu/vector_avx2.inl.h"

#include "engine/cpu/float_kernels.inl.h"

#include "engine/cpu/dense_kernels.inl.h"

#include "engine/cpu/training_kernels.inl.h"

#include "engine/cpu/float_table.inl.h"

#include "engine/cpu/words_avx2.inl.h"

#include "engine/cpu/ternary_panels.inl.h"
#include "engine/cpu/ternary_avx2.inl.h"

static KernelTable makeTable()
{
    KernelTable table = tableOfFloatKernels("avx2");
    table.gemvTwoBit = gemvTwoBit;
    table.gemvBase3 = gemvBase3;
    table.gemmTwoBit = gemm<unpackTwoBit>;
    table.gemmBase3 = gemm<unpackBase3>;
    table.gemmTokens = 12;
    table.gemmNeedsTiles = true;
    return table;
}
} // namespace avx2

const KernelTable* avx2Kernels()
{
    static const KernelTable table = avx2::makeTable();
    return &table;
}

} // namespace mmfree::cpu
