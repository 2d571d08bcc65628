// Ternary products on AVX2 without dot-product instructions: u8 x s8 pairs are summed to 16 bits (vpmaddubsw)
// and widened before they can overflow. Included after words_avx2.inl.h. Four groups of eight rows are worked
// on together; 0.25 bytes a weight, about 0.13 instructions a weight.

constexpr int64_t kGroups = 4;
constexpr int64_t kGroupBytes = 32;
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

static inline void storePanel(const TernaryProduct& product, int64_t panel, int64_t token,
                              const Words (&sums)[kGroups])
{
    const int64_t firstRow = panel * kPanelRows;
    const int64_t rows = product.rows - firstRow;
    float* out = product.out + token * product.outStride + firstRow;
    const Words qSum = allWords(product.qSums[token]);
    float partial[kPanelRows];
    const bool whole = rows >= kPanelRows;
    for (int64_t g = 0; g < kGroups; ++g)
        storeScaled(whole ? out + 8 * g : partial + 8 * g, subtract(sums[g], qSum), product.factors[token],
                    whole && product.add);
    for (int64_t r = 0; !whole && r < rows; ++r)
        out[r] = product.add ? out[r] + partial[r] : partial[r];
}

static void gemvTwoBit(const TernaryProduct& product)
{
    const Words lowMask = allWords(0x03030303), highMask = allWords(0x0c0c0c0c);
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        for (int64_t token = 0; token < product.tokens; ++token) {
            const uint8_t* weights = product.panels + panel * product.panelBytes;
            const int8_t* q = product.q + token * product.qStride;
            Words units[kGroups], fours[kGroups]; // sums of fields at bits 0..1 (x1) and bits 2..3 (x4)
            for (int64_t g = 0; g < kGroups; ++g)
                units[g] = fours[g] = _mm256_setzero_si256();
            for (int64_t step = 0; step < product.steps;) {
                const int64_t end =
                    step + kStepsPerWidening < product.steps ? step + kStepsPerWidening : product.steps;
                __m256i narrowUnits[kGroups], narrowFours[kGroups];
                for (int64_t g = 0; g < kGroups; ++g)
                    narrowUnits[g] = narrowFours[g] = _mm256_setzero_si256();
                for (; step < end; ++step) {
                    prefetchStream(weights);
                    const Words q0 = broadcastWord(q), q1 = broadcastWord(q + 4), q2 = broadcastWord(q + 8),
                                q3 = broadcastWord(q + 12);
#pragma GCC unroll 4
                    for (int64_t g = 0; g < kGroups; ++g) {
                        const Words packed = loadWords(weights + g * kGroupBytes);
                        const Words upper = _mm256_srli_epi16(packed, 4);
                        narrowUnits[g] = _mm256_add_epi16(
                            narrowUnits[g], _mm256_add_epi16(pairs(bitAnd(packed, lowMask), q0),
                                                             pairs(bitAnd(upper, lowMask), q2)));
                        narrowFours[g] = _mm256_add_epi16(
                            narrowFours[g], _mm256_add_epi16(pairs(bitAnd(packed, highMask), q1),
                                                             pairs(bitAnd(upper, highMask), q3)));
                    }
                    weights += kTwoBitStepBytes;
                    q += kTwoBitStepColumns;
                }
                for (int64_t g = 0; g < kGroups; ++g) {
                    units[g] = add(units[g], widen(narrowUnits[g]));
                    fours[g] = add(fours[g], widen(narrowFours[g]));
                }
            }
            for (int64_t g = 0; g < kGroups; ++g)
                units[g] = add(units[g], shiftRightSigned<2>(fours[g]));
            storePanel(product, panel, token, units);
        }
    }
}

static void gemvBase3(const TernaryProduct& product)
{
    const Words mask = allWords(0x03030303);
    const Base3Decoder decoder;
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        for (int64_t token = 0; token < product.tokens; ++token) {
            const uint8_t* weights = product.panels + panel * product.panelBytes;
            const int8_t* q = product.q + token * product.qStride;
            Words sums[kGroups];
            for (int64_t g = 0; g < kGroups; ++g)
                sums[g] = _mm256_setzero_si256();
            for (int64_t step = 0; step < product.steps; ++step) {
                prefetchStream(weights);
                const Words q0 = broadcastWord(q), q1 = broadcastWord(q + 4), q2 = broadcastWord(q + 8);
                for (int64_t g = 0; g < kGroups; ++g) {
                    const Words fields = decoder.decode(weights + 20 * g);
                    const __m256i narrow = _mm256_add_epi16(
                        _mm256_add_epi16(pairs(bitAnd(fields, mask), q0),
                                         pairs(bitAnd(_mm256_srli_epi16(fields, 2), mask), q1)),
                        pairs(bitAnd(_mm256_srli_epi16(fields, 4), mask), q2));
                    sums[g] = add(sums[g], widen(narrow));
                }
                weights += kBase3StepBytes;
                q += kBase3StepColumns;
            }
            storePanel(product, panel, token, sums);
        }
    }
}

// ---- blocked product ----

static void unpackTwoBit(const TernaryProduct& product, int64_t panel)
{
    const uint8_t* weights = product.panels + panel * product.panelBytes;
    uint8_t* codes = product.scratch;
    const Words mask = allWords(0x03030303);
    for (int64_t step = 0; step < product.steps; ++step) {
        for (int64_t g = 0; g < kGroups; ++g) {
            const Words packed = loadWords(weights + g * kGroupBytes);
            uint8_t* target = codes + g * kGroupBytes;
            storeWords(target, bitAnd(packed, mask));
            storeWords(target + 128, bitAnd(shiftRight<2>(packed), mask));
            storeWords(target + 256, bitAnd(shiftRight<4>(packed), mask));
            storeWords(target + 384, bitAnd(shiftRight<6>(packed), mask));
        }
        weights += kTwoBitStepBytes;
        codes += kTwoBitStepColumns * kPanelRows;
    }
}

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
static inline void microTile(const uint8_t* codes, const int8_t* tile, int64_t depth,
                             Words (&sums)[2][kMicroTokens])
{
    for (int t = 0; t < kMicroTokens; ++t)
        sums[0][t] = sums[1][t] = _mm256_setzero_si256();
    for (int64_t k = 0; k < depth;) {
        const int64_t end = k + kDepthPerWidening < depth ? k + kDepthPerWidening : depth;
        __m256i low[kMicroTokens], high[kMicroTokens];
        for (int t = 0; t < kMicroTokens; ++t)
            low[t] = high[t] = _mm256_setzero_si256();
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
        for (int t = 0; t < kMicroTokens; ++t) {
            sums[0][t] = add(sums[0][t], widen(low[t]));
            sums[1][t] = add(sums[1][t], widen(high[t]));
        }
    }
}

template <void (*Unpack)(const TernaryProduct&, int64_t)>
static void gemm(const TernaryProduct& product)
{
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        Unpack(product, panel);
        for (int64_t token = 0; token < product.tokens; token += kMicroTokens) {
            const int8_t* tile =
                product.qTiles + token / kTokenTile * kTokenTile * product.depth + token % kTokenTile * 4;
            Words sums[kGroups / 2][2][kMicroTokens];
            for (int64_t half = 0; half < kGroups / 2; ++half)
                microTile(product.scratch + half * 2 * kGroupBytes, tile, product.depth, sums[half]);
            for (int64_t t = 0; t < kMicroTokens && token + t < product.tokens; ++t) {
                const Words panelSums[kGroups] = {sums[0][0][t], sums[0][1][t], sums[1][0][t], sums[1][1][t]};
                storePanel(product, panel, token + t, panelSums);
            }
        }
    }
}
