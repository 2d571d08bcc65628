// Element types, shapes and the float conversions every reader of weights uses. The block loops are plain
// enough for the compiler to vectorise; they read unaligned bytes because safetensors headers have any
// length.
#include "engine/core/types.h"

#include "engine/core/error.h"

#include <array>
#include <bit>
#include <cassert>
#include <cstring>

namespace mmfree
{

namespace
{

struct DTypeEntry {
    DType dtype;
    std::string_view name;
    std::size_t size;
};

constexpr std::array<DTypeEntry, 9> kDTypes = {{
    {DType::F32, "F32", 4},
    {DType::F16, "F16", 2},
    {DType::BF16, "BF16", 2},
    {DType::I64, "I64", 8},
    {DType::I32, "I32", 4},
    {DType::I16, "I16", 2},
    {DType::I8, "I8", 1},
    {DType::U8, "U8", 1},
    {DType::Bool, "BOOL", 1},
}};

template <float (*Convert)(std::uint16_t)>
void convertHalves(const std::byte* bytes, std::span<float> out)
{
    const std::size_t count = out.size();
    float* target = out.data();
    for (std::size_t i = 0; i < count; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, bytes + 2 * i, sizeof(bits));
        target[i] = Convert(bits);
    }
}

inline float widenHalf(std::uint16_t bits)
{
    // Exponent and mantissa moved to their f32 places, then rescaled by 2^112 (difference of the biases); the
    // multiplication also normalises subnormal halves. Infinity and NaN get the f32 exponent afterwards.
    const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7FFFu) << 13;
    std::uint32_t result = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
    result |= magnitude >= 0x0F800000u ? 0x7F800000u : 0u;
    return std::bit_cast<float>(result | static_cast<std::uint32_t>(bits & 0x8000u) << 16);
}

inline float widenBfloat16(std::uint16_t bits)
{
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

} // namespace

std::size_t dtypeSize(DType dtype)
{
    return kDTypes[static_cast<std::size_t>(dtype)].size;
}

std::string_view dtypeName(DType dtype)
{
    return kDTypes[static_cast<std::size_t>(dtype)].name;
}

bool parseDType(std::string_view name, DType& out)
{
    for (const DTypeEntry& entry : kDTypes) {
        if (entry.name == name) {
            out = entry.dtype;
            return true;
        }
    }
    return false;
}

std::int64_t elementCount(const Shape& shape)
{
    std::int64_t count = 1;
    for (const std::int64_t size : shape)
        count *= size;
    return count;
}

std::string shapeText(const Shape& shape)
{
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); ++i)
        text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

float halfToFloat(std::uint16_t bits)
{
    return widenHalf(bits);
}

std::uint16_t floatToHalf(float value)
{
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint16_t sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
    std::uint32_t magnitude = bits & 0x7FFFFFFFu;
    std::uint32_t half;
    if (magnitude > 0x7F800000u) {
        half = 0x7E00u; // quiet NaN
    } else if (magnitude >= 0x47800000u) {
        half = 0x7C00u; // 65536 and above, infinity
    } else if (magnitude < 0x38800000u) {
        // Below 2^-14 the result is subnormal: adding 0.5 lines the 2^-24 steps up with the last mantissa
        // bit, and the addition rounds to nearest even.
        half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000u;
    } else {
        magnitude += 0xFFFu + ((magnitude >> 13) & 1u);
        half = (magnitude - (112u << 23)) >> 13;
    }
    return static_cast<std::uint16_t>(half | sign);
}

float bfloat16ToFloat(std::uint16_t bits)
{
    return widenBfloat16(bits);
}

std::uint16_t floatToBfloat16(float value)
{
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return static_cast<std::uint16_t>((bits >> 16) | 0x40u); // stays NaN, quiet
    return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

void copyToFloat(const TensorView& tensor, std::int64_t first, std::span<float> out)
{
    assert(first >= 0 &&
           (static_cast<std::size_t>(first) + out.size()) * dtypeSize(tensor.dtype) <= tensor.bytes.size());
    if (out.empty())
        return;
    const std::byte* bytes = tensor.bytes.data() + static_cast<std::size_t>(first) * dtypeSize(tensor.dtype);
    switch (tensor.dtype) {
    case DType::F32:
        std::memcpy(out.data(), bytes, out.size_bytes());
        return;
    case DType::F16:
        convertHalves<widenHalf>(bytes, out);
        return;
    case DType::BF16:
        convertHalves<widenBfloat16>(bytes, out);
        return;
    default:
        throw Error(ErrorCode::InvalidArgument, "tensor has dtype " + std::string(dtypeName(tensor.dtype)) +
                                                    ", needed: F32, F16 or BF16");
    }
}

} // namespace mmfree
