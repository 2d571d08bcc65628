// Sixteen 32-bit lanes for ternary_vnni.inl.h on AVX-512 with VNNI and VBMI.

using Words = __m512i;
constexpr int64_t kLanes = 16;
constexpr int64_t kMicroTokens = 12; // 24 accumulators of 32 registers

static inline Words allWords(int value)
{
    return _mm512_set1_epi32(value);
}
static inline Words loadWords(const uint8_t* p)
{
    return _mm512_loadu_si512(p);
}
static inline void storeWords(uint8_t* p, Words a)
{
    _mm512_storeu_si512(p, a);
}
static inline Words broadcastWord(const int8_t* p)
{
    int word;
    __builtin_memcpy(&word, p, sizeof(word));
    return _mm512_set1_epi32(word);
}
static inline Words bitAnd(Words a, Words b)
{
    return _mm512_and_si512(a, b);
}
static inline Words add(Words a, Words b)
{
    return _mm512_add_epi32(a, b);
}
static inline Words subtract(Words a, Words b)
{
    return _mm512_sub_epi32(a, b);
}
template <int Bits>
static inline Words shiftRight(Words a)
{
    return _mm512_srli_epi32(a, Bits);
}
template <int Bits>
static inline Words shiftRightSigned(Words a)
{
    return _mm512_srai_epi32(a, Bits);
}
// sums += four products u8 x s8 of every lane. Written as assembly: g++ 12 copies and spills around the
// intrinsic.
static inline void accumulate(Words& sums, Words codes, Words activations)
{
    asm("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(codes), "v"(activations));
}
static inline void storeScaled(float* out, Words sums, float factor, bool addToOut)
{
    const __m512 values = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(factor));
    _mm512_storeu_ps(out, addToOut ? _mm512_add_ps(_mm512_loadu_ps(out), values) : values);
}
static inline void prefetchStream(const uint8_t* p)
{
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes + 64), _MM_HINT_T0);
}

// 40 bytes -> 64 bytes of three two-bit fields: spread five bytes to every 64-bit lane, take eight five-bit
// numbers from each, look their three digits up (the index's sixth bit is a neighbour's and does not matter).
struct Base3Decoder {
    __m512i spread, shifts, digits;

    Base3Decoder()
    {
        alignas(64) uint8_t spreadBytes[64], shiftBytes[64], digitBytes[64];
        for (int i = 0; i < 64; ++i) {
            spreadBytes[i] = static_cast<uint8_t>(i / 8 * 5 + i % 8);
            shiftBytes[i] = static_cast<uint8_t>(i % 8 * 5);
            const int number = i % 32;
            digitBytes[i] = static_cast<uint8_t>(
                number < 27 ? number % 3 | (number / 3 % 3) << 2 | (number / 9) << 4 : 0);
        }
        spread = _mm512_load_si512(spreadBytes);
        shifts = _mm512_load_si512(shiftBytes);
        digits = _mm512_load_si512(digitBytes);
    }
    __m512i decode(const uint8_t* p) const
    {
        const __m512i numbers =
            _mm512_multishift_epi64_epi8(shifts, _mm512_permutexvar_epi8(spread, _mm512_loadu_si512(p)));
        return _mm512_permutexvar_epi8(numbers, digits);
    }
    void decodeTwoGroups(const uint8_t* p, Words& first, Words& second) const
    {
        first = decode(p);
        second = decode(p + 40);
    }
};
