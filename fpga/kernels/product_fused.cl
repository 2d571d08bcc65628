// One token on a GPU: a row kernel of rows.cl and the product behind it in one launch. Launches and the round
// trip of the quantised row through memory cost more there than computing that row anew in every work-group,
// which is what happens here. Because that work is the same for every group, groups are few and large:
// MMFREE_FUSED_ITEMS work-items for MMFREE_FUSED_ITEMS / lanes rows, with `lanes` (a power of two, at least 4)
// chosen by the host so that the groups just fill the device. The first weights of a row are asked for before
// the norm, so that memory answers meanwhile. Same results up to the order of the norms' float sums.
//
// row: local, [padded] floats; q: local, [padded] bytes in MMFREE_SLOT order.

#define FUSED_ITEMS MMFREE_FUSED_ITEMS
#define FUSED_PARTS 32 // first level of a reduction
#define FUSED_AHEAD 4  // 16-byte words of weights a work-item loads ahead
#define FUSED_KERNEL kernel __attribute__((reqd_work_group_size(FUSED_ITEMS, 1, 1))) void

#if FUSED_ITEMS % FUSED_PARTS != 0
#error "MMFREE_FUSED_ITEMS must be a multiple of 32"
#endif

typedef struct {
    float items[FUSED_ITEMS];
    float4 parts[FUSED_PARTS / 4];
} FusedScratch;

// Two levels and two barriers where a tree takes log2(items). The order is fixed, so equal inputs give equal
// bits. Calls may follow each other without a barrier.
inline float fused_reduce(float value, int maximum, local FusedScratch* scratch)
{
    const int item = get_local_id(0);
    scratch->items[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < FUSED_PARTS) {
        float part = scratch->items[item];
        for (int i = item + FUSED_PARTS; i < FUSED_ITEMS; i += FUSED_PARTS)
            part = maximum ? fmax(part, scratch->items[i]) : part + scratch->items[i];
        ((local float*)scratch->parts)[item] = part;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float4 all4 = scratch->parts[0];
    for (int i = 1; i < FUSED_PARTS / 4; ++i)
        all4 = maximum ? fmax(all4, scratch->parts[i]) : all4 + scratch->parts[i];
    return maximum ? fmax(fmax(all4.x, all4.y), fmax(all4.z, all4.w)) : (all4.x + all4.z) + (all4.y + all4.w);
}

// Every work-item only touches its own elements of the row, so no barrier is needed between passes.
inline float fused_inverse_rms(local const float* row, int width, float eps, local FusedScratch* scratch)
{
    float sum = 0.0f;
    for (int i = get_local_id(0); i < width; i += FUSED_ITEMS)
        sum += row[i] * row[i];
    return rsqrt(fused_reduce(sum, 0, scratch) / (float)width + eps);
}

// BitLinear's quantiser (see rows.cl); returns s. q is complete for the group on return.
inline float fused_quantize(local float* row, global const float* weight, int width, int padded, local char* q,
                            local FusedScratch* scratch)
{
    const int item = get_local_id(0);
    const float inverse = fused_inverse_rms(row, width, MMFREE_BIT_LINEAR_EPS, scratch);
    float largest = 0.0f;
    for (int i = item; i < width; i += FUSED_ITEMS) {
        const float value = row[i] * inverse * weight[i];
        row[i] = value;
        largest = fmax(largest, fabs(value));
    }
    const float s = 127.0f / fmax(fused_reduce(largest, 1, scratch), 1e-5f);
    for (int i = item; i < padded; i += FUSED_ITEMS) {
        const int value = i < width ? round_half_away(row[i] * s) : 0;
        q[MMFREE_SLOT(i)] = (char)clamp(value, -128, 127);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return s;
}

// Where this work-item reads: word `lane`, lane + lanes, ... of its row.
typedef struct {
    global const uint4* codes;
    int row, lane, lanes, words;
} FusedRow;

inline FusedRow fused_row(global const uint4* weights, int padded, int rowsPerSegment, int segment, int lanes)
{
    FusedRow at;
    at.lanes = lanes;
    at.lane = (int)get_local_id(0) & (lanes - 1);
    at.row = ((int)get_group_id(0) * FUSED_ITEMS + (int)get_local_id(0)) / lanes;
    at.words = padded / 64;
    at.codes = weights + ((size_t)segment * rowsPerSegment + min(at.row, rowsPerSegment - 1)) * at.words;
    return at;
}

inline void fused_load_ahead(FusedRow at, uint4* ahead)
{
    _Pragma("unroll")
    for (int n = 0; n < FUSED_AHEAD; ++n) {
        const int word = at.lane + n * at.lanes;
        ahead[n] = word < at.words ? at.codes[word] : (uint4)(0);
    }
}

inline int fused_word(uint4 word, local const uint4* values, int sum)
{
    const uint4 a = values[0], b = values[1], c = values[2], d = values[3];
    sum = dot16(word.x, a, sum);
    sum = dot16(word.y, b, sum);
    sum = dot16(word.z, c, sum);
    sum = dot16(word.w, d, sum);
    return sum - byte_sum(a, byte_sum(b, byte_sum(c, byte_sum(d, 0))));
}

// This group's rows of matrix `segment`; out: [segments * rowsPerSegment].
inline void fused_rows(FusedRow at, const uint4* ahead, local const char* q, float factor, int rowsPerSegment,
                       int segment, global float* out, int accumulate, local FusedScratch* scratch)
{
    local const uint4* values = (local const uint4*)q;
    int sum = 0;
    _Pragma("unroll")
    for (int n = 0; n < FUSED_AHEAD; ++n) {
        const int word = at.lane + n * at.lanes;
        if (word < at.words)
            sum = fused_word(ahead[n], values + 4 * word, sum);
    }
    for (int word = at.lane + FUSED_AHEAD * at.lanes; word < at.words; word += at.lanes)
        sum = fused_word(at.codes[word], values + 4 * word, sum);
    local int* partial = (local int*)scratch->items;
    partial[get_local_id(0)] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (at.lane == 0 && at.row < rowsPerSegment) {
        local const int4* mine = (local const int4*)(partial + get_local_id(0));
        int4 total4 = mine[0];
        for (int i = 1; i < at.lanes / 4; ++i)
            total4 += mine[i];
        global float* target = out + (size_t)segment * rowsPerSegment + at.row;
        const float value = convert_float((total4.x + total4.y) + (total4.z + total4.w)) * factor;
        *target = accumulate ? *target + value : value;
    }
}

inline float segment_scale(float4 matrixScales, int segment)
{
    return segment == 0 ? matrixScales.x : (segment == 1 ? matrixScales.y : matrixScales.z);
}

// norm_quantize and the product behind it.
FUSED_KERNEL fused_norm_product(global const float* x, global const float* norms, int outerOffset, int innerOffset,
                                float eps, int width, int padded, global const uint4* weights,
                                float4 matrixScales, int rowsPerSegment, int lanes, global float* out,
                                local float* row, local char* q)
{
    local FusedScratch scratch;
    uint4 ahead[FUSED_AHEAD];
    const int segment = get_group_id(2);
    const FusedRow at = fused_row(weights, padded, rowsPerSegment, segment, lanes);
    fused_load_ahead(at, ahead);
    for (int i = get_local_id(0); i < width; i += FUSED_ITEMS)
        row[i] = x[i];
    const float inverse = fused_inverse_rms(row, width, eps, &scratch);
    for (int i = get_local_id(0); i < width; i += FUSED_ITEMS)
        row[i] = row[i] * inverse * norms[outerOffset + i];
    const float s = fused_quantize(row, norms + innerOffset + segment * width, width, padded, q, &scratch);
    fused_rows(at, ahead, q, segment_scale(matrixScales, segment) / s, rowsPerSegment, segment, out, 0, &scratch);
}

// gate_quantize and the output projection, added to the residual.
FUSED_KERNEL fused_gate_product(global const float* gates, global const float* hidden, global const float* norms,
                                int gNormOffset, int innerOffset, float eps, int width, int padded,
                                global const uint4* weights, float4 matrixScales, int rowsPerSegment, int lanes,
                                global float* residual, local float* row, local char* q)
{
    local FusedScratch scratch;
    uint4 ahead[FUSED_AHEAD];
    const FusedRow at = fused_row(weights, padded, rowsPerSegment, 0, lanes);
    fused_load_ahead(at, ahead);
    for (int i = get_local_id(0); i < width; i += FUSED_ITEMS)
        row[i] = gates[2 * width + i];
    const float inverse = fused_inverse_rms(row, width, eps, &scratch);
    for (int i = get_local_id(0); i < width; i += FUSED_ITEMS)
        row[i] = row[i] * inverse * norms[gNormOffset + i] * silu_of(hidden[i]);
    const float s = fused_quantize(row, norms + innerOffset, width, padded, q, &scratch);
    fused_rows(at, ahead, q, matrixScales.x / s, rowsPerSegment, 0, residual, 1, &scratch);
}

// swiglu_quantize and the down projection, added to the residual.
FUSED_KERNEL fused_swiglu_product(global const float* gateUp, global const float* norms, int innerOffset, int width,
                                  int padded, global const uint4* weights, float4 matrixScales,
                                  int rowsPerSegment, int lanes, global float* residual, local float* row,
                                  local char* q)
{
    local FusedScratch scratch;
    uint4 ahead[FUSED_AHEAD];
    const FusedRow at = fused_row(weights, padded, rowsPerSegment, 0, lanes);
    fused_load_ahead(at, ahead);
    for (int i = get_local_id(0); i < width; i += FUSED_ITEMS)
        row[i] = silu_of(gateUp[i]) * gateUp[width + i];
    const float s = fused_quantize(row, norms + innerOffset, width, padded, q, &scratch);
    fused_rows(at, ahead, q, matrixScales.x / s, rowsPerSegment, 0, residual, 1, &scratch);
}
