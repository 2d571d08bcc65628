// Sixteen float lanes on AVX2: two registers. Included inside an ISA's namespace; see vector_avx512.inl.h for
// the contract all variants share.

struct Lanes {
    __m256 low, high;
};

static inline Lanes load(const float* p)
{
    return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
static inline __m256i firstEight(int64_t count) // 32-bit mask of lanes below count
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lane);
}
static inline Lanes loadFirst(const float* p, int64_t count)
{
    if (count <= 8)
        return {_mm256_maskload_ps(p, firstEight(count)), _mm256_setzero_ps()};
    return {_mm256_loadu_ps(p), _mm256_maskload_ps(p + 8, firstEight(count - 8))};
}
static inline void store(float* p, Lanes a)
{
    _mm256_storeu_ps(p, a.low);
    _mm256_storeu_ps(p + 8, a.high);
}
static inline void storeFirst(float* p, Lanes a, int64_t count)
{
    if (count <= 8) {
        _mm256_maskstore_ps(p, firstEight(count), a.low);
        return;
    }
    _mm256_storeu_ps(p, a.low);
    _mm256_maskstore_ps(p + 8, firstEight(count - 8), a.high);
}
static inline Lanes all(float value)
{
    return {_mm256_set1_ps(value), _mm256_set1_ps(value)};
}
static inline Lanes operator+(Lanes a, Lanes b)
{
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
static inline Lanes operator-(Lanes a, Lanes b)
{
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
static inline Lanes operator*(Lanes a, Lanes b)
{
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
static inline Lanes operator/(Lanes a, Lanes b)
{
    return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
static inline Lanes maximum(Lanes a, Lanes b)
{
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
static inline Lanes minimum(Lanes a, Lanes b)
{
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
static inline Lanes squareRoot(Lanes a)
{
    return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)};
}
static inline Lanes magnitude(Lanes a)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}
static inline __m256 scaleByPowerOfTwo(__m256 p, __m256 magicN)
{
    const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(magicN), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}
static inline Lanes scaleByPowerOfTwo(Lanes p, Lanes magicN)
{
    return {scaleByPowerOfTwo(p.low, magicN.low), scaleByPowerOfTwo(p.high, magicN.high)};
}
static inline float sum(Lanes a)
{
    const __m256 eight = _mm256_add_ps(a.low, a.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
static inline float largest(Lanes a)
{
    const __m256 eight = _mm256_max_ps(a.low, a.high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}
static inline float squareRoot(float value)
{
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(value)));
}

static inline Lanes loadHalf(const uint16_t* p)
{
    return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
            _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
static inline __m256 loadBfloatEight(const uint16_t* p)
{
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
static inline Lanes loadBfloat(const uint16_t* p)
{
    return {loadBfloatEight(p), loadBfloatEight(p + 8)};
}

static inline __m256i roundedIntegers(__m256 a)
{
    const __m256 clamped = _mm256_min_ps(_mm256_max_ps(a, _mm256_set1_ps(-128.0f)), _mm256_set1_ps(127.0f));
    const __m256 sign = _mm256_and_ps(clamped, _mm256_set1_ps(-0.0f));
    return _mm256_cvttps_epi32(_mm256_add_ps(clamped, _mm256_or_ps(sign, _mm256_set1_ps(0.49999997f))));
}
static inline void storeRounded(int8_t* q, Lanes a, Lanes& total)
{
    const __m256i low = roundedIntegers(a.low), high = roundedIntegers(a.high);
    total.low = _mm256_add_ps(total.low, _mm256_cvtepi32_ps(low));
    total.high = _mm256_add_ps(total.high, _mm256_cvtepi32_ps(high));
    const __m128i first = _mm_packs_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    const __m128i second = _mm_packs_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    const __m128i bytes = _mm_packs_epi16(first, second);
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm_shuffle_epi8(bytes, order));
}
