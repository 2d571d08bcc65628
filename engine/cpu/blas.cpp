#include "engine/cpu/blas.h"

#include <cblas.h>

namespace mmfree::cpu
{

void useSingleThreadedBlas()
{
    openblas_set_num_threads(1);
}

void multiply(const MatrixProduct& p)
{
    if (p.m == 0 || p.n == 0)
        return;
    cblas_sgemm(CblasRowMajor, p.transposeA ? CblasTrans : CblasNoTrans,
                p.transposeB ? CblasTrans : CblasNoTrans, static_cast<int>(p.m), static_cast<int>(p.n),
                static_cast<int>(p.k), p.alpha, p.a, static_cast<int>(p.strideA), p.b,
                static_cast<int>(p.strideB), p.beta, p.c, static_cast<int>(p.strideC));
}

} // namespace mmfree::cpu
