// Sixteen float lanes in plain C++, for any processor. Included inside the portable namespace; see
// vector_avx512.inl.h for the contract all variants share.

struct Lanes {
    float v[16];
};

template <class Operation>
static inline Lanes forLanes(Operation operation)
{
    Lanes result;
    for (int i = 0; i < 16; ++i)
        result.v[i] = operation(i);
    return result;
}
static inline float floatFromBits(uint32_t bits)
{
    float value;
    __builtin_memcpy(&value, &bits, sizeof(value));
    return value;
}
static inline uint32_t bitsOfFloat(float value)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline Lanes load(const float* p)
{
    Lanes result;
    __builtin_memcpy(result.v, p, sizeof(result.v));
    return result;
}
static inline Lanes loadFirst(const float* p, int64_t count)
{
    return forLanes([&](int i) { return i < count ? p[i] : 0.0f; });
}
static inline void store(float* p, Lanes a)
{
    __builtin_memcpy(p, a.v, sizeof(a.v));
}
static inline void storeFirst(float* p, Lanes a, int64_t count)
{
    for (int64_t i = 0; i < count; ++i)
        p[i] = a.v[i];
}
static inline Lanes all(float value)
{
    return forLanes([&](int) { return value; });
}
static inline Lanes operator+(Lanes a, Lanes b)
{
    return forLanes([&](int i) { return a.v[i] + b.v[i]; });
}
static inline Lanes operator-(Lanes a, Lanes b)
{
    return forLanes([&](int i) { return a.v[i] - b.v[i]; });
}
static inline Lanes operator*(Lanes a, Lanes b)
{
    return forLanes([&](int i) { return a.v[i] * b.v[i]; });
}
static inline Lanes operator/(Lanes a, Lanes b)
{
    return forLanes([&](int i) { return a.v[i] / b.v[i]; });
}
static inline Lanes maximum(Lanes a, Lanes b)
{
    return forLanes([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
static inline Lanes minimum(Lanes a, Lanes b)
{
    return forLanes([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
static inline Lanes squareRoot(Lanes a)
{
    return forLanes([&](int i) { return __builtin_sqrtf(a.v[i]); });
}
static inline Lanes magnitude(Lanes a)
{
    return forLanes([&](int i) { return __builtin_fabsf(a.v[i]); });
}
static inline Lanes scaleByPowerOfTwo(Lanes p, Lanes magicN)
{
    return forLanes(
        [&](int i) { return floatFromBits(bitsOfFloat(p.v[i]) + (bitsOfFloat(magicN.v[i]) << 23)); });
}
static inline float sum(Lanes a)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i)
            a.v[i] = a.v[i] + a.v[i + half];
    }
    return a.v[0];
}
static inline float largest(Lanes a)
{
    for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i)
            a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
    }
    return a.v[0];
}
static inline float squareRoot(float value)
{
    return __builtin_sqrtf(value);
}

static inline float floatFromHalf(uint16_t half)
{
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
    const uint32_t magnitudeBits = half & 0x7fffu;
    if (magnitudeBits >= 0x7c00u) // infinity, NaN (made quiet, as the instructions do)
        return floatFromBits(sign | 0x7f800000u | (magnitudeBits & 0x3ffu) << 13 |
                             (magnitudeBits > 0x7c00u ? 0x400000u : 0u));
    const float scaled = floatFromBits(magnitudeBits << 13) * 0x1p112f; // exact, subnormals included
    return floatFromBits(sign | bitsOfFloat(scaled));
}
static inline Lanes loadHalf(const uint16_t* p)
{
    return forLanes([&](int i) { return floatFromHalf(p[i]); });
}
static inline Lanes loadBfloat(const uint16_t* p)
{
    return forLanes([&](int i) { return floatFromBits(static_cast<uint32_t>(p[i]) << 16); });
}

static inline void storeRounded(int8_t* q, Lanes a, Lanes& total)
{
    for (int i = 0; i < 16; ++i) {
        float value = a.v[i] > -128.0f ? a.v[i] : -128.0f; // NaN gives -128
        value = value < 127.0f ? value : 127.0f;
        const int integer = static_cast<int>(value + __builtin_copysignf(0.49999997f, value));
        total.v[i] = total.v[i] + static_cast<float>(integer);
        q[4 * (i % 4) + i / 4] = static_cast<int8_t>(integer);
    }
}
