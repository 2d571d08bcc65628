// Dense matrix products of bf16 values with f32 sums through cuBLASLt, used by training and the dense model.
// The library is looked for at run time, so programs start without it; available() says whether it is there.
#pragma once

#include "engine/cuda/device_memory.h"

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>

namespace mmfree::cuda
{

// D (= or +=) op(A) op(B) over row-major matrices. op(A) is [rows, inner], op(B) [inner, cols].
struct ProductShape {
    bool transposeA = false, transposeB = false; // whether A, B are stored the other way round
    std::int64_t rows = 0, cols = 0, inner = 0;
    std::int64_t strideA = 0, strideB = 0, strideD = 0; // elements between stored rows
    int batch = 1;
    std::int64_t batchA = 0, batchB = 0, batchD = 0; // elements between the matrices of a batch
    bool floatOutput = false;                        // D is f32 instead of bf16
    bool accumulate = false;                         // D += instead of D =
    bool scaled = false;                             // the product is multiplied by a device scalar first

    [[nodiscard]] auto key() const
    {
        return std::make_tuple(transposeA, transposeB, rows, cols, inner, strideA, strideB, strideD, batch,
                               batchA, batchB, batchD, floatOutput, accumulate, scaled);
    }
};

// What every row of the operands starts on, in bytes, at most 16.
struct ProductAlignment {
    std::uint32_t a = 16, b = 16, d = 16;
    [[nodiscard]] auto key() const { return std::make_tuple(a, b, d); }
};

// Belongs to one stream. The algorithm of a shape is the library's first choice, never a measured one, so
// that the same calls give the same bits.
class MatrixProducts
{
public:
    // Throws Unavailable when the library cannot be loaded.
    explicit MatrixProducts(cudaStream_t stream);
    ~MatrixProducts();
    MatrixProducts(const MatrixProducts&) = delete;
    MatrixProducts& operator=(const MatrixProducts&) = delete;

    [[nodiscard]] static bool available();
    [[nodiscard]] static std::string libraryName();

    // a, b: bf16 device memory; d: f32 or bf16; scale: device, with shape.scaled. Asynchronous on the stream.
    void multiply(const ProductShape& shape, const void* a, const void* b, void* d,
                  const float* scale = nullptr);
    [[nodiscard]] std::size_t bytes() const { return m_workspace.bytes(); }

private:
    struct Library;
    struct Plan;
    static const Library& library();
    using Key = decltype(std::tuple_cat(ProductShape{}.key(), ProductAlignment{}.key()));
    Plan& plan(const ProductShape& shape, const ProductAlignment& alignment);

    cudaStream_t m_stream;
    void* m_handle = nullptr;
    DeviceArray<std::byte> m_workspace;
    DeviceArray<float> m_constants; // 0 and 1
    std::map<Key, std::unique_ptr<Plan>> m_plans;
};

} // namespace mmfree::cuda
