// What the ternary products of x86 instruction sets share: how the sums of two groups of rows are stored, how
// a panel's 2-bit codes become bytes, and the loops of the blocked product around an instruction set's own
// tile. Included inside an ISA's namespace after a `Words` type of kLanes 32-bit lanes with its helpers. One
// lane is one row; a group is kLanes rows.

constexpr int64_t kGroupBytes = 4 * kLanes;
constexpr int64_t kGroups = kPanelRows / kLanes;

// Adds one product's sums of two groups of rows to the output: (sum - qSum) * factor.
static inline void storeGroups(const TernaryProduct& product, int64_t firstRow, int64_t token, Words low,
                               Words high)
{
    const Words qSum = allWords(product.qSums[token]);
    float* out = product.out + token * product.outStride + firstRow;
    const int64_t rows = product.rows - firstRow;
    if (rows >= 2 * kLanes) {
        storeScaled(out, subtract(low, qSum), product.factors[token], product.add);
        storeScaled(out + kLanes, subtract(high, qSum), product.factors[token], product.add);
        return;
    }
    float sums[2 * kLanes];
    storeScaled(sums, subtract(low, qSum), product.factors[token], false);
    storeScaled(sums + kLanes, subtract(high, qSum), product.factors[token], false);
    for (int64_t r = 0; r < rows; ++r)
        out[r] = product.add ? out[r] + sums[r] : sums[r];
}

// ---- blocked product: a panel's codes as bytes [depth / 4][32 rows][4], then tiles of rows x tokens ----

static void unpackTwoBit(const TernaryProduct& product, int64_t panel)
{
    const uint8_t* weights = product.panels + panel * product.panelBytes;
    uint8_t* codes = product.scratch;
    const Words mask = allWords(0x03030303);
    for (int64_t step = 0; step < product.steps; ++step) {
        for (int64_t group = 0; group < kGroups; ++group) {
            const Words packed = loadWords(weights + group * kGroupBytes);
            uint8_t* target = codes + group * kGroupBytes;
            storeWords(target, bitAnd(packed, mask));
            storeWords(target + 128, bitAnd(shiftRight<2>(packed), mask));
            storeWords(target + 256, bitAnd(shiftRight<4>(packed), mask));
            storeWords(target + 384, bitAnd(shiftRight<6>(packed), mask));
        }
        weights += kTwoBitStepBytes;
        codes += kTwoBitStepColumns * kPanelRows;
    }
}

// MicroTile: two groups of rows x kTokens tokens over the whole depth.
template <void (*Unpack)(const TernaryProduct&, int64_t), int64_t kTokens,
          void (*MicroTile)(const uint8_t*, const int8_t*, int64_t, Words*, Words*)>
static inline void gemmPanels(const TernaryProduct& product)
{
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        Unpack(product, panel);
        for (int64_t token = 0; token < product.tokens; token += kTokens) {
            const int8_t* tile =
                product.qTiles + token / kTokenTile * kTokenTile * product.depth + token % kTokenTile * 4;
            const int64_t count = product.tokens - token < kTokens ? product.tokens - token : kTokens;
            for (int64_t group = 0; group < kGroups; group += 2) {
                Words low[kTokens], high[kTokens];
                MicroTile(product.scratch + group * kGroupBytes, tile, product.depth, low, high);
                for (int64_t t = 0; t < count; ++t)
                    storeGroups(product, panel * kPanelRows + group * kLanes, token + t, low[t], high[t]);
            }
        }
    }
}
