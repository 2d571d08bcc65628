// Kernels in plain C++ for any processor: what other variants are compared with.
#include "engine/cpu/kernel_table.h"

namespace mmfree::cpu
{

namespace portable
{
#include "engine/cpu/vector_portable.inl.h"

#include "engine/cpu/float_kernels.inl.h"

#include "engine/cpu/dense_kernels.inl.h"

#include "engine/cpu/training_kernels.inl.h"

#include "engine/cpu/float_table.inl.h"

#include "engine/cpu/ternary_portable.inl.h"

static KernelTable makeTable()
{
    KernelTable table = tableOfFloatKernels("portable");
    table.gemvTwoBit = table.gemmTwoBit = product<unpackTwoBit, kTwoBitStepColumns>;
    table.gemvBase3 = table.gemmBase3 = product<unpackBase3, kBase3StepColumns>;
    table.gemmTokens = 1;
    table.gemvNeedsScratch = true;
    return table;
}
} // namespace portable

const KernelTable* portableKernels()
{
    static const KernelTable table = portable::makeTable();
    return &table;
}

} // namespace mmfree::cpu
