// Ternary products on AVX2 without dot-product instructions: u8 x s8 pairs are summed to 16 bits (vpmaddubsw)
// and widened before they can overflow. Included after ternary_panels.inl.h. Four groups of eight rows are
// worked on together; 0.25 bytes a weight, about 0.13 instructions a weight.

// A field at bits 2..3 counts four times: two of them add at most 2 * 2 * 8 * 128 = 4096 a step to a 16-bit
// lane.
constexpr int64_t kStepsPerWidening = 7;

static inline __m256i pairs(Words codes, Words activations)
{
    return _mm256_maddubs_epi16(codes, activations);
}
static inline __m256i widen(__m256i sums)
{
    return _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
}

static inline void addStep(Words packed, const Words (&q)[4], __m256i& units, __m256i& fours)
{
    const Words lowMask = allWords(0x03030303), highMask = allWords(0x0c0c0c0c);
    const Words upper = _mm256_srli_epi16(packed, 4);
    units = _mm256_add_epi16(
        units, _mm256_add_epi16(pairs(bitAnd(packed, lowMask), q[0]), pairs(bitAnd(upper, lowMask), q[2])));
    fours = _mm256_add_epi16(
        fours, _mm256_add_epi16(pairs(bitAnd(packed, highMask), q[1]), pairs(bitAnd(upper, highMask), q[3])));
}

// Two groups at a time: what sixteen registers hold. The second pass finds the panel in the first-level
// cache.
static inline void gemvPair(const TernaryProduct& product, int64_t panel, int64_t group, int64_t token)
{
    const uint8_t* weights = product.panels + panel * product.panelBytes + group * kGroupBytes;
    const int8_t* q = product.q + token * product.qStride;
    const Words zero = _mm256_setzero_si256();
    Words lowUnits = zero, lowFours = zero, highUnits = zero,
          highFours = zero; // fields at bits 0..1, 2..3 (x4)
    for (int64_t step = 0; step < product.steps;) {
        const int64_t end =
            step + kStepsPerWidening < product.steps ? step + kStepsPerWidening : product.steps;
        __m256i a = zero, b = zero, c = zero, d = zero;
        for (; step < end; ++step) {
            prefetchStream(weights);
            const Words activations[4] = {broadcastWord(q), broadcastWord(q + 4), broadcastWord(q + 8),
                                          broadcastWord(q + 12)};
            addStep(loadWords(weights), activations, a, b);
            addStep(loadWords(weights + kGroupBytes), activations, c, d);
            weights += kTwoBitStepBytes;
            q += kTwoBitStepColumns;
        }
        lowUnits = add(lowUnits, widen(a));
        lowFours = add(lowFours, widen(b));
        highUnits = add(highUnits, widen(c));
        highFours = add(highFours, widen(d));
    }
    storeGroups(product, panel * kPanelRows + group * kLanes, token,
                add(lowUnits, shiftRightSigned<2>(lowFours)), add(highUnits, shiftRightSigned<2>(highFours)));
}

static void gemvTwoBit(const TernaryProduct& product)
{
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        for (int64_t token = 0; token < product.tokens; ++token) {
            for (int64_t group = 0; group < kGroups; group += 2)
                gemvPair(product, panel, group, token);
        }
    }
}

static inline __m256i base3Step(Words fields, Words q0, Words q1, Words q2)
{
    const Words mask = allWords(0x03030303);
    return _mm256_add_epi16(_mm256_add_epi16(pairs(bitAnd(fields, mask), q0),
                                             pairs(bitAnd(_mm256_srli_epi16(fields, 2), mask), q1)),
                            pairs(bitAnd(_mm256_srli_epi16(fields, 4), mask), q2));
}

static void gemvBase3(const TernaryProduct& product)
{
    constexpr int64_t kStepsOfThree = 20; // a step adds at most 3 * 2 * 2 * 128 = 1536 to a 16-bit lane
    const Base3Decoder decoder;
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        for (int64_t token = 0; token < product.tokens; ++token) {
            for (int64_t group = 0; group < kGroups; group += 2) {
                const uint8_t* weights = product.panels + panel * product.panelBytes + 20 * group;
                const int8_t* q = product.q + token * product.qStride;
                Words low = _mm256_setzero_si256(), high = low;
                for (int64_t step = 0; step < product.steps;) {
                    const int64_t end =
                        step + kStepsOfThree < product.steps ? step + kStepsOfThree : product.steps;
                    __m256i a = _mm256_setzero_si256(), b = a;
                    for (; step < end; ++step) {
                        prefetchStream(weights);
                        const Words q0 = broadcastWord(q), q1 = broadcastWord(q + 4),
                                    q2 = broadcastWord(q + 8);
                        a = _mm256_add_epi16(a, base3Step(decoder.decode(weights), q0, q1, q2));
                        b = _mm256_add_epi16(b, base3Step(decoder.decode(weights + 20), q0, q1, q2));
                        weights += kBase3StepBytes;
                        q += kBase3StepColumns;
                    }
                    low = add(low, widen(a));
                    high = add(high, widen(b));
                }
                storeGroups(product, panel * kPanelRows + group * kLanes, token, low, high);
            }
        }
    }
}

// ---- blocked product ----

static void unpackBase3(const TernaryProduct& product, int64_t panel)
{
    const uint8_t* weights = product.panels + panel * product.panelBytes;
    uint8_t* codes = product.scratch;
    const Words mask = allWords(0x03030303);
    const Base3Decoder decoder;
    for (int64_t step = 0; step < product.steps; ++step) {
        for (int64_t g = 0; g < kGroups; ++g) {
            const Words fields = decoder.decode(weights + 20 * g);
            uint8_t* target = codes + g * kGroupBytes;
            storeWords(target, bitAnd(fields, mask));
            storeWords(target + 128, bitAnd(shiftRight<2>(fields), mask));
            storeWords(target + 256, bitAnd(shiftRight<4>(fields), mask));
        }
        weights += kBase3StepBytes;
        codes += kBase3StepColumns * kPanelRows;
    }
}

constexpr int64_t kMicroTokens = 4;
constexpr int64_t kDepthPerWidening = 4 * 60; // a pair adds at most 2 * 2 * 128 = 512 a lane

// Two groups of rows x four tokens.
static inline void microTile(const uint8_t* codes, const int8_t* tile, int64_t depth, Words* lowOut,
                             Words* highOut)
{
    const Words zero = _mm256_setzero_si256();
    Words lowSums[kMicroTokens] = {zero, zero, zero, zero}, highSums[kMicroTokens] = {zero, zero, zero, zero};
    for (int64_t k = 0; k < depth;) {
        const int64_t end = k + kDepthPerWidening < depth ? k + kDepthPerWidening : depth;
        __m256i low[kMicroTokens] = {zero, zero, zero, zero}, high[kMicroTokens] = {zero, zero, zero, zero};
        for (; k < end; k += 4) {
            const Words first = loadWords(codes), second = loadWords(codes + kGroupBytes);
#pragma GCC unroll 4
            for (int t = 0; t < kMicroTokens; ++t) {
                const Words activations = broadcastWord(tile + 4 * t);
                low[t] = _mm256_add_epi16(low[t], pairs(first, activations));
                high[t] = _mm256_add_epi16(high[t], pairs(second, activations));
            }
            codes += 4 * kPanelRows;
            tile += 4 * kTokenTile;
        }
#pragma GCC unroll 4
        for (int t = 0; t < kMicroTokens; ++t) {
            lowSums[t] = add(lowSums[t], widen(low[t]));
            highSums[t] = add(highSums[t], widen(high[t]));
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < kMicroTokens; ++t) {
        lowOut[t] = lowSums[t];
        highOut[t] = highSums[t];
    }
}

template <void (*Unpack)(const TernaryProduct&, int64_t)>
static void gemm(const TernaryProduct& product)
{
    gemmPanels<Unpack, kMicroTokens, microTile>(product);
}
