// BitLinear's weight quantiser and the two packings. Everything works on blocks of a few thousand values that
// stay in the first-level cache; the inner loops have no branches, so that the compiler vectorises them.
#include "engine/model/ternary_tensor.h"

#include "engine/core/error.h"
#include "engine/model/json_reader.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <string>

namespace mmfree
{

namespace
{

constexpr std::size_t kBlock = 4096; // values converted at a time; a multiple of 8
constexpr float kMinScale = 1e-5f;
constexpr int kWeightsPerByte = 5; // base 3: 3^5 = 243 values of a byte
constexpr unsigned kBase3Values = 243;

using Block = std::array<float, kBlock>;

// Sum of |x| in double. Eight fixed lanes: the same result on every machine, and vectorisable.
class AbsoluteSum
{
public:
    void add(std::span<const float> values)
    {
        std::array<double, kLanes> lanes = m_lanes; // a local copy stays in registers
        const float* value = values.data();
        const std::size_t whole = values.size() / kLanes * kLanes;
        for (std::size_t i = 0; i < whole; i += kLanes) {
            for (std::size_t lane = 0; lane < kLanes; ++lane)
                lanes[lane] += static_cast<double>(std::fabs(value[i + lane]));
        }
        for (std::size_t i = whole; i < values.size(); ++i)
            lanes[i - whole] += static_cast<double>(std::fabs(value[i]));
        m_lanes = lanes;
    }
    [[nodiscard]] double total() const
    {
        double sum = 0.0;
        for (const double lane : m_lanes)
            sum += lane;
        return sum;
    }

private:
    static constexpr std::size_t kLanes = 8;
    std::array<double, kLanes> m_lanes = {};
};

float scaleFromSum(double sum, std::int64_t count)
{
    return std::max(static_cast<float>(sum / static_cast<double>(std::max<std::int64_t>(count, 1))),
                    kMinScale);
}

// clamp(round_half_even(w / m), -1, 1) + 1 by two comparisons: a half rounds to the even 0, everything beyond
// it to 1 or more, which the clamp ends at 1.
inline int ternaryCode(float value, float inverseScale)
{
    const float scaled = value * inverseScale;
    return 1 + (scaled > 0.5f) - (scaled < -0.5f);
}

// `count` values (a multiple of 4) -> count / 4 bytes of 2-bit codes.
void packCodes(const float* values, std::size_t count, float inverseScale, std::uint8_t* out)
{
    std::array<std::uint8_t, kBlock> codes;
    for (std::size_t i = 0; i < count; ++i)
        codes[i] = static_cast<std::uint8_t>(ternaryCode(values[i], inverseScale));
    for (std::size_t byte = 0; byte < count / 4; ++byte) {
        std::uint32_t four;
        std::memcpy(&four, codes.data() + 4 * byte, sizeof(four));
        out[byte] = static_cast<std::uint8_t>(four | four >> 6 | four >> 12 | four >> 18);
    }
}

[[noreturn]] void throwNotFinite(const TensorView& latent, const std::string& name)
{
    Block block;
    const std::int64_t count = elementCount(latent.shape);
    for (std::int64_t first = 0; first < count; first += static_cast<std::int64_t>(kBlock)) {
        const std::span<float> values(
            block.data(), static_cast<std::size_t>(std::min<std::int64_t>(kBlock, count - first)));
        copyToFloat(latent, first, values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (!std::isfinite(values[i])) {
                throw Error(ErrorCode::NumericFailure,
                            name + ": value " + std::to_string(first + static_cast<std::int64_t>(i)) +
                                " is " + std::to_string(values[i]) + ", needed: a finite number");
            }
        }
    }
    throw Error(ErrorCode::NumericFailure, name + ": the mean of its values is not finite");
}

} // namespace

void TernaryTensor::unpackRow(std::int64_t row, std::span<std::int8_t> out) const
{
    assert(row >= 0 && row < rows && static_cast<std::int64_t>(out.size()) == cols);
    const std::uint8_t* bytes = codes.data() + row * rowBytes();
    const std::size_t whole = out.size() / 4;
    std::int8_t* target = out.data();
    for (std::size_t byte = 0; byte < whole; ++byte) {
        for (unsigned k = 0; k < 4; ++k)
            target[4 * byte + k] = static_cast<std::int8_t>(((bytes[byte] >> (2 * k)) & 3) - 1);
    }
    for (std::size_t col = 4 * whole; col < out.size(); ++col)
        target[col] = static_cast<std::int8_t>(((bytes[whole] >> (2 * (col % 4))) & 3) - 1);
}

TernaryTensor quantizeTernary(const TensorView& latent, const std::string& name)
{
    if (latent.shape.size() != 2)
        throw Error(ErrorCode::InvalidArgument,
                    name + ": shape is " + shapeText(latent.shape) + ", needed: [rows, cols]");
    TernaryTensor tensor;
    tensor.rows = latent.shape[0];
    tensor.cols = latent.shape[1];
    const std::int64_t count = tensor.rows * tensor.cols;
    const std::int64_t blockSize = static_cast<std::int64_t>(kBlock);
    Block block;
    AbsoluteSum sum;
    for (std::int64_t first = 0; first < count; first += blockSize) {
        const std::span<float> values(block.data(),
                                      static_cast<std::size_t>(std::min(blockSize, count - first)));
        copyToFloat(latent, first, values);
        sum.add(values);
    }
    if (!std::isfinite(sum.total()))
        throwNotFinite(latent, name);
    tensor.scale = scaleFromSum(sum.total(), count);
    const float inverseScale = 1.0f / tensor.scale;

    tensor.storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(tensor.rows * tensor.rowBytes()));
    tensor.codes = tensor.storage.span();
    for (std::int64_t row = 0; row < tensor.rows; ++row) {
        for (std::int64_t col = 0; col < tensor.cols; col += blockSize) {
            const std::size_t width = static_cast<std::size_t>(std::min(blockSize, tensor.cols - col));
            copyToFloat(latent, row * tensor.cols + col, {block.data(), width});
            const std::size_t padded = (width + 3) / 4 * 4;
            std::fill(block.begin() + static_cast<std::ptrdiff_t>(width),
                      block.begin() + static_cast<std::ptrdiff_t>(padded), 0.0f); // code 1
            packCodes(block.data(), padded, inverseScale,
                      tensor.storage.data() + row * tensor.rowBytes() + col / 4);
        }
    }
    return tensor;
}

float quantizeTernary(std::span<const float> latent, std::span<std::int8_t> out)
{
    assert(latent.size() == out.size());
    AbsoluteSum sum;
    // The same blocks as the streaming form, so that both give the same scale to the last bit.
    for (std::size_t first = 0; first < latent.size(); first += kBlock)
        sum.add(latent.subspan(first, std::min(kBlock, latent.size() - first)));
    if (!std::isfinite(sum.total())) {
        const std::int64_t count = static_cast<std::int64_t>(latent.size());
        throwNotFinite({DType::F32, {count}, std::as_bytes(latent)}, "latent weights");
    }
    const float scale = scaleFromSum(sum.total(), static_cast<std::int64_t>(latent.size()));
    const float inverseScale = 1.0f / scale;
    for (std::size_t i = 0; i < latent.size(); ++i)
        out[i] = static_cast<std::int8_t>(ternaryCode(latent[i], inverseScale) - 1);
    return scale;
}

std::int64_t base3RowBytes(std::int64_t cols)
{
    return (cols + kWeightsPerByte - 1) / kWeightsPerByte;
}

void packBase3Row(std::span<const std::int8_t> weights, std::span<std::uint8_t> out)
{
    assert(static_cast<std::int64_t>(out.size()) == base3RowBytes(static_cast<std::int64_t>(weights.size())));
    for (std::size_t byte = 0; byte < out.size(); ++byte) {
        unsigned value = 0;
        for (std::size_t k = kWeightsPerByte; k-- > 0;) {
            const std::size_t col = byte * kWeightsPerByte + k;
            value = value * 3 + static_cast<unsigned>((col < weights.size() ? weights[col] : 0) + 1);
        }
        out[byte] = static_cast<std::uint8_t>(value);
    }
}

void unpackBase3Row(std::span<const std::uint8_t> bytes, std::span<std::int8_t> weights)
{
    assert(static_cast<std::int64_t>(bytes.size()) ==
           base3RowBytes(static_cast<std::int64_t>(weights.size())));
    std::size_t col = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        unsigned value = bytes[i];
        if (value >= kBase3Values) {
            throw Error(ErrorCode::InvalidFile, "base-3 byte " + std::to_string(i) + " of a row is " +
                                                    std::to_string(value) + ", needed: at most " +
                                                    std::to_string(kBase3Values - 1));
        }
        for (int k = 0; k < kWeightsPerByte && col < weights.size(); ++k, ++col, value /= 3)
            weights[col] = static_cast<std::int8_t>(static_cast<int>(value % 3) - 1);
    }
}

} // namespace mmfree
