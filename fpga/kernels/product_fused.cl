// One token on a GPU: everything between two ternary products and the second product in one launch, four launches
// a layer. Every work-group computes the whole row anew, so groups are few and large (the host starts about one for
// each compute unit), and the row is one pass and one reduction: for y = t * inverse (t the row without its norm's
// factor) the second norm needs the sum of squares of y and the quantiser the largest |y * weight|, and both are
// those of t times a factor that the first sum gives. Launches, barriers and trips to memory one after the other
// are what a token of one row costs; this leaves one of each.
//
// The results differ from the separate kernels' by float rounding only; integer sums are exact.
//
// A row of weights belongs to `lanes` work-items (a power of two, 4 to 32), each of which takes `rowsPerItem` rows,
// four at a time, so that an activation is read from local memory once for four rows. Weights are asked for two
// steps ahead, the first ones before the row is computed, and the row's own loads four at a time: what a launch of
// this size waits for is the latency of memory, not its bandwidth.
//
// row: local, [padded] floats; q: local, [padded] bytes. Column i lies in 16-byte chunk ((i / 16) % 4) * words +
// i / 64 (words: padded / 64), so that neighbouring work-items read neighbouring chunks.

#define FUSED_ITEMS MMFREE_FUSED_ITEMS
#define FUSED_PARTS 32 // work-items of the second level of a reduction; a warp
#define FUSED_ROWS 4   // rows a work-item computes at once
#define FUSED_BATCH 4  // elements of the row a work-item loads at once
#define FUSED_KERNEL kernel __attribute__((reqd_work_group_size(FUSED_ITEMS, 1, 1))) void

#if FUSED_ITEMS % FUSED_PARTS != 0
#error "MMFREE_FUSED_ITEMS must be a multiple of 32"
#endif

#if MMFREE_SHUFFLE
inline int shuffle_xor(int value, int mask)
{
    int other;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(other) : "r"(value), "r"(mask));
    return other;
}
#endif

// x, y: sums; z: a maximum; w: unused.
inline float4 fused_combine(float4 a, float4 b)
{
    return (float4)(a.x + b.x, a.y + b.y, fmax(a.z, b.z), 0.0f);
}

typedef struct {
#if MMFREE_SHUFFLE
    float4 parts[FUSED_ITEMS / FUSED_PARTS];
#else
    float4 items[FUSED_ITEMS];
    float4 parts[FUSED_PARTS];
    int4 sums[FUSED_ITEMS];
#endif
} FusedScratch;

#define FUSED_UNROLL(n) _Pragma("unroll") for (int n = 0; n < FUSED_BATCH; ++n)

// Puts an element of the row where the quantiser finds it and adds it to the sums.
inline float4 fused_keep(local float* row, int i, float weighted, float outerSquare, float innerSquare, float4 sums)
{
    row[i] = weighted;
    return fused_combine(sums, (float4)(outerSquare, innerSquare, fabs(weighted), 0.0f));
}

// Of all work-items, in a fixed order, so that equal inputs give equal bits. Once a kernel.
inline float4 fused_reduce(float4 value, local FusedScratch* scratch)
{
    const int item = get_local_id(0);
#if MMFREE_SHUFFLE
    for (int mask = FUSED_PARTS / 2; mask > 0; mask /= 2) {
        const float4 other = (float4)(as_float(shuffle_xor(as_int(value.x), mask)),
                                      as_float(shuffle_xor(as_int(value.y), mask)),
                                      as_float(shuffle_xor(as_int(value.z), mask)), 0.0f);
        value = fused_combine(value, other);
    }
    if (item % FUSED_PARTS == 0)
        scratch->parts[item / FUSED_PARTS] = value;
    const int parts = FUSED_ITEMS / FUSED_PARTS;
#else
    scratch->items[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < FUSED_PARTS) {
        float4 part = scratch->items[item];
        for (int i = item + FUSED_PARTS; i < FUSED_ITEMS; i += FUSED_PARTS)
            part = fused_combine(part, scratch->items[i]);
        scratch->parts[item] = part;
    }
    const int parts = FUSED_PARTS;
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
    float4 all = scratch->parts[0];
    for (int i = 1; i < parts; ++i)
        all = fused_combine(all, scratch->parts[i]);
    return all;
}

// Sum over the `lanes` work-items of a row, for four rows; valid in the first of them.
inline int4 fused_row_sums(int4 sums, int lanes, local FusedScratch* scratch)
{
#if MMFREE_SHUFFLE
    for (int mask = lanes / 2; mask > 0; mask /= 2)
        sums += (int4)(shuffle_xor(sums.x, mask), shuffle_xor(sums.y, mask), shuffle_xor(sums.z, mask),
                       shuffle_xor(sums.w, mask));
#else
    const int item = get_local_id(0);
    scratch->sums[item] = sums;
    barrier(CLK_LOCAL_MEM_FENCE);
    if ((item & (lanes - 1)) == 0) {
        for (int i = 1; i < lanes; ++i)
            sums += scratch->sums[item + i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
#endif
    return sums;
}

// The rows of this work-item: firstRow, firstRow + rowStep, ...
typedef struct {
    global const uint4* weights; // of the segment
    int firstRow, rowStep, rows, lane, lanes, words, rowsPerItem;
} FusedRows;

inline FusedRows fused_rows_of(global const uint4* weights, int padded, int rowsPerSegment, int segment, int lanes,
                               int rowsPerItem)
{
    FusedRows at;
    at.words = padded / 64;
    at.weights = weights + (size_t)segment * rowsPerSegment * at.words;
    at.lanes = lanes;
    at.lane = (int)get_local_id(0) & (lanes - 1);
    at.rowStep = FUSED_ITEMS / lanes;
    at.rows = rowsPerSegment;
    at.rowsPerItem = rowsPerItem;
    at.firstRow = (int)get_group_id(0) * at.rowStep * rowsPerItem + (int)get_local_id(0) / lanes;
    return at;
}

// A step of the product: word `word` of the rows base .. base + 3 of this work-item.
typedef struct {
    int base, word;
} FusedStep;

inline FusedStep fused_next(FusedRows at, FusedStep step)
{
    step.word += at.lanes;
    if (step.word - at.lane >= at.words) { // the same for all lanes
        step.word = at.lane;
        step.base += FUSED_ROWS;
    }
    return step;
}

inline int fused_has(FusedRows at, FusedStep step, int n)
{
    return step.base + n < at.rowsPerItem && step.word < at.words;
}

typedef struct {
    uint4 codes[FUSED_ROWS];
} FusedWords;

inline FusedWords fused_load(FusedRows at, FusedStep step)
{
    FusedWords words;
    _Pragma("unroll")
    for (int n = 0; n < FUSED_ROWS; ++n) {
        const int row = min(at.firstRow + (step.base + n) * at.rowStep, at.rows - 1);
        words.codes[n] =
            fused_has(at, step, n) ? at.weights[(size_t)row * at.words + step.word] : (uint4)(0);
    }
    return words;
}

// What can be asked of memory before the row is known: two steps of weights, and the values the first rows add to.
typedef struct {
    FusedWords first, second;
    float before[FUSED_ROWS];
} FusedAhead;

inline FusedAhead fused_load_ahead(FusedRows at, global const float* residual)
{
    FusedAhead ahead;
    FusedStep step = {0, at.lane};
    ahead.first = fused_load(at, step);
    step = fused_next(at, step);
    ahead.second = fused_load(at, step);
    _Pragma("unroll")
    for (int n = 0; n < FUSED_ROWS; ++n) {
        const int row = at.firstRow + n * at.rowStep;
        const int used = residual && at.lane == 0 && n < at.rowsPerItem && row < at.rows;
        ahead.before[n] = used ? residual[row] : 0.0f;
    }
    return ahead;
}

// q of this group from row[i] = t[i] * weight[i] and the factor that t lacks; returns s.
inline float fused_quantize(local const float* row, int width, int padded, float factor, float largest, local char* q)
{
    const float s = 127.0f / fmax(largest * factor, 1e-5f);
    const int words = padded / 64;
    for (int i = get_local_id(0); i < padded; i += FUSED_ITEMS) {
        const int value = i < width ? round_half_away(row[i] * factor * s) : 0;
        const int chunk = ((i >> 4) & 3) * words + (i >> 6);
        q[16 * chunk + (MMFREE_SLOT(i) & 15)] = (char)clamp(value, -128, 127);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return s;
}

inline int fused_word(uint4 word, uint4 a, uint4 b, uint4 c, uint4 d)
{
    int sum = dot16(word.x, a, 0);
    sum = dot16(word.y, b, sum);
    sum = dot16(word.z, c, sum);
    return dot16(word.w, d, sum);
}

// out[row] = or += sum * factor for rows base .. base + 3 of this work-item.
inline void fused_store(FusedRows at, int base, int4 sums, const float* before, float factor, global float* out,
                        int accumulate)
{
    _Pragma("unroll")
    for (int n = 0; n < FUSED_ROWS; ++n) {
        const int row = at.firstRow + (base + n) * at.rowStep;
        if (base + n >= at.rowsPerItem || row >= at.rows)
            continue;
        const int sum = n == 0 ? sums.x : (n == 1 ? sums.y : (n == 2 ? sums.z : sums.w));
        const float old = !accumulate ? 0.0f : (base == 0 ? before[n] : out[row]);
        out[row] = old + convert_float(sum) * factor;
    }
}

inline void fused_product(FusedRows at, FusedAhead ahead, local const char* q, float factor, global float* out,
                          int accumulate, local FusedScratch* scratch)
{
    local const uint4* values = (local const uint4*)q;
    const int steps = (at.words + at.lanes - 1) / at.lanes;
    FusedStep later = {0, at.lane};
    later = fused_next(at, later);
    FusedWords now = ahead.first, next = ahead.second;
    for (int base = 0; base < at.rowsPerItem; base += FUSED_ROWS) {
        int4 sums = (int4)(0);
        for (int n = 0; n < steps; ++n) {
            const FusedStep step = {base, at.lane + n * at.lanes};
            later = fused_next(at, later);
            const FusedWords afterNext = fused_load(at, later);
            if (step.word < at.words) {
                const uint4 a = values[step.word], b = values[step.word + at.words],
                            c = values[step.word + 2 * at.words], d = values[step.word + 3 * at.words];
                const int valueSum = byte_sum(a, byte_sum(b, byte_sum(c, byte_sum(d, 0))));
                sums.x += fused_word(now.codes[0], a, b, c, d) - valueSum;
                if (fused_has(at, step, 1))
                    sums.y += fused_word(now.codes[1], a, b, c, d) - valueSum;
                if (fused_has(at, step, 2))
                    sums.z += fused_word(now.codes[2], a, b, c, d) - valueSum;
                if (fused_has(at, step, 3))
                    sums.w += fused_word(now.codes[3], a, b, c, d) - valueSum;
            }
            now = next;
            next = afterNext;
        }
        sums = fused_row_sums(sums, at.lanes, scratch);
        if (at.lane == 0)
            fused_store(at, base, sums, ahead.before, factor, out, accumulate);
    }
}

inline float segment_scale(float4 matrixScales, int segment)
{
    return segment == 0 ? matrixScales.x : (segment == 1 ? matrixScales.y : matrixScales.z);
}

// Factor of BitLinear's norm for y = t * outer, from the sum of squares of t.
inline float inner_factor(float squares, float outer, int width)
{
    return outer * rsqrt(outer * outer * squares / (float)width + MMFREE_BIT_LINEAR_EPS);
}

// norm_quantize and the product behind it. t = x * outer weight.
FUSED_KERNEL fused_norm_product(global const float* x, global const float* norms, int outerOffset, int innerOffset,
                                float eps, int width, int padded, global const uint4* weights,
                                float4 matrixScales, int rowsPerSegment, int lanes, int rowsPerItem,
                                global float* out, local float* row, local char* q)
{
    local FusedScratch scratch;
    const int segment = get_group_id(2);
    const FusedRows at = fused_rows_of(weights, padded, rowsPerSegment, segment, lanes, rowsPerItem);
    const FusedAhead ahead = fused_load_ahead(at, 0);
    global const float* outer = norms + outerOffset;
    global const float* inner = norms + innerOffset + segment * width;
    float4 sums = (float4)(0.0f);
    for (int start = get_local_id(0); start < width; start += FUSED_BATCH * FUSED_ITEMS) {
        float value[FUSED_BATCH], outerWeight[FUSED_BATCH], innerWeight[FUSED_BATCH];
        FUSED_UNROLL(n) {
            const int i = min(start + n * FUSED_ITEMS, width - 1);
            value[n] = x[i];
            outerWeight[n] = outer[i];
            innerWeight[n] = inner[i];
        }
        FUSED_UNROLL(n) {
            const int i = start + n * FUSED_ITEMS;
            const float t = value[n] * outerWeight[n];
            if (i < width)
                sums = fused_keep(row, i, t * innerWeight[n], value[n] * value[n], t * t, sums);
        }
    }
    sums = fused_reduce(sums, &scratch);
    const float factor = inner_factor(sums.y, rsqrt(sums.x / (float)width + eps), width);
    const float s = fused_quantize(row, width, padded, factor, sums.z, q);
    fused_product(at, ahead, q, segment_scale(matrixScales, segment) / s, out + (size_t)segment * rowsPerSegment, 0,
                  &scratch);
}

// The MLGRU step, gate_quantize and the output projection, added to the residual. gates: f' | i' | g' of the token;
// t = g' * gNorm * silu(h). Every group computes h from the old state, the first one writes the new one elsewhere.
FUSED_KERNEL fused_gate_product(global const float* gates, global const float* state, global float* nextState,
                                int stateOffset, global const float* norms, int boundOffset, int gNormOffset,
                                int innerOffset, float eps, int width, int padded, global const uint4* weights,
                                float4 matrixScales, int rowsPerSegment, int lanes, int rowsPerItem,
                                global float* residual, local float* row, local char* q)
{
    local FusedScratch scratch;
    const FusedRows at = fused_rows_of(weights, padded, rowsPerSegment, 0, lanes, rowsPerItem);
    const FusedAhead ahead = fused_load_ahead(at, residual);
    float4 sums = (float4)(0.0f);
    for (int start = get_local_id(0); start < width; start += FUSED_BATCH * FUSED_ITEMS) {
        float bound[FUSED_BATCH], forget[FUSED_BATCH], candidate[FUSED_BATCH], g[FUSED_BATCH], old[FUSED_BATCH],
            gWeight[FUSED_BATCH], innerWeight[FUSED_BATCH];
        FUSED_UNROLL(n) {
            const int i = min(start + n * FUSED_ITEMS, width - 1);
            bound[n] = boundOffset >= 0 ? norms[boundOffset + i] : 0.0f;
            forget[n] = gates[i];
            candidate[n] = gates[width + i];
            g[n] = gates[2 * width + i];
            old[n] = state[stateOffset + i];
            gWeight[n] = norms[gNormOffset + i];
            innerWeight[n] = norms[innerOffset + i];
        }
        FUSED_UNROLL(n) {
            const int i = start + n * FUSED_ITEMS;
            const float f = bound[n] + (1.0f - bound[n]) * sigmoid_of(forget[n]);
            const float h = f * old[n] + silu_of(candidate[n]) * (1.0f - f);
            const float t = g[n] * gWeight[n] * silu_of(h);
            if (i >= width)
                continue;
            if (get_group_id(0) == 0)
                nextState[stateOffset + i] = h;
            sums = fused_keep(row, i, t * innerWeight[n], g[n] * g[n], t * t, sums);
        }
    }
    sums = fused_reduce(sums, &scratch);
    const float factor = inner_factor(sums.y, rsqrt(sums.x / (float)width + eps), width);
    const float s = fused_quantize(row, width, padded, factor, sums.z, q);
    fused_product(at, ahead, q, matrixScales.x / s, residual, 1, &scratch);
}

// swiglu_quantize and the down projection, added to the residual. t = silu(gate) * up.
FUSED_KERNEL fused_swiglu_product(global const float* gateUp, global const float* norms, int innerOffset, int width,
                                  int padded, global const uint4* weights, float4 matrixScales,
                                  int rowsPerSegment, int lanes, int rowsPerItem, global float* residual,
                                  local float* row, local char* q)
{
    local FusedScratch scratch;
    const FusedRows at = fused_rows_of(weights, padded, rowsPerSegment, 0, lanes, rowsPerItem);
    const FusedAhead ahead = fused_load_ahead(at, residual);
    float4 sums = (float4)(0.0f);
    for (int start = get_local_id(0); start < width; start += FUSED_BATCH * FUSED_ITEMS) {
        float gate[FUSED_BATCH], up[FUSED_BATCH], innerWeight[FUSED_BATCH];
        FUSED_UNROLL(n) {
            const int i = min(start + n * FUSED_ITEMS, width - 1);
            gate[n] = gateUp[i];
            up[n] = gateUp[width + i];
            innerWeight[n] = norms[innerOffset + i];
        }
        FUSED_UNROLL(n) {
            const int i = start + n * FUSED_ITEMS;
            const float t = silu_of(gate[n]) * up[n];
            if (i < width)
                sums = fused_keep(row, i, t * innerWeight[n], 0.0f, t * t, sums);
        }
    }
    sums = fused_reduce(sums, &scratch);
    const float factor = inner_factor(sums.y, 1.0f, width);
    const float s = fused_quantize(row, width, padded, factor, sums.z, q);
    fused_product(at, ahead, q, matrixScales.x / s, residual, 1, &scratch);
}
