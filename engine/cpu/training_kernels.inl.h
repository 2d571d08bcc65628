// Kernels of the backward pass and the optimiser. Included inside an ISA's namespace after
// dense_kernels.inl.h. Every function works on one row or one range of channels; the caller parallelises over
// those.

// dX += gradient of RMSNorm for one row, or = when `overwrite`; dY(i, valid) gives the output's gradient.
template <class OutputGradient>
static inline float normBackward(const float* x, const float* weight, float eps, int64_t width,
                                 bool overwrite, float* dX, OutputGradient dY)
{
    const float reciprocal = reciprocalRms(x, eps, width);
    const float product = sumOver(width, [=](int64_t i, auto valid) {
        return dY(i, valid) * loadSome(weight + i, valid) * loadSome(x + i, valid);
    });
    const Lanes scale = all(reciprocal);
    const Lanes pull = all(reciprocal * reciprocal * reciprocal * product / static_cast<float>(width));
    forLaneBlocks(width, [=](int64_t i, auto valid) {
        Lanes gradient = scale * (loadSome(weight + i, valid) * dY(i, valid)) - pull * loadSome(x + i, valid);
        if (!overwrite)
            gradient = loadSome(dX + i, valid) + gradient;
        storeSome(dX + i, gradient, valid);
    });
    return reciprocal;
}

static float rmsNormBackward(const float* x, const float* weight, float eps, const float* dY, int64_t width,
                             float* dX)
{
    return normBackward(x, weight, eps, width, false, dX,
                        [=](int64_t i, auto valid) { return loadSome(dY + i, valid); });
}

// dWeight[c] += sum over tokens, in order, of dY x / rms for channels [begin, end)
static void rmsNormWeightGradient(const float* x, const float* reciprocals, const float* dY, int64_t tokens,
                                  int64_t width, int64_t begin, int64_t end, float* dWeight)
{
    forLaneBlocks(end - begin, [=](int64_t offset, auto valid) {
        const int64_t c = begin + offset;
        Lanes total = loadSome(dWeight + c, valid);
        for (int64_t t = 0; t < tokens; ++t) {
            const int64_t at = t * width + c;
            total = total + loadSome(dY + at, valid) * (loadSome(x + at, valid) * all(reciprocals[t]));
        }
        storeSome(dWeight + c, total, valid);
    });
}

static void gatesAndScanBackward(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                                 const float* hidden, const float* dHidden, int64_t length, int64_t width,
                                 int64_t begin, int64_t end, float* dForgetPre, float* dCandidatePre,
                                 float* dLowerBound)
{
    const Lanes one = all(1.0f);
    forLaneBlocks(end - begin, [=](int64_t offset, auto valid) {
        const int64_t c = begin + offset;
        const Lanes bound = lowerBound ? loadSome(lowerBound + c, valid) : all(0.0f);
        const Lanes rest = one - bound;
        Lanes carry = all(0.0f), boundGradient = all(0.0f);
        for (int64_t t = length - 1; t >= 0; --t) {
            const int64_t at = t * width + c;
            const Lanes s = sigmoid(loadSome(forgetPre + at, valid));
            const Lanes f = bound + rest * s;
            const Lanes pre = loadSome(candidatePre + at, valid);
            const Lanes preSigmoid = sigmoid(pre);
            const Lanes previous = t > 0 ? loadSome(hidden + at - width, valid) : all(0.0f);
            const Lanes dh = loadSome(dHidden + at, valid) + carry;
            carry = dh * f;
            const Lanes df = dh * (previous - pre * preSigmoid); // h_t = f h_{t-1} + silu(i) (1 - f)
            boundGradient = boundGradient + df * (one - s);
            storeSome(dForgetPre + at, df * rest * (s * (one - s)), valid);
            const Lanes slope = preSigmoid + pre * preSigmoid * (one - preSigmoid);
            storeSome(dCandidatePre + at, dh * (one - f) * slope, valid);
        }
        if (dLowerBound)
            storeSome(dLowerBound + c, loadSome(dLowerBound + c, valid) + boundGradient, valid);
    });
}

static float normAndGateBackward(const float* g, const float* weight, float eps, const float* hidden,
                                 const float* dOut, int64_t width, float* dG, float* dHidden)
{
    const float reciprocal = normBackward(g, weight, eps, width, true, dG, [=](int64_t i, auto valid) {
        return loadSome(dOut + i, valid) * silu(loadSome(hidden + i, valid));
    });
    forLaneBlocks(width, [=](int64_t i, auto valid) {
        const Lanes h = loadSome(hidden + i, valid), s = sigmoid(h);
        const Lanes normed = loadSome(g + i, valid) * all(reciprocal) * loadSome(weight + i, valid);
        storeSome(dHidden + i, loadSome(dOut + i, valid) * normed * (s + h * s * (all(1.0f) - s)), valid);
    });
    return reciprocal;
}

static void normAndGateWeightGradient(const float* g, const float* reciprocals, const float* hidden,
                                      const float* dOut, int64_t tokens, int64_t width, int64_t begin,
                                      int64_t end, float* dWeight)
{
    forLaneBlocks(end - begin, [=](int64_t offset, auto valid) {
        const int64_t c = begin + offset;
        Lanes total = loadSome(dWeight + c, valid);
        for (int64_t t = 0; t < tokens; ++t) {
            const int64_t at = t * width + c;
            const Lanes dY = loadSome(dOut + at, valid) * silu(loadSome(hidden + at, valid));
            total = total + dY * (loadSome(g + at, valid) * all(reciprocals[t]));
        }
        storeSome(dWeight + c, total, valid);
    });
}

static void swiGluBackward(const float* gate, const float* up, const float* dOut, int64_t width, float* dGate,
                           float* dUp)
{
    const Lanes one = all(1.0f);
    forLaneBlocks(width, [=](int64_t i, auto valid) {
        const Lanes g = loadSome(gate + i, valid), u = loadSome(up + i, valid), d = loadSome(dOut + i, valid);
        const Lanes s = sigmoid(g);
        storeSome(dGate + i, d * u * (s + g * s * (one - s)), valid);
        storeSome(dUp + i, d * (g * s), valid);
    });
}

// Returns sum of exp(logit - largest), and the largest. dLogits (may be null or `logits`) =
// (softmax - onehot(target)) * gradientScale.
static float crossEntropy(const float* logits, int64_t count, int64_t target, float gradientScale,
                          float* dLogits, float* largestLogit)
{
    const float peak = largestOf(logits, count);
    *largestLogit = peak;
    const float total = sumOver(count, [=](int64_t i, auto valid) {
        return keepSome(exponential(loadSome(logits + i, valid) - all(peak)), valid);
    });
    if (!dLogits)
        return total;
    const Lanes share = all(gradientScale / total);
    forLaneBlocks(count, [=](int64_t i, auto valid) {
        storeSome(dLogits + i, exponential(loadSome(logits + i, valid) - all(peak)) * share, valid);
    });
    dLogits[target] -= gradientScale;
    return total;
}

static float sumOfSquares(const float* values, int64_t count)
{
    return sumOver(count, [=](int64_t i, auto valid) {
        const Lanes value = loadSome(values + i, valid);
        return value * value;
    });
}

static void adamw(float* parameters, float* gradients, float* first, float* second, int64_t count,
                  const AdamConstants& k)
{
    const Lanes beta1 = all(k.beta1), rest1 = all(k.rest1), beta2 = all(k.beta2), rest2 = all(k.rest2);
    const Lanes gradientScale = all(k.gradientScale), stepSize = all(k.stepSize), decay = all(k.decay);
    const Lanes secondScale = all(k.secondScale), epsilon = all(k.epsilon);
    forLaneBlocks(count, [=](int64_t i, auto valid) {
        const Lanes g = loadSome(gradients + i, valid) * gradientScale;
        const Lanes m = beta1 * loadSome(first + i, valid) + rest1 * g;
        const Lanes v = beta2 * loadSome(second + i, valid) + rest2 * g * g;
        const Lanes p = loadSome(parameters + i, valid);
        const Lanes step = stepSize * m / (squareRoot(v * secondScale) + epsilon);
        storeSome(first + i, m, valid);
        storeSome(second + i, v, valid);
        storeSome(parameters + i, p - (step + decay * p), valid);
        storeSome(gradients + i, all(0.0f), valid);
    });
}
