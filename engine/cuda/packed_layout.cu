#include "engine/cuda/device_memory.h"
#include "engine/cuda/packed_layout.h"

namespace mmfree::cuda
{

namespace
{

// One thread per 32-bit word of the output: 16 codes read as 4 bytes, transposed as a 4 x 4 matrix of 2-bit
// codes.
__global__ void packTernaryKernel(const std::uint8_t* codes, std::int64_t rowBytes, std::int64_t firstRow,
                                  std::int64_t rows, std::int64_t cols, std::int64_t quads,
                                  std::int64_t steps, int matrices, int which, std::uint32_t* packed)
{
    const std::int64_t words = quads * steps * (kBlockBytes / 4);
    for (std::int64_t word = blockIdx.x * std::int64_t(blockDim.x) + threadIdx.x; word < words;
         word += std::int64_t(gridDim.x) * blockDim.x) {
        const int rowInQuad = static_cast<int>(word % kQuadRows);
        const int lane = static_cast<int>(word / kQuadRows % 32);
        const std::int64_t step = word / (kBlockBytes / 4) % steps;
        const std::int64_t quad = word / (kBlockBytes / 4) / steps;
        const std::int64_t row = quad * kQuadRows + rowInQuad;
        const std::int64_t firstCol = step * kStepColumns + lane * 16;
        std::uint32_t out = 0x55555555u;
        if (row < rows) {
            out = 0;
            const std::uint8_t* source = codes + (firstRow + row) * rowBytes;
            for (int col = 0; col < 16; ++col) {
                std::uint32_t code = 1;
                if (firstCol + col < cols)
                    code = (source[(firstCol + col) / 4] >> (2 * (col % 4))) & 3u;
                out |= code << (8 * (col % 4) + 2 * (col / 4));
            }
        }
        packed[((quad * matrices + which) * steps + step) * (kBlockBytes / 4) + lane * kQuadRows +
               rowInQuad] = out;
    }
}

} // namespace

void launchPackTernary(const std::uint8_t* codes, std::int64_t rowBytes, std::int64_t firstRow,
                       const PackedShape& shape, int which, void* packed, cudaStream_t stream)
{
    const std::int64_t words = shape.quads() * shape.steps() * (kBlockBytes / 4);
    const unsigned blocks = static_cast<unsigned>(std::min<std::int64_t>(ceilDivide(words, 256), 65536));
    packTernaryKernel<<<blocks, 256, 0, stream>>>(codes, rowBytes, firstRow, shape.rows, shape.cols,
                                                  shape.quads(), shape.steps(), shape.matrices, which,
                                                  static_cast<std::uint32_t*>(packed));
    checkCuda(cudaGetLastError());
}

} // namespace mmfree::cuda
