// Eight 32-bit lanes for the ternary products on AVX2. `accumulate` (vpdpbusd) is added by
// kernels_avxvnni.cpp.

using Words = __m256i;
constexpr int64_t kLanes = 8;

static inline Words allWords(int value)
{
    return _mm256_set1_epi32(value);
}
static inline Words loadWords(const uint8_t* p)
{
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
static inline void storeWords(uint8_t* p, Words a)
{
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a);
}
static inline Words broadcastWord(const int8_t* p)
{
    int word;
    __builtin_memcpy(&word, p, sizeof(word));
    return _mm256_set1_epi32(word);
}
static inline Words bitAnd(Words a, Words b)
{
    return _mm256_and_si256(a, b);
}
static inline Words add(Words a, Words b)
{
    return _mm256_add_epi32(a, b);
}
static inline Words subtract(Words a, Words b)
{
    return _mm256_sub_epi32(a, b);
}
template <int Bits>
static inline Words shiftRight(Words a)
{
    return _mm256_srli_epi32(a, Bits);
}
template <int Bits>
static inline Words shiftRightSigned(Words a)
{
    return _mm256_srai_epi32(a, Bits);
}
static inline void storeScaled(float* out, Words sums, float factor, bool addToOut)
{
    const __m256 values = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(factor));
    _mm256_storeu_ps(out, addToOut ? _mm256_add_ps(_mm256_loadu_ps(out), values) : values);
}
static inline void prefetchStream(const uint8_t* p)
{
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes), _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes + 64), _MM_HINT_T0);
}

// 20 bytes (8 rows) -> 32 bytes of three two-bit fields. Every five-bit number is brought to a 16-bit lane by
// a byte shuffle, to its top by a multiplication and down by a shift; two 16-entry tables give its digits.
struct Base3Decoder {
    __m256i spread, multipliers, digitsLow, digitsHigh;

    Base3Decoder()
    {
        alignas(32) uint8_t spreadBytes[32], lowBytes[32], highBytes[32];
        alignas(32) uint16_t multiplierWords[16];
        for (int i = 0; i < 16; ++i) { // number i of 16: bits 5 (i % 8) of the five bytes from 5 (i / 8)
            const int bit = 5 * (i % 8), byte = 5 * (i / 8) + bit / 8;
            spreadBytes[2 * i] = static_cast<uint8_t>(byte);
            spreadBytes[2 * i + 1] = static_cast<uint8_t>(byte + 1);
            multiplierWords[i] = static_cast<uint16_t>(1 << (11 - bit % 8));
            lowBytes[i] = lowBytes[16 + i] = digitsOf(i);
            highBytes[i] = highBytes[16 + i] = digitsOf(16 + i);
        }
        spread = loadWords(spreadBytes);
        multipliers = loadWords(reinterpret_cast<const uint8_t*>(multiplierWords));
        digitsLow = loadWords(lowBytes);
        digitsHigh = loadWords(highBytes);
    }
    static uint8_t digitsOf(int number)
    {
        return static_cast<uint8_t>(number < 27 ? number % 3 | (number / 3 % 3) << 2 | (number / 9) << 4 : 0);
    }
    __m256i numbers(const uint8_t* p) const // 10 bytes -> 16 numbers in 16-bit lanes
    {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m256i pairs = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), spread);
        return _mm256_srli_epi16(_mm256_mullo_epi16(pairs, multipliers), 11);
    }
    Words decode(const uint8_t* p) const
    {
        const __m256i packed = _mm256_packus_epi16(numbers(p), numbers(p + 10));
        const __m256i indices = _mm256_permute4x64_epi64(packed, 0xd8);
        // pshufb gives 0 where the index's top bit is set: + 0x70 sets it from 16 on, - 16 below 16.
        const __m256i low = _mm256_shuffle_epi8(digitsLow, _mm256_add_epi8(indices, _mm256_set1_epi8(0x70)));
        const __m256i high = _mm256_shuffle_epi8(digitsHigh, _mm256_sub_epi8(indices, _mm256_set1_epi8(16)));
        return _mm256_or_si256(low, high);
    }
    void decodeTwoGroups(const uint8_t* p, Words& first, Words& second) const
    {
        first = decode(p);
        second = decode(p + 20);
    }
};
