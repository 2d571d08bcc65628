#include "engine/analysis/npy_file.h"

#include "engine/core/error.h"

#include <cassert>
#include <string>

namespace mmfree
{

NpyWriter::NpyWriter(const std::filesystem::path& path, DType dtype, const Shape& shape)
    : m_file(path)
    , m_dtype(dtype)
    , m_expected(elementCount(shape))
{
    if (dtype != DType::F32 && dtype != DType::I8)
        throw Error(ErrorCode::InvalidArgument,
                    path.string() + ": dtype is " + std::string(dtypeName(dtype)) + ", needed: F32 or I8");
    std::string dimensions;
    for (const std::int64_t size : shape)
        dimensions += std::to_string(size) + ", ";
    if (shape.size() > 1)
        dimensions.resize(dimensions.size() - 2);
    std::string header = std::string("{'descr': '") + (dtype == DType::F32 ? "<f4" : "|i1") +
                         "', 'fortran_order': False, 'shape': (" + dimensions + "), }";
    const std::size_t unpadded = 10 + header.size() + 1;
    header.append((64 - unpadded % 64) % 64, ' ');
    header += '\n';
    std::string preamble("\x93NUMPY\x01\x00", 8);
    preamble += static_cast<char>(header.size() & 0xff);
    preamble += static_cast<char>(header.size() >> 8);
    m_file.write(preamble + header);
}

void NpyWriter::write(std::span<const float> values)
{
    assert(m_dtype == DType::F32);
    m_file.write(std::as_bytes(values));
    m_written += static_cast<std::int64_t>(values.size());
}

void NpyWriter::write(std::span<const std::int8_t> values)
{
    assert(m_dtype == DType::I8);
    m_file.write(std::as_bytes(values));
    m_written += static_cast<std::int64_t>(values.size());
}

void NpyWriter::finish()
{
    assert(m_written == m_expected);
    m_file.commit();
}

} // namespace mmfree
