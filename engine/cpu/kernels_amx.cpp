// Kernels for AVX-512 with AMX int8 tiles (Sapphire Rapids and later): the AVX-512 kernels with the blocked
// product on tiles. The process must have asked Linux for the tile state (cpu_features.cpp).
#include "engine/cpu/kernel_table.h"

#include <immintrin.h>

namespace mmfree::cpu
{

namespace amx
{
#include "engine/cpu/vector_avx512.inl.h"

#include "engine/cpu/float_kernels.inl.h"

#include "engine/cpu/dense_kernels.inl.h"

#include "engine/cpu/training_kernels.inl.h"

#include "engine/cpu/float_table.inl.h"

#include "engine/cpu/words_avx512.inl.h"

#include "engine/cpu/ternary_panels.inl.h"
#include "engine/cpu/ternary_vnni.inl.h"

#include "engine/cpu/ternary_amx.inl.h"

static KernelTable makeTable()
{
    KernelTable table = tableOfFloatKernels("amx");
    table.gemvTwoBit = gemvTwoBit;
    table.gemvBase3 = gemvBase3;
    table.gemmTwoBit = tileGemm<unpackTwoBit>;
    table.gemmBase3 = tileGemm<unpackBase3>;
    table.gemmTokens = 16;
    table.gemmNeedsTiles = false;
    return table;
}
} // namespace amx

const KernelTable* amxKernels()
{
    static const KernelTable table = amx::makeTable();
    return &table;
}

} // namespace mmfree::cpu
