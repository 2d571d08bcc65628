// NumPy's .npy files (format 1.0, little-endian, C order) of matrices, written row by row and atomically.
#pragma once

#include "engine/core/atomic_file.h"
#include "engine/core/types.h"

#include <filesystem>
#include <span>

namespace mmfree
{

class NpyWriter
{
public:
    // `dtype` F32 or I8. Throws InvalidArgument for others, Io like AtomicFile.
    NpyWriter(const std::filesystem::path& path, DType dtype, const Shape& shape);
    void write(std::span<const float> values);       // F32
    void write(std::span<const std::int8_t> values); // I8
    void finish(); // checks that shape's elements were written, then commits

private:
    AtomicFile m_file;
    DType m_dtype;
    std::int64_t m_expected, m_written = 0;
};

} // namespace mmfree
