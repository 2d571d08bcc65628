#include "engine/reference/reference_operators.h"

#include <cmath>

namespace mmfree::reference
{

namespace
{

double sigmoid(double x)
{
    return 1.0 / (1.0 + std::exp(-x));
}
double silu(double x)
{
    return x * sigmoid(x);
}

// 1 / sqrt(mean(x^2) + eps)
double inverseRms(const float* x, std::int64_t width, float eps)
{
    double sum = 0.0;
    for (std::int64_t i = 0; i < width; ++i)
        sum += static_cast<double>(x[i]) * x[i];
    return 1.0 / std::sqrt(sum / static_cast<double>(width) + eps);
}

// The integer sum of products; at most 127 * 2^24 in magnitude for widths up to 2^24, so int64 cannot
// overflow.
std::int64_t ternaryDot(const std::int8_t* weights, const std::int8_t* values, std::int64_t width)
{
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < width; ++i)
        sum += weights[i] * values[i];
    return sum;
}

double dot(const float* a, const float* b, std::int64_t width)
{
    double sum = 0.0;
    for (std::int64_t i = 0; i < width; ++i)
        sum += static_cast<double>(a[i]) * b[i];
    return sum;
}

} // namespace

TernaryMatrix ReferenceOperators::makeTernary(const TernaryTensor& tensor) const
{
    TernaryMatrix matrix{tensor.rows, tensor.cols, tensor.scale, {}};
    matrix.weights.resize(static_cast<std::size_t>(tensor.rows * tensor.cols));
    for (std::int64_t row = 0; row < tensor.rows; ++row)
        tensor.unpackRow(row, std::span(matrix.weights).subspan(row * tensor.cols, tensor.cols));
    return matrix;
}

DenseMatrix ReferenceOperators::makeDense(const TensorView& view) const
{
    DenseMatrix matrix{view.shape[0], view.shape[1], {}, nullptr};
    matrix.owned.resize(static_cast<std::size_t>(matrix.rowCount * matrix.colCount));
    copyToFloat(view, 0, matrix.owned);
    return matrix;
}

Quantized ReferenceOperators::makeQuantized(std::int64_t tokens, std::int64_t width) const
{
    return {std::vector<std::int8_t>(static_cast<std::size_t>(tokens * width)), std::vector<float>(tokens)};
}

TernaryMatrix ReferenceOperators::quantizeLatent(const float* latent, std::int64_t rows,
                                                 std::int64_t cols) const
{
    TernaryMatrix matrix{rows, cols, 0.0f, {}};
    matrix.weights.resize(static_cast<std::size_t>(rows * cols));
    matrix.scale = quantizeTernary(std::span(latent, matrix.weights.size()), matrix.weights);
    return matrix;
}

DenseMatrix ReferenceOperators::borrowDense(const float* values, std::int64_t rows, std::int64_t cols) const
{
    return {rows, cols, {}, values};
}

void ReferenceOperators::embed(const TokenId* tokens, std::int64_t count, const DenseMatrix& table,
                               float* out) const
{
    for (std::int64_t t = 0; t < count; ++t)
        std::copy_n(table.data() + tokens[t] * table.cols(), table.cols(), out + t * table.cols());
}

void ReferenceOperators::rmsNorm(const float* x, const float* weight, float eps, std::int64_t count,
                                 std::int64_t width, float* out) const
{
    for (std::int64_t t = 0; t < count; ++t) {
        const float* row = x + t * width;
        const double inverse = inverseRms(row, width, eps);
        for (std::int64_t i = 0; i < width; ++i)
            out[t * width + i] = static_cast<float>(row[i] * inverse * weight[i]);
    }
}

// BitLinear's activation quantiser, arXiv:2406.02528 section 3.2, rounding as the public fused kernel does.
void ReferenceOperators::rmsNormQuantize(const float* x, const float* weight, float eps, std::int64_t count,
                                         std::int64_t width, Quantized& out) const
{
    std::vector<float> normed(width);
    for (std::int64_t t = 0; t < count; ++t) {
        rmsNorm(x + t * width, weight, eps, 1, width, normed.data());
        float largest = 1e-5f;
        for (const float value : normed)
            largest = std::max(largest, std::fabs(value));
        const float scale = 127.0f / largest;
        out.scales[t] = scale;
        for (std::int64_t i = 0; i < width; ++i)
            out.values[t * width + i] =
                static_cast<std::int8_t>(std::clamp(std::round(normed[i] * scale), -128.0f, 127.0f));
    }
}

void ReferenceOperators::ternaryLinear(const Quantized& x, std::int64_t count, const TernaryMatrix& weight,
                                       float* out) const
{
    setZero(out, static_cast<std::size_t>(count * weight.rows()));
    ternaryLinearAdd(x, count, weight, out);
}

void ReferenceOperators::ternaryLinearAdd(const Quantized& x, std::int64_t count, const TernaryMatrix& weight,
                                          float* out) const
{
    for (std::int64_t t = 0; t < count; ++t) {
        const float factor = weight.scale / x.scales[t];
        for (std::int64_t row = 0; row < weight.rows(); ++row) {
            const std::int64_t sum = ternaryDot(weight.weights.data() + row * weight.cols(),
                                                x.values.data() + t * weight.cols(), weight.cols());
            out[t * weight.rows() + row] += static_cast<float>(sum) * factor;
        }
    }
}

// MLGRU, arXiv:2406.02528 section 3.3.1 as the public code computes it.
void ReferenceOperators::gatesAndScan(const float* forgetPre, const float* candidatePre,
                                      const float* lowerBound, std::int64_t batch, std::int64_t length,
                                      std::int64_t width, float* state, float* hidden, float* forget,
                                      float* candidate) const
{
    for (std::int64_t b = 0; b < batch; ++b) {
        for (std::int64_t t = 0; t < length; ++t) {
            for (std::int64_t i = 0; i < width; ++i) {
                const std::int64_t at = (b * length + t) * width + i;
                double f = sigmoid(forgetPre[at]);
                if (lowerBound)
                    f = lowerBound[i] + (1.0 - lowerBound[i]) * f;
                const double c = silu(candidatePre[at]) * (1.0 - f);
                float& h = state[b * width + i];
                h = static_cast<float>(f * h + c);
                hidden[at] = h;
                if (forget)
                    forget[at] = static_cast<float>(f);
                if (candidate)
                    candidate[at] = static_cast<float>(c);
            }
        }
    }
}

void ReferenceOperators::normAndGate(const float* g, const float* weight, float eps, const float* hidden,
                                     std::int64_t count, std::int64_t width, float* out) const
{
    rmsNorm(g, weight, eps, count, width, out);
    for (std::int64_t i = 0; i < count * width; ++i)
        out[i] = static_cast<float>(out[i] * silu(hidden[i]));
}

void ReferenceOperators::swiGlu(const float* gate, const float* up, std::int64_t stride, std::int64_t count,
                                std::int64_t width, float* out) const
{
    for (std::int64_t t = 0; t < count; ++t) {
        for (std::int64_t i = 0; i < width; ++i)
            out[t * width + i] = static_cast<float>(silu(gate[t * stride + i]) * up[t * stride + i]);
    }
}

void ReferenceOperators::readQuantized(const Quantized& x, std::int64_t count, std::int64_t width,
                                       float* out) const
{
    std::copy_n(x.values.begin(), count * width, out);
}

void ReferenceOperators::linear(const float* x, std::int64_t count, const DenseMatrix& weight,
                                float* out) const
{
    setZero(out, static_cast<std::size_t>(count * weight.rows()));
    linearAdd(x, count, weight, out);
}

void ReferenceOperators::linearAdd(const float* x, std::int64_t count, const DenseMatrix& weight,
                                   float* out) const
{
    for (std::int64_t t = 0; t < count; ++t) {
        for (std::int64_t row = 0; row < weight.rows(); ++row) {
            out[t * weight.rows() + row] += static_cast<float>(
                dot(weight.data() + row * weight.cols(), x + t * weight.cols(), weight.cols()));
        }
    }
}

void ReferenceOperators::rotary(float* x, std::int64_t batch, std::int64_t length, std::int64_t first,
                                std::int64_t heads, std::int64_t headSize, float theta) const
{
    const std::int64_t half = headSize / 2;
    for (std::int64_t token = 0; token < batch * length; ++token) {
        const auto position = static_cast<double>(first + token % length);
        for (std::int64_t head = 0; head < heads; ++head) {
            float* values = x + (token * heads + head) * headSize;
            for (std::int64_t i = 0; i < half; ++i) {
                const double angle =
                    position * std::pow(static_cast<double>(theta),
                                        -2.0 * static_cast<double>(i) / static_cast<double>(headSize));
                const double a = values[i], b = values[i + half];
                values[i] = static_cast<float>(a * std::cos(angle) - b * std::sin(angle));
                values[i + half] = static_cast<float>(b * std::cos(angle) + a * std::sin(angle));
            }
        }
    }
}

void ReferenceOperators::attention(const float* queries, const float* keys, const float* values,
                                   std::int64_t length, std::int64_t first, const AttentionShape& shape,
                                   float* out, float* weights) const
{
    const std::int64_t context = first + length, group = shape.heads / shape.keyValueHeads;
    const double scale = 1.0 / std::sqrt(static_cast<double>(shape.headSize));
    std::vector<double> row(context);
    for (std::int64_t t = 0; t < length; ++t) {
        for (std::int64_t head = 0; head < shape.heads; ++head) {
            const float* query = queries + t * shape.width() + head * shape.headSize;
            const std::int64_t keyValueOffset = head / group * shape.headSize;
            const std::int64_t visible = first + t + 1;
            double largest = -INFINITY, sum = 0.0;
            for (std::int64_t s = 0; s < visible; ++s) {
                row[s] =
                    dot(query, keys + s * shape.keyValueWidth() + keyValueOffset, shape.headSize) * scale;
                largest = std::max(largest, row[s]);
            }
            for (std::int64_t s = 0; s < visible; ++s)
                sum += row[s] = std::exp(row[s] - largest);
            for (std::int64_t i = 0; i < shape.headSize; ++i) {
                double mixed = 0.0;
                for (std::int64_t s = 0; s < visible; ++s)
                    mixed += row[s] / sum * values[s * shape.keyValueWidth() + keyValueOffset + i];
                out[t * shape.width() + head * shape.headSize + i] = static_cast<float>(mixed);
            }
            if (weights) {
                float* target = weights + (t * shape.heads + head) * context;
                for (std::int64_t s = 0; s < context; ++s)
                    target[s] = s < visible ? static_cast<float>(row[s] / sum) : 0.0f;
            }
        }
    }
}

} // namespace mmfree::reference
