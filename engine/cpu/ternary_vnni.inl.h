// Ternary products with u8 x s8 dot-product instructions (vpdpbusd). Included after ternary_panels.inl.h. Two
// groups of rows are worked on together, so that eight accumulators hide the instruction's latency.
//
// gemv: 0.25 bytes a weight, read once in one sequential stream; per 512 weights 2 loads, 4 broadcasts, 8
// ands and 8 dot products. Fields are multiplied where they lie (x1, x4, x16, x64), one accumulator each; the
// shift is made once per row, which is exact because every term is a multiple of the field's weight.

static inline Words foldFields(const Words (&sums)[4])
{
    return add(add(sums[0], shiftRightSigned<2>(sums[1])),
               add(shiftRightSigned<4>(sums[2]), shiftRightSigned<6>(sums[3])));
}

static void gemvTwoBit(const TernaryProduct& product)
{
    const Words masks[4] = {allWords(0x03030303), allWords(0x0c0c0c0c), allWords(0x30303030),
                            allWords(static_cast<int>(0xc0c0c0c0u))};
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        for (int64_t token = 0; token < product.tokens; ++token) {
            for (int64_t group = 0; group < kGroups; group += 2) {
                const uint8_t* weights = product.panels + panel * product.panelBytes + group * kGroupBytes;
                const int8_t* q = product.q + token * product.qStride;
                Words low[4], high[4];
                for (int f = 0; f < 4; ++f)
                    low[f] = high[f] = allWords(0);
                for (int64_t step = 0; step < product.steps; ++step) {
                    prefetchStream(weights);
                    const Words first = loadWords(weights), second = loadWords(weights + kGroupBytes);
#pragma GCC unroll 4
                    for (int f = 0; f < 4; ++f) {
                        const Words activations = broadcastWord(q + 4 * f);
                        accumulate(low[f], bitAnd(first, masks[f]), activations);
                        accumulate(high[f], bitAnd(second, masks[f]), activations);
                    }
                    weights += kTwoBitStepBytes;
                    q += kTwoBitStepColumns;
                }
                storeGroups(product, panel * kPanelRows + group * kLanes, token, foldFields(low),
                            foldFields(high));
            }
        }
    }
}

static void gemvBase3(const TernaryProduct& product)
{
    const Words masks[3] = {allWords(0x03030303), allWords(0x0c0c0c0c), allWords(0x30303030)};
    const Base3Decoder decoder;
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        for (int64_t token = 0; token < product.tokens; ++token) {
            for (int64_t group = 0; group < kGroups; group += 2) {
                const uint8_t* weights =
                    product.panels + panel * product.panelBytes + group * kBase3StepBytes / kGroups;
                const int8_t* q = product.q + token * product.qStride;
                Words low[4], high[4];
                for (int f = 0; f < 4; ++f)
                    low[f] = high[f] = allWords(0);
                for (int64_t step = 0; step < product.steps; ++step) {
                    prefetchStream(weights);
                    Words first, second;
                    decoder.decodeTwoGroups(weights, first, second);
#pragma GCC unroll 3
                    for (int f = 0; f < 3; ++f) {
                        const Words activations = broadcastWord(q + 4 * f);
                        accumulate(low[f], bitAnd(first, masks[f]), activations);
                        accumulate(high[f], bitAnd(second, masks[f]), activations);
                    }
                    weights += kBase3StepBytes;
                    q += kBase3StepColumns;
                }
                storeGroups(product, panel * kPanelRows + group * kLanes, token, foldFields(low),
                            foldFields(high));
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
        for (int64_t group = 0; group < kGroups; group += 2) {
            Words fields[2];
            decoder.decodeTwoGroups(weights + group * kBase3StepBytes / kGroups, fields[0], fields[1]);
            for (int64_t k = 0; k < 2; ++k) {
                uint8_t* target = codes + (group + k) * kGroupBytes;
                storeWords(target, bitAnd(fields[k], mask));
                storeWords(target + 128, bitAnd(shiftRight<2>(fields[k]), mask));
                storeWords(target + 256, bitAnd(shiftRight<4>(fields[k]), mask));
            }
        }
        weights += kBase3StepBytes;
        codes += kBase3StepColumns * kPanelRows;
    }
}

// Two groups of rows x kMicroTokens tokens over the whole depth. The accumulators are local arrays that only
// see constant indices, so that they stay in registers.
static inline void microTile(const uint8_t* codes, const int8_t* tile, int64_t depth, Words* lowOut,
                             Words* highOut)
{
    Words low[kMicroTokens], high[kMicroTokens];
#pragma GCC unroll 12
    for (int t = 0; t < kMicroTokens; ++t)
        low[t] = high[t] = allWords(0);
    for (int64_t k = 0; k < depth; k += 4) {
        const Words first = loadWords(codes), second = loadWords(codes + kGroupBytes);
#pragma GCC unroll 12
        for (int t = 0; t < kMicroTokens; ++t) {
            const Words activations = broadcastWord(tile + 4 * t);
            accumulate(low[t], first, activations);
            accumulate(high[t], second, activations);
        }
        codes += 4 * kPanelRows;
        tile += 4 * kTokenTile;
    }
#pragma GCC unroll 12
    for (int t = 0; t < kMicroTokens; ++t) {
        lowOut[t] = low[t];
        highOut[t] = high[t];
    }
}

template <void (*Unpack)(const TernaryProduct&, int64_t)>
static void gemm(const TernaryProduct& product)
{
    gemmPanels<Unpack, kMicroTokens, microTile>(product);
}
