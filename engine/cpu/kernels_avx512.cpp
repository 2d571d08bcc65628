// Kernels for AVX-512 with VNNI and VBMI (Ice Lake, Zen 4 and later).
#include "engine/cpu/kernel_table.h"

#include <immintrin.h>

namespace mmfree::cpu
{

namespace avx512
{
#include "engine/cpu/vector_avx512.inl.h"

#include "engine/cpu/float_kernels.inl.h"

#include "engine/cpu/dense_kernels.inl.h"

#include "engine/cpu/training_kernels.inl.h"

#include "engine/cpu/float_table.inl.h"

#include "engine/cpu/words_avx512.inl.h"

#include "engine/cpu/ternary_panels.inl.h"
#include "engine/cpu/ternary_vnni.inl.h"

static KernelTable makeTable()
{
    KernelTable table = tableOfFloatKernels("avx512vnni");
    table.gemvTwoBit = gemvTwoBit;
    table.gemvBase3 = gemvBase3;
    table.gemmTwoBit = gemm<unpackTwoBit>;
    table.gemmBase3 = gemm<unpackBase3>;
    table.gemmTokens = 24;
    table.gemmNeedsTiles = true;
    return table;
}
} // namespace avx512

const KernelTable* avx512Kernels()
{
    static const KernelTable table = avx512::makeTable();
    return &table;
}

} // namespace mmfree::cpu
