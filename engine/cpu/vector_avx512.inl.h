// Sixteen float lanes on AVX-512. Included inside an ISA's namespace by kernels_avx512.cpp; every variant's
// Lanes offers the same operations with the same rounding, so that float_kernels.inl.h gives the same bits
// everywhere.

struct Lanes {
    __m512 v;
};

static inline Lanes load(const float* p)
{
    return {_mm512_loadu_ps(p)};
}
static inline __mmask16 firstLanes(int64_t count)
{
    return static_cast<__mmask16>((1u << count) - 1u);
}
static inline Lanes loadFirst(const float* p, int64_t count) // other lanes 0
{
    return {_mm512_maskz_loadu_ps(firstLanes(count), p)};
}
static inline void store(float* p, Lanes a)
{
    _mm512_storeu_ps(p, a.v);
}
static inline void storeFirst(float* p, Lanes a, int64_t count)
{
    _mm512_mask_storeu_ps(p, firstLanes(count), a.v);
}
static inline Lanes all(float value)
{
    return {_mm512_set1_ps(value)};
}
static inline Lanes operator+(Lanes a, Lanes b)
{
    return {_mm512_add_ps(a.v, b.v)};
}
static inline Lanes operator-(Lanes a, Lanes b)
{
    return {_mm512_sub_ps(a.v, b.v)};
}
static inline Lanes operator*(Lanes a, Lanes b)
{
    return {_mm512_mul_ps(a.v, b.v)};
}
static inline Lanes operator/(Lanes a, Lanes b)
{
    return {_mm512_div_ps(a.v, b.v)};
}
static inline Lanes maximum(Lanes a, Lanes b)
{
    return {_mm512_max_ps(a.v, b.v)};
} // a > b ? a : b
static inline Lanes minimum(Lanes a, Lanes b)
{
    return {_mm512_min_ps(a.v, b.v)};
} // a < b ? a : b
static inline Lanes squareRoot(Lanes a)
{
    return {_mm512_sqrt_ps(a.v)};
}
static inline Lanes magnitude(Lanes a)
{
    return {_mm512_abs_ps(a.v)};
}
// p * 2^n where the low bits of magicN (n + 1.5 * 2^23 as a float) hold n
static inline Lanes scaleByPowerOfTwo(Lanes p, Lanes magicN)
{
    const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(magicN.v), 23);
    return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p.v), exponent))};
}
// Lanes i and i + 8, then i + 4, i + 2, i + 1.
static inline float sum(Lanes a)
{
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
static inline float largest(Lanes a)
{
    return _mm512_reduce_max_ps(a.v);
}
static inline float squareRoot(float value)
{
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(value)));
}

static inline Lanes loadHalf(const uint16_t* p)
{
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
static inline Lanes loadBfloat(const uint16_t* p)
{
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
}

// Rounds halves away from zero, clamps to -128 .. 127 (NaN gives -128) and stores in field order; the
// integers are added to `total` as floats.
static inline void storeRounded(int8_t* q, Lanes a, Lanes& total)
{
    const __m512 clamped = _mm512_min_ps(_mm512_max_ps(a.v, _mm512_set1_ps(-128.0f)), _mm512_set1_ps(127.0f));
    const __m512 sign = _mm512_and_ps(clamped, _mm512_set1_ps(-0.0f));
    const __m512 half = _mm512_or_ps(sign, _mm512_set1_ps(0.49999997f));
    const __m512i integers = _mm512_cvttps_epi32(_mm512_add_ps(clamped, half));
    total.v = _mm512_add_ps(total.v, _mm512_cvtepi32_ps(integers));
    const __m128i bytes = _mm512_cvtepi32_epi8(integers);
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm_shuffle_epi8(bytes, order));
}
