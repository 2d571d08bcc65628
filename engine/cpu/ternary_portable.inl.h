// Ternary products in plain C++. A panel is unpacked to bytes [depth / 4][32 rows][4] once per call, for one
// token as for many; the inner loops over 32 rows are what a compiler vectorises for the target.

static void unpackTwoBit(const TernaryProduct& product, int64_t panel)
{
    const uint8_t* weights = product.panels + panel * product.panelBytes;
    uint8_t* codes = product.scratch;
    for (int64_t step = 0; step < product.steps; ++step) {
        for (int64_t f = 0; f < 4; ++f) {
            for (int64_t i = 0; i < kTwoBitStepBytes; ++i)
                codes[i] = static_cast<uint8_t>((weights[i] >> (2 * f)) & 3);
            codes += kTwoBitStepBytes;
        }
        weights += kTwoBitStepBytes;
    }
}

static void unpackBase3(const TernaryProduct& product, int64_t panel)
{
    const uint8_t* weights = product.panels + panel * product.panelBytes;
    uint8_t* codes = product.scratch;
    for (int64_t step = 0; step < product.steps; ++step) {
        for (int64_t five = 0; five < 16; ++five) { // five bytes hold eight numbers of two rows
            uint64_t bits = 0;
            for (int64_t i = 0; i < 5; ++i)
                bits |= static_cast<uint64_t>(weights[5 * five + i]) << (8 * i);
            for (int64_t i = 0; i < 8; ++i) {
                const unsigned number = static_cast<unsigned>(bits >> (5 * i)) & 31u;
                codes[8 * five + i] = static_cast<uint8_t>(number % 3);
                codes[8 * five + i + 128] = static_cast<uint8_t>(number / 3 % 3);
                codes[8 * five + i + 256] = static_cast<uint8_t>(number / 9);
            }
        }
        weights += kBase3StepBytes;
        codes += 3 * 128;
    }
}

template <void (*Unpack)(const TernaryProduct&, int64_t), int64_t StepColumns>
static void product(const TernaryProduct& task)
{
    for (int64_t panel = task.panelBegin; panel < task.panelEnd; ++panel) {
        Unpack(task, panel);
        const int64_t rows = task.rows - panel * kPanelRows;
        for (int64_t token = 0; token < task.tokens; ++token) {
            const int8_t* q = task.q + token * task.qStride;
            const uint8_t* codes = task.scratch;
            int32_t sums[kPanelRows] = {};
            for (int64_t k = 0; k < task.steps * StepColumns; k += 4) {
                for (int64_t r = 0; r < kPanelRows; ++r)
                    sums[r] += codes[4 * r] * q[k] + codes[4 * r + 1] * q[k + 1] +
                               codes[4 * r + 2] * q[k + 2] + codes[4 * r + 3] * q[k + 3];
                codes += 4 * kPanelRows;
            }
            float* out = task.out + token * task.outStride + panel * kPanelRows;
            for (int64_t r = 0; r < rows && r < kPanelRows; ++r) {
                const float value = static_cast<float>(sums[r] - task.qSums[token]) * task.factors[token];
                out[r] = task.add ? out[r] + value : value;
            }
        }
    }
}
