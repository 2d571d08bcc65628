// The device's layout of packed ternary weights and the kernel that makes it from the neutral form.
//
// Rows are taken four at a time (a quad) and columns 512 at a time (a step). One quad x step is a block of
// 512 contiguous bytes, [32 lanes][4 rows] 32-bit words; the word of lane l and row r holds the codes of
// columns 16 l .. 16 l + 15 of the step: column 16 l + 4 k + b sits in byte b, bits 2 k and 2 k + 1. One
// 16-byte load per lane thus brings a warp four rows x 512 columns, and `word & (0x03030303 << 2 k)` is four
// codes (times 4^k) in the order of four consecutive activations, ready for dp4a or an 8-bit tensor-core
// operand.
//
// Several matrices with equal shapes that are used together are interleaved quad by quad (`matrices` per
// quad), so that the processor that owns a range of channels finds all their rows in one contiguous stretch.
// Padding rows and columns hold code 1 (weight 0).
#pragma once

#include "engine/model/ternary_tensor.h"

#include <cuda_runtime_api.h>

#include <cstdint>

namespace mmfree::cuda
{

inline constexpr int kQuadRows = 4;
inline constexpr int kStepColumns = 512;
inline constexpr int kBlockBytes = 512;

[[nodiscard]] constexpr std::int64_t ceilDivide(std::int64_t a, std::int64_t b)
{
    return (a + b - 1) / b;
}

struct PackedShape {
    std::int64_t rows = 0; // of one matrix
    std::int64_t cols = 0;
    int matrices = 1; // interleaved

    [[nodiscard]] std::int64_t quads() const { return ceilDivide(rows, kQuadRows); }
    [[nodiscard]] std::int64_t steps() const { return ceilDivide(cols, kStepColumns); }
    [[nodiscard]] std::int64_t paddedCols() const { return steps() * kStepColumns; }
    [[nodiscard]] std::int64_t blocks() const { return quads() * matrices * steps(); }
    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(blocks()) * kBlockBytes; }
};

// Writes matrix `which` of `shape` at `packed` (device, shape.bytes()) from rows of neutral codes (device,
// [rows, rowBytes]; source row `firstRow` is row 0). Asynchronous on `stream`.
void launchPackTernary(const std::uint8_t* codes, std::int64_t rowBytes, std::int64_t firstRow,
                       const PackedShape& shape, int which, void* packed, cudaStream_t stream);

} // namespace mmfree::cuda
