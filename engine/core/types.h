// Plain types shared by every room: token ids, element types and borrowed tensor views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

using TokenId = std::int32_t;
using Shape = std::vector<std::int64_t>; // outermost dimension first

enum class DType { F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

[[nodiscard]] std::size_t dtypeSize(DType dtype);                 // bytes per element
[[nodiscard]] std::string_view dtypeName(DType dtype);            // as written in safetensors, e.g. "BF16"
[[nodiscard]] bool parseDType(std::string_view name, DType& out); // false: not a dtype this program reads

[[nodiscard]] std::int64_t elementCount(const Shape& shape);
[[nodiscard]] std::string shapeText(const Shape& shape); // "[2, 24, 320]"

// Borrowed, read-only, dense row-major tensor. The owner of `bytes` (usually a mapped file) must outlive it.
struct TensorView {
    DType dtype = DType::F32;
    Shape shape;
    std::span<const std::byte> bytes; // elementCount(shape) * dtypeSize(dtype); may be unaligned
};

[[nodiscard]] float halfToFloat(std::uint16_t bits);
[[nodiscard]] std::uint16_t floatToHalf(float value); // round to nearest even
[[nodiscard]] float bfloat16ToFloat(std::uint16_t bits);
[[nodiscard]] std::uint16_t floatToBfloat16(float value); // round to nearest even, NaN stays NaN

// Converts `count` floating-point elements from element `first` of `tensor` to f32. Throws InvalidArgument
// for integer dtypes.
void copyToFloat(const TensorView& tensor, std::int64_t first, std::span<float> out);

} // namespace mmfree
