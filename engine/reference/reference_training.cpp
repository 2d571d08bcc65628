// The backward operators of the reference: the straight-through estimator of model.md "Backward", written
// out.
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
double siluDerivative(double x)
{
    const double s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
}

} // namespace

void ReferenceOperators::ternaryLinearBackwardInput(const float* dOut, std::int64_t count,
                                                    const TernaryMatrix& weight, float* dY) const
{
    std::vector<double> sums(weight.cols());
    for (std::int64_t t = 0; t < count; ++t) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::int64_t row = 0; row < weight.rows(); ++row) {
            for (std::int64_t col = 0; col < weight.cols(); ++col)
                sums[col] += static_cast<double>(dOut[t * weight.rows() + row]) *
                             weight.weights[row * weight.cols() + col];
        }
        for (std::int64_t col = 0; col < weight.cols(); ++col)
            dY[t * weight.cols() + col] = static_cast<float>(sums[col] * weight.scale);
    }
}

void ReferenceOperators::ternaryLinearBackwardWeight(const float* dOut, const Quantized& x,
                                                     std::int64_t count, std::int64_t rows, std::int64_t cols,
                                                     float* dWeight) const
{
    std::vector<double> sums(cols);
    for (std::int64_t row = 0; row < rows; ++row) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::int64_t t = 0; t < count; ++t) {
            const double factor = static_cast<double>(dOut[t * rows + row]) / x.scales[t];
            for (std::int64_t col = 0; col < cols; ++col)
                sums[col] += factor * x.values[t * cols + col];
        }
        for (std::int64_t col = 0; col < cols; ++col)
            dWeight[row * cols + col] += static_cast<float>(sums[col]);
    }
}

void ReferenceOperators::linearBackwardInput(const float* dOut, std::int64_t count, const DenseMatrix& weight,
                                             float* dX) const
{
    setZero(dX, static_cast<std::size_t>(count * weight.cols()));
    linearBackwardInputAdd(dOut, count, weight, dX);
}

void ReferenceOperators::linearBackwardInputAdd(const float* dOut, std::int64_t count,
                                                const DenseMatrix& weight, float* dX) const
{
    std::vector<double> sums(weight.cols());
    for (std::int64_t t = 0; t < count; ++t) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::int64_t row = 0; row < weight.rows(); ++row) {
            for (std::int64_t col = 0; col < weight.cols(); ++col)
                sums[col] += static_cast<double>(dOut[t * weight.rows() + row]) *
                             weight.data()[row * weight.cols() + col];
        }
        for (std::int64_t col = 0; col < weight.cols(); ++col)
            dX[t * weight.cols() + col] += static_cast<float>(sums[col]);
    }
}

void ReferenceOperators::linearBackwardWeight(const float* dOut, const float* x, std::int64_t count,
                                              std::int64_t rows, std::int64_t cols, float* dWeight) const
{
    std::vector<double> sums(cols);
    for (std::int64_t row = 0; row < rows; ++row) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (std::int64_t t = 0; t < count; ++t) {
            for (std::int64_t col = 0; col < cols; ++col)
                sums[col] += static_cast<double>(dOut[t * rows + row]) * x[t * cols + col];
        }
        for (std::int64_t col = 0; col < cols; ++col)
            dWeight[row * cols + col] += static_cast<float>(sums[col]);
    }
}

// y_i = w_i x_i r with r = (mean(x^2) + eps)^(-1/2): dx_i = r w_i dy_i - x_i r^3 / width * sum_j w_j dy_j x_j
void ReferenceOperators::rmsNormBackward(const float* x, const float* weight, float eps, const float* dY,
                                         std::int64_t count, std::int64_t width, float* dX,
                                         float* dWeight) const
{
    std::vector<double> weightSums(width, 0.0);
    for (std::int64_t t = 0; t < count; ++t) {
        const float* row = x + t * width;
        const float* gradient = dY + t * width;
        double squares = 0.0, projected = 0.0;
        for (std::int64_t i = 0; i < width; ++i) {
            squares += static_cast<double>(row[i]) * row[i];
            projected += static_cast<double>(weight[i]) * gradient[i] * row[i];
        }
        const double r = 1.0 / std::sqrt(squares / static_cast<double>(width) + eps);
        const double along = r * r * r * projected / static_cast<double>(width);
        for (std::int64_t i = 0; i < width; ++i) {
            dX[t * width + i] += static_cast<float>(r * weight[i] * gradient[i] - along * row[i]);
            weightSums[i] += row[i] * r * gradient[i];
        }
    }
    for (std::int64_t i = 0; i < width; ++i)
        dWeight[i] += static_cast<float>(weightSums[i]);
}

void ReferenceOperators::gatesAndScanBackward(const float* forgetPre, const float* candidatePre,
                                              const float* lowerBound, const float* hidden,
                                              const float* dHidden, std::int64_t batch, std::int64_t length,
                                              std::int64_t width, float* dForgetPre, float* dCandidatePre,
                                              float* dLowerBound) const
{
    for (std::int64_t i = 0; i < width; ++i) {
        const double bound = lowerBound ? lowerBound[i] : 0.0;
        double dBound = 0.0;
        for (std::int64_t b = 0; b < batch; ++b) {
            double carried = 0.0; // dh_{t+1} * f_{t+1}
            for (std::int64_t t = length - 1; t >= 0; --t) {
                const std::int64_t at = (b * length + t) * width + i;
                const double s = sigmoid(forgetPre[at]);
                const double f = bound + (1.0 - bound) * s;
                const double previous = t > 0 ? hidden[at - width] : 0.0;
                const double dH = dHidden[at] + carried;
                // h = f * previous + silu(i) * (1 - f)
                const double dF = dH * (previous - silu(candidatePre[at]));
                dCandidatePre[at] = static_cast<float>(dH * (1.0 - f) * siluDerivative(candidatePre[at]));
                dForgetPre[at] = static_cast<float>(dF * (1.0 - bound) * s * (1.0 - s));
                dBound += dF * (1.0 - s);
                carried = dH * f;
            }
        }
        if (dLowerBound)
            dLowerBound[i] += static_cast<float>(dBound);
    }
}

void ReferenceOperators::normAndGateBackward(const float* g, const float* weight, float eps,
                                             const float* hidden, const float* dOut, std::int64_t count,
                                             std::int64_t width, float* dG, float* dHidden,
                                             float* dWeight) const
{
    std::vector<float> normed(count * width), dNormed(count * width);
    rmsNorm(g, weight, eps, count, width, normed.data());
    for (std::int64_t i = 0; i < count * width; ++i) {
        dNormed[i] = static_cast<float>(dOut[i] * silu(hidden[i]));
        dHidden[i] = static_cast<float>(static_cast<double>(dOut[i]) * normed[i] * siluDerivative(hidden[i]));
    }
    setZero(dG, static_cast<std::size_t>(count * width));
    rmsNormBackward(g, weight, eps, dNormed.data(), count, width, dG, dWeight);
}

void ReferenceOperators::swiGluBackward(const float* gate, const float* up, std::int64_t stride,
                                        const float* dOut, std::int64_t count, std::int64_t width,
                                        float* dGate, float* dUp) const
{
    for (std::int64_t t = 0; t < count; ++t) {
        for (std::int64_t i = 0; i < width; ++i) {
            const double gradient = dOut[t * width + i];
            dGate[t * stride + i] =
                static_cast<float>(gradient * up[t * stride + i] * siluDerivative(gate[t * stride + i]));
            dUp[t * stride + i] = static_cast<float>(gradient * silu(gate[t * stride + i]));
        }
    }
}

void ReferenceOperators::attentionBatch(const float* q, const float* k, const float* v, std::int64_t batch,
                                        std::int64_t length, const AttentionShape& shape, float* out) const
{
    for (std::int64_t b = 0; b < batch; ++b) {
        const std::int64_t rows = b * length;
        attention(q + rows * shape.width(), k + rows * shape.keyValueWidth(),
                  v + rows * shape.keyValueWidth(), length, 0, shape, out + rows * shape.width(), nullptr);
    }
}

void ReferenceOperators::attentionBatchBackward(const float* q, const float* k, const float* v,
                                                const float* dOut, std::int64_t batch, std::int64_t length,
                                                const AttentionShape& shape, float* dQ, float* dK,
                                                float* dV) const
{
    const std::int64_t group = shape.heads / shape.keyValueHeads, size = shape.headSize;
    const double scale = 1.0 / std::sqrt(static_cast<double>(size));
    setZero(dQ, static_cast<std::size_t>(batch * length * shape.width()));
    setZero(dK, static_cast<std::size_t>(batch * length * shape.keyValueWidth()));
    setZero(dV, static_cast<std::size_t>(batch * length * shape.keyValueWidth()));
    std::vector<float> mixed(length * shape.width()), weights(length * shape.heads * length);
    for (std::int64_t b = 0; b < batch; ++b) {
        const std::int64_t first = b * length;
        attention(q + first * shape.width(), k + first * shape.keyValueWidth(),
                  v + first * shape.keyValueWidth(), length, 0, shape, mixed.data(), weights.data());
        for (std::int64_t t = 0; t < length; ++t) {
            for (std::int64_t head = 0; head < shape.heads; ++head) {
                const std::int64_t queryAt = (first + t) * shape.width() + head * size;
                const float* p = weights.data() + (t * shape.heads + head) * length;
                double alongOut = 0.0; // sum_s p_s dp_s = dOut . out
                for (std::int64_t i = 0; i < size; ++i)
                    alongOut +=
                        static_cast<double>(dOut[queryAt + i]) * mixed[t * shape.width() + head * size + i];
                for (std::int64_t s = 0; s <= t; ++s) {
                    const std::int64_t keyAt = (first + s) * shape.keyValueWidth() + head / group * size;
                    double dP = 0.0;
                    for (std::int64_t i = 0; i < size; ++i) {
                        dP += static_cast<double>(dOut[queryAt + i]) * v[keyAt + i];
                        dV[keyAt + i] += p[s] * dOut[queryAt + i];
                    }
                    const double dScore = p[s] * (dP - alongOut) * scale;
                    for (std::int64_t i = 0; i < size; ++i) {
                        dQ[queryAt + i] += static_cast<float>(dScore * k[keyAt + i]);
                        dK[keyAt + i] += static_cast<float>(dScore * q[queryAt + i]);
                    }
                }
            }
        }
    }
}

// The rotation's transpose is the rotation by the negative angle.
void ReferenceOperators::rotaryBackward(float* dX, std::int64_t batch, std::int64_t length,
                                        std::int64_t heads, std::int64_t headSize, float theta) const
{
    const std::int64_t half = headSize / 2;
    for (std::int64_t token = 0; token < batch * length; ++token) {
        for (std::int64_t head = 0; head < heads; ++head) {
            float* values = dX + (token * heads + head) * headSize;
            for (std::int64_t i = 0; i < half; ++i) {
                const double angle = static_cast<double>(token % length) *
                                     std::pow(static_cast<double>(theta),
                                              -2.0 * static_cast<double>(i) / static_cast<double>(headSize));
                const double a = values[i], b = values[i + half];
                values[i] = static_cast<float>(a * std::cos(angle) + b * std::sin(angle));
                values[i + half] = static_cast<float>(b * std::cos(angle) - a * std::sin(angle));
            }
        }
    }
}

double ReferenceOperators::crossEntropy(const float* logits, const TokenId* targets, std::int64_t count,
                                        std::int64_t vocabulary, float gradientScale, float* dLogits) const
{
    double loss = 0.0;
    for (std::int64_t t = 0; t < count; ++t) {
        const float* row = logits + t * vocabulary;
        float* gradient = dLogits ? dLogits + t * vocabulary : nullptr;
        if (targets[t] < 0) {
            if (gradient)
                setZero(gradient, static_cast<std::size_t>(vocabulary));
            continue;
        }
        const double largest = *std::max_element(row, row + vocabulary);
        double sum = 0.0;
        for (std::int64_t i = 0; i < vocabulary; ++i)
            sum += std::exp(row[i] - largest);
        loss += largest + std::log(sum) - row[targets[t]];
        if (!gradient)
            continue;
        for (std::int64_t i = 0; i < vocabulary; ++i) {
            const double probability = std::exp(row[i] - largest) / sum;
            gradient[i] = static_cast<float>((probability - (i == targets[t] ? 1.0 : 0.0)) * gradientScale);
        }
    }
    return loss;
}

void ReferenceOperators::embedBackward(const TokenId* tokens, std::int64_t count, std::int64_t width,
                                       const float* dX, float* dTable) const
{
    for (std::int64_t t = 0; t < count; ++t) {
        for (std::int64_t i = 0; i < width; ++i)
            dTable[tokens[t] * width + i] += dX[t * width + i];
    }
}

double ReferenceOperators::sumOfSquares(const float* values, std::int64_t count) const
{
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i)
        sum += static_cast<double>(values[i]) * values[i];
    return sum;
}

void ReferenceOperators::adamw(float* parameters, float* gradients, float* firstMoment, float* secondMoment,
                               std::int64_t count, double learningRate, double beta1, double beta2,
                               double epsilon, double weightDecay, double gradientScale,
                               std::int64_t step) const
{
    const double correction1 = 1.0 - std::pow(beta1, static_cast<double>(step));
    const double correction2 = 1.0 - std::pow(beta2, static_cast<double>(step));
    for (std::int64_t i = 0; i < count; ++i) {
        const double gradient = gradients[i] * gradientScale;
        const double first = beta1 * firstMoment[i] + (1.0 - beta1) * gradient;
        const double second = beta2 * secondMoment[i] + (1.0 - beta2) * gradient * gradient;
        const double decayed = parameters[i] * (1.0 - learningRate * weightDecay);
        parameters[i] = static_cast<float>(decayed - learningRate * (first / correction1) /
                                                         (std::sqrt(second / correction2) + epsilon));
        firstMoment[i] = static_cast<float>(first);
        secondMoment[i] = static_cast<float>(second);
        gradients[i] = 0.0f;
    }
}

} // namespace mmfree::reference
