// Float kernels of inference over sixteen lanes: exp, norms, quantisation, gates and scan, SwiGLU,
// conversions. Included inside an ISA's namespace after its Lanes. Rows need no alignment; the tail of a row
// is read as zeros.

// exp(x) within 2 ulp for -86.6 <= x <= 88; beyond, the value at the nearer end.
static inline Lanes exponential(Lanes x)
{
    const Lanes magic = all(12582912.0f); // 1.5 * 2^23: the sum's low bits are the rounded integer
    x = minimum(maximum(x, all(-86.6f)), all(88.0f));
    const Lanes shifted = x * all(1.44269504f) + magic;
    const Lanes n = shifted - magic;
    const Lanes r =
        (x - n * all(0.693359375f)) - n * all(-2.12194440e-4f); // ln 2 in two parts; the first is exact
    Lanes p = all(0.000198910173f);
    p = p * r + all(0.00139336742f);
    p = p * r + all(0.00833331048f);
    p = p * r + all(0.041666463f);
    p = p * r + all(0.166666672f);
    p = p * r + all(0.5f);
    p = p * (r * r) + r;
    return scaleByPowerOfTwo(p + all(1.0f), shifted);
}
static inline Lanes sigmoid(Lanes x)
{
    return all(1.0f) / (all(1.0f) + exponential(all(0.0f) - x));
}
static inline Lanes silu(Lanes x)
{
    return x / (all(1.0f) + exponential(all(0.0f) - x));
}

// How many of a block's sixteen lanes are valid: all (known when compiling), or the first `int64_t`.
struct AllLanes {
};
static inline Lanes loadSome(const float* p, AllLanes)
{
    return load(p);
}
static inline Lanes loadSome(const float* p, int64_t valid)
{
    return loadFirst(p, valid);
}
static inline void storeSome(float* p, Lanes a, AllLanes)
{
    store(p, a);
}
static inline void storeSome(float* p, Lanes a, int64_t valid)
{
    storeFirst(p, a, valid);
}
static inline Lanes keepSome(Lanes a, AllLanes)
{
    return a;
}
static inline Lanes keepSome(Lanes a, int64_t valid) // the others become 0
{
    float values[16];
    store(values, a);
    return loadFirst(values, valid);
}

// body(first index, valid lanes) over [0, count)
template <class Body>
static inline void forLaneBlocks(int64_t count, Body body)
{
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        body(i, AllLanes{});
    if (i < count)
        body(i, count - i);
}

// Sum over 64 fixed lanes: element i belongs to lane i % 64. `part(i, valid)` gives 16 lanes, 0 where not
// valid.
template <class Part>
static inline float sumOver(int64_t count, Part part)
{
    Lanes lanes[4] = {all(0.0f), all(0.0f), all(0.0f), all(0.0f)};
    int64_t i = 0;
    for (; i + 64 <= count; i += 64) {
        for (int k = 0; k < 4; ++k)
            lanes[k] = lanes[k] + part(i + 16 * k, AllLanes{});
    }
    for (int k = 0; i < count; i += 16, ++k)
        lanes[k] = lanes[k] + part(i, count - i < 16 ? count - i : 16);
    return sum((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]));
}

static inline float reciprocalRms(const float* x, float eps, int64_t width)
{
    const float squares = sumOver(width, [x](int64_t i, auto valid) {
        const Lanes value = loadSome(x + i, valid);
        return value * value;
    });
    return 1.0f / squareRoot(squares / static_cast<float>(width) + eps);
}

static void rmsNorm(const float* x, const float* weight, float eps, int64_t width, float* out)
{
    const Lanes reciprocal = all(reciprocalRms(x, eps, width));
    forLaneBlocks(width, [=](int64_t i, auto valid) {
        storeSome(out + i, loadSome(x + i, valid) * reciprocal * loadSome(weight + i, valid), valid);
    });
}

static QuantizedRow rmsNormQuantize(const float* x, const float* weight, float eps, int64_t width,
                                    int64_t paddedWidth, int8_t* q)
{
    const Lanes reciprocal = all(reciprocalRms(x, eps, width));
    Lanes peak = all(0.0f);
    forLaneBlocks(width, [&](int64_t i, auto valid) {
        peak = maximum(magnitude(loadSome(x + i, valid) * reciprocal * loadSome(weight + i, valid)), peak);
    });
    const float found = largest(peak);
    const float scale = 127.0f / (found > 1e-5f ? found : 1e-5f);
    Lanes total = all(0.0f); // integers up to 127 columns / 16 a lane: exact
    forLaneBlocks(width, [&](int64_t i, auto valid) {
        const Lanes y = loadSome(x + i, valid) * reciprocal * loadSome(weight + i, valid);
        storeRounded(q + i, y * all(scale), total);
    });
    for (int64_t i = (width + 15) / 16 * 16; i < paddedWidth; ++i)
        q[i] = 0;
    float lanes[16];
    store(lanes, total);
    int32_t integerSum = 0;
    for (int i = 0; i < 16; ++i)
        integerSum += static_cast<int32_t>(lanes[i]);
    return {scale, integerSum};
}

static void gatesAndScan(const float* forgetPre, const float* candidatePre, const float* lowerBound,
                         int64_t length, int64_t width, int64_t begin, int64_t end, float* state,
                         float* hidden, float* forget, float* candidate)
{
    forLaneBlocks(end - begin, [=](int64_t offset, auto valid) {
        const int64_t c = begin + offset;
        const Lanes bound = lowerBound ? loadSome(lowerBound + c, valid) : all(0.0f);
        const Lanes rest = all(1.0f) - bound;
        Lanes h = loadSome(state + c, valid);
        for (int64_t t = 0; t < length; ++t) {
            const int64_t at = t * width + c;
            const Lanes f = bound + rest * sigmoid(loadSome(forgetPre + at, valid));
            const Lanes candidateValue = silu(loadSome(candidatePre + at, valid)) * (all(1.0f) - f);
            h = f * h + candidateValue;
            storeSome(hidden + at, h, valid);
            if (forget)
                storeSome(forget + at, f, valid);
            if (candidate)
                storeSome(candidate + at, candidateValue, valid);
        }
        storeSome(state + c, h, valid);
    });
}

static void normAndGate(const float* g, const float* weight, float eps, const float* hidden, int64_t width,
                        float* out)
{
    const Lanes reciprocal = all(reciprocalRms(g, eps, width));
    forLaneBlocks(width, [=](int64_t i, auto valid) {
        const Lanes normed = loadSome(g + i, valid) * reciprocal * loadSome(weight + i, valid);
        storeSome(out + i, normed * silu(loadSome(hidden + i, valid)), valid);
    });
}

static void swiGlu(const float* gate, const float* up, int64_t width, float* out)
{
    forLaneBlocks(width, [=](int64_t i, auto valid) {
        storeSome(out + i, silu(loadSome(gate + i, valid)) * loadSome(up + i, valid), valid);
    });
}

template <Lanes (*Load)(const uint16_t*)>
static void convertSixteenBit(const uint16_t* source, int64_t count, float* out)
{
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        store(out + i, Load(source + i));
    if (i == count)
        return;
    uint16_t bits[16] = {};
    __builtin_memcpy(bits, source + i, static_cast<size_t>(count - i) * sizeof(uint16_t));
    storeFirst(out + i, Load(bits), count - i);
}

static void convert(const void* source, ElementType type, int64_t count, float* out)
{
    if (type == ElementType::F32)
        __builtin_memcpy(out, source, static_cast<size_t>(count) * sizeof(float));
    else if (type == ElementType::F16)
        convertSixteenBit<loadHalf>(static_cast<const uint16_t*>(source), count, out);
    else
        convertSixteenBit<loadBfloat>(static_cast<const uint16_t*>(source), count, out);
}
