// Single-threaded matrix products by OpenBLAS on row-major f32. The operators cut a product into fixed blocks
// and run one call per block over their own pool: results then depend neither on the thread count nor on
// another pool.
#pragma once

#include <cstdint>

namespace mmfree::cpu
{

// Makes OpenBLAS run every call on the thread that makes it. Process-wide, idempotent; called by the
// operators.
void useSingleThreadedBlas();

// c [m, n] = alpha * op(a) op(b) + beta * c; a is [m, k] (or [k, m] when transposeA), b [k, n] (or [n, k]).
// Strides are floats between rows as stored.
struct MatrixProduct {
    bool transposeA = false, transposeB = false;
    std::int64_t m = 0, n = 0, k = 0;
    float alpha = 1.0f, beta = 0.0f;
    const float* a = nullptr;
    const float* b = nullptr;
    float* c = nullptr;
    std::int64_t strideA = 0, strideB = 0, strideC = 0;
};
void multiply(const MatrixProduct& product);

} // namespace mmfree::cpu
