// cuBLASLt counts columns first: a row-major product D = A B is computed as D' = B' A', where a stored
// row-major matrix is its own transpose.
#include "engine/cuda/matrix_products.h"

#include <cublasLt.h>
#include <dlfcn.h>

namespace mmfree::cuda
{

namespace
{

constexpr std::size_t kWorkspaceBytes = std::size_t{64} << 20; // room for sums split over the inner dimension

// Largest power of two up to 16 that every row of a matrix starts on.
std::uint32_t alignmentOf(const void* data, std::int64_t rowBytes, std::int64_t batchBytes)
{
    const std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(data) |
                                static_cast<std::uintptr_t>(rowBytes) |
                                static_cast<std::uintptr_t>(batchBytes) | 16u;
    return static_cast<std::uint32_t>(bits & (~bits + 1));
}

template <class F>
void load(void* library, F*& function, const char* name, bool& complete)
{
    function = reinterpret_cast<F*>(dlsym(library, name));
    complete = complete && function;
}

} // namespace

struct MatrixProducts::Library {
    void* handle = nullptr;
    bool complete = false;
    decltype(cublasLtCreate)* create = nullptr;
    decltype(cublasLtDestroy)* destroy = nullptr;
    decltype(cublasLtGetStatusString)* statusString = nullptr;
    decltype(cublasLtMatmulDescCreate)* descCreate = nullptr;
    decltype(cublasLtMatmulDescDestroy)* descDestroy = nullptr;
    decltype(cublasLtMatmulDescSetAttribute)* descSet = nullptr;
    decltype(cublasLtMatrixLayoutCreate)* layoutCreate = nullptr;
    decltype(cublasLtMatrixLayoutDestroy)* layoutDestroy = nullptr;
    decltype(cublasLtMatrixLayoutSetAttribute)* layoutSet = nullptr;
    decltype(cublasLtMatmulPreferenceCreate)* preferenceCreate = nullptr;
    decltype(cublasLtMatmulPreferenceDestroy)* preferenceDestroy = nullptr;
    decltype(cublasLtMatmulPreferenceSetAttribute)* preferenceSet = nullptr;
    decltype(cublasLtMatmulAlgoGetHeuristic)* heuristic = nullptr;
    decltype(cublasLtMatmul)* matmul = nullptr;

    Library()
    {
        handle = dlopen(libraryName().c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!handle)
            return;
        complete = true;
        load(handle, create, "cublasLtCreate", complete);
        load(handle, destroy, "cublasLtDestroy", complete);
        load(handle, statusString, "cublasLtGetStatusString", complete);
        load(handle, descCreate, "cublasLtMatmulDescCreate", complete);
        load(handle, descDestroy, "cublasLtMatmulDescDestroy", complete);
        load(handle, descSet, "cublasLtMatmulDescSetAttribute", complete);
        load(handle, layoutCreate, "cublasLtMatrixLayoutCreate", complete);
        load(handle, layoutDestroy, "cublasLtMatrixLayoutDestroy", complete);
        load(handle, layoutSet, "cublasLtMatrixLayoutSetAttribute", complete);
        load(handle, preferenceCreate, "cublasLtMatmulPreferenceCreate", complete);
        load(handle, preferenceDestroy, "cublasLtMatmulPreferenceDestroy", complete);
        load(handle, preferenceSet, "cublasLtMatmulPreferenceSetAttribute", complete);
        load(handle, heuristic, "cublasLtMatmulAlgoGetHeuristic", complete);
        load(handle, matmul, "cublasLtMatmul", complete);
    }

    void check(cublasStatus_t status, const char* what) const
    {
        if (status == CUBLAS_STATUS_SUCCESS)
            return;
        throw Error(ErrorCode::Unavailable, std::string("cuBLASLt: ") + what + ": " + statusString(status));
    }
};

struct MatrixProducts::Plan {
    const Library* library = nullptr;
    cublasLtMatmulDesc_t description = nullptr;
    cublasLtMatrixLayout_t first = nullptr, second = nullptr, out = nullptr; // B, A and D of the header
    cublasLtMatmulAlgo_t algorithm{};
    ~Plan()
    {
        for (const cublasLtMatrixLayout_t layout : {first, second, out}) {
            if (layout)
                library->layoutDestroy(layout);
        }
        if (description)
            library->descDestroy(description);
    }
};

std::string MatrixProducts::libraryName()
{
    return "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
}

const MatrixProducts::Library& MatrixProducts::library()
{
    static const Library loaded; // never unloaded: handles may outlive any one executor
    return loaded;
}

bool MatrixProducts::available()
{
    return library().complete;
}

MatrixProducts::MatrixProducts(cudaStream_t stream)
    : m_stream(stream)
{
    if (!available())
        throw Error(ErrorCode::Unavailable, "CUDA: " + libraryName() +
                                                " (matrix products, part of the CUDA toolkit) was not found, "
                                                "needed for training and the dense model on a GPU");
    m_workspace = DeviceArray<std::byte>(kWorkspaceBytes, "the workspace of matrix products");
    const float constants[2] = {0.0f, 1.0f};
    m_constants = DeviceArray<float>(2, "constants");
    checkCuda(cudaMemcpy(m_constants.data(), constants, sizeof(constants), cudaMemcpyHostToDevice));
    cublasLtHandle_t handle = nullptr;
    library().check(library().create(&handle), "cannot start");
    m_handle = handle;
}

MatrixProducts::~MatrixProducts()
{
    m_plans.clear();
    if (m_handle)
        library().destroy(static_cast<cublasLtHandle_t>(m_handle));
}

MatrixProducts::Plan& MatrixProducts::plan(const ProductShape& shape, const ProductAlignment& alignment)
{
    std::unique_ptr<Plan>& slot = m_plans[std::tuple_cat(shape.key(), alignment.key())];
    if (slot)
        return *slot;
    const Library& lt = library();
    auto made = std::make_unique<Plan>();
    made->library = &lt;
    lt.check(lt.descCreate(&made->description, CUBLAS_COMPUTE_32F, CUDA_R_32F), "description");
    const cublasOperation_t first = shape.transposeB ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = shape.transposeA ? CUBLAS_OP_T : CUBLAS_OP_N;
    lt.check(lt.descSet(made->description, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof(first)), "transpose");
    lt.check(lt.descSet(made->description, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof(second)),
             "transpose");
    if (shape.scaled) {
        const cublasLtPointerMode_t mode = CUBLASLT_POINTER_MODE_DEVICE;
        lt.check(lt.descSet(made->description, CUBLASLT_MATMUL_DESC_POINTER_MODE, &mode, sizeof(mode)),
                 "scale");
    }
    const auto layout = [&](cublasLtMatrixLayout_t& out, cudaDataType_t type, std::int64_t rowLength,
                            std::int64_t rows, std::int64_t stride, std::int64_t batchStride) {
        lt.check(lt.layoutCreate(&out, type, static_cast<std::uint64_t>(rowLength),
                                 static_cast<std::uint64_t>(rows), stride),
                 "layout");
        const std::int32_t batch = shape.batch;
        lt.check(lt.layoutSet(out, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof(batch)), "batch");
        lt.check(
            lt.layoutSet(out, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &batchStride, sizeof(batchStride)),
            "batch");
    };
    layout(made->first, CUDA_R_16BF, shape.transposeB ? shape.inner : shape.cols,
           shape.transposeB ? shape.cols : shape.inner, shape.strideB, shape.batchB);
    layout(made->second, CUDA_R_16BF, shape.transposeA ? shape.rows : shape.inner,
           shape.transposeA ? shape.inner : shape.rows, shape.strideA, shape.batchA);
    layout(made->out, shape.floatOutput ? CUDA_R_32F : CUDA_R_16BF, shape.cols, shape.rows, shape.strideD,
           shape.batchD);

    cublasLtMatmulPreference_t preference = nullptr;
    lt.check(lt.preferenceCreate(&preference), "preference");
    const std::size_t workspace = m_workspace.bytes();
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
        lt.check(lt.preferenceSet(preference, attribute, &value, sizeof(value)), "preference");
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment.b);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment.a);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment.d);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment.d);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status =
        lt.heuristic(static_cast<cublasLtHandle_t>(m_handle), made->description, made->first, made->second,
                     made->out, made->out, preference, 1, &found, &count);
    lt.preferenceDestroy(preference);
    lt.check(count == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status,
             "no algorithm for a matrix product");
    made->algorithm = found.algo;
    slot = std::move(made);
    return *slot;
}

void MatrixProducts::multiply(const ProductShape& shape, const void* a, const void* b, void* d,
                              const float* scale)
{
    const std::int64_t half = 2, out = shape.floatOutput ? 4 : 2;
    const Plan& chosen = plan(shape, {.a = alignmentOf(a, shape.strideA * half, shape.batchA * half),
                                      .b = alignmentOf(b, shape.strideB * half, shape.batchB * half),
                                      .d = alignmentOf(d, shape.strideD * out, shape.batchD * out)});
    const float hostConstants[2] = {0.0f, 1.0f};
    const float* constants = shape.scaled ? m_constants.data() : hostConstants;
    const float* alpha = shape.scaled ? scale : constants + 1;
    const float* beta = constants + (shape.accumulate ? 1 : 0);
    library().check(library().matmul(static_cast<cublasLtHandle_t>(m_handle), chosen.description, alpha, b,
                                     chosen.first, a, chosen.second, beta, d, chosen.out, d, chosen.out,
                                     &chosen.algorithm, m_workspace.data(), m_workspace.bytes(), m_stream),
                    "a matrix product failed");
}

} // namespace mmfree::cuda
