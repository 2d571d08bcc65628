// One token on a GPU: a row kernel of rows.cl and the product behind it in one launch. Launches and the round
// trip of the quantised row through memory cost more there than computing that row anew in every work-group,
// which is what happens here: each group norms and quantises the whole row in local memory, then computes its
// MMFREE_DOT_ROWS rows as product_dot.cl does. Same results up to the order of the norms' float sums.
//
// row: local, [padded] floats; q: local, [padded] bytes in MMFREE_SLOT order.

#define FUSED_LANES (MMFREE_DOT_LANES * MMFREE_DOT_ROWS)
#define FUSED_KERNEL kernel __attribute__((reqd_work_group_size(FUSED_LANES, 1, 1))) void

// Every work-item reads all values, four at a time: 2 barriers where a tree takes log2(lanes). The order is
// fixed, so equal inputs give equal bits.
inline float fused_reduce(float value, int maximum, local float4* scratch)
{
    ((local float*)scratch)[get_local_id(0)] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    float4 all4 = scratch[0];
    for (int i = 1; i < FUSED_LANES / 4; ++i)
        all4 = maximum ? fmax(all4, scratch[i]) : all4 + scratch[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    return maximum ? fmax(fmax(all4.x, all4.y), fmax(all4.z, all4.w)) : (all4.x + all4.z) + (all4.y + all4.w);
}

// Every work-item only touches its own elements of the row, so no barrier is needed between passes.
inline float fused_inverse_rms(local const float* row, int width, float eps, local float4* scratch)
{
    float sum = 0.0f;
    for (int i = get_local_id(0); i < width; i += FUSED_LANES)
        sum += row[i] * row[i];
    return rsqrt(fused_reduce(sum, 0, scratch) / (float)width + eps);
}

// BitLinear's quantiser (see rows.cl); returns s. q is complete for the group on return.
inline float fused_quantize(local float* row, global const float* weight, int width, int padded, local char* q,
                            local float4* scratch)
{
    const int lane = get_local_id(0);
    const float inverse = fused_inverse_rms(row, width, MMFREE_BIT_LINEAR_EPS, scratch);
    float largest = 0.0f;
    for (int i = lane; i < width; i += FUSED_LANES)
        largest = fmax(largest, fabs(row[i] * inverse * weight[i]));
    const float s = 127.0f / fmax(fused_reduce(largest, 1, scratch), 1e-5f);
    for (int i = lane; i < padded; i += FUSED_LANES) {
        const int value = i < width ? round_half_away(row[i] * inverse * weight[i] * s) : 0;
        q[MMFREE_SLOT(i)] = (char)clamp(value, -128, 127);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return s;
}

// This group's rows of matrix `segment`; out: [segments * rowsPerSegment].
inline void fused_rows(global const uint4* weights, local const char* q, float factor, int padded,
                       int rowsPerSegment, int segment, global float* out, int accumulate, local float4* scratch)
{
    local int* partial = (local int*)scratch;
    const int lane = (int)get_local_id(0) % MMFREE_DOT_LANES;
    const int row = (int)get_group_id(0) * MMFREE_DOT_ROWS + (int)get_local_id(0) / MMFREE_DOT_LANES;
    const int words = padded / 64;
    global const uint4* codes =
        weights + ((size_t)segment * rowsPerSegment + min(row, rowsPerSegment - 1)) * words;
    local const uint4* values = (local const uint4*)q;
    int sum = 0, valueSum = 0;
    for (int w = lane; w < words; w += MMFREE_DOT_LANES) {
        const uint4 word = codes[w];
        const uint4 a = values[4 * w], b = values[4 * w + 1], c = values[4 * w + 2], d = values[4 * w + 3];
        sum = dot16(word.x, a, sum);
        sum = dot16(word.y, b, sum);
        sum = dot16(word.z, c, sum);
        sum = dot16(word.w, d, sum);
        valueSum = byte_sum(a, byte_sum(b, byte_sum(c, byte_sum(d, valueSum))));
    }
    partial[get_local_id(0)] = sum - valueSum;
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane == 0 && row < rowsPerSegment) {
        int total = 0;
        for (int i = 0; i < MMFREE_DOT_LANES; ++i)
            total += partial[get_local_id(0) + i];
        global float* at = out + (size_t)segment * rowsPerSegment + row;
        const float value = convert_float(total) * factor;
        *at = accumulate ? *at + value : value;
    }
}

inline float segment_scale(float4 matrixScales, int segment)
{
    return segment == 0 ? matrixScales.x : (segment == 1 ? matrixScales.y : matrixScales.z);
}

// norm_quantize and the product behind it.
FUSED_KERNEL fused_norm_product(global const float* x, global const float* norms, int outerOffset, int innerOffset,
                                float eps, int width, int padded, global const uint4* weights,
                                float4 matrixScales, int rowsPerSegment, global float* out, local float* row,
                                local char* q)
{
    local float4 scratch[FUSED_LANES / 4];
    const int segment = get_group_id(2);
    for (int i = get_local_id(0); i < width; i += FUSED_LANES)
        row[i] = x[i];
    const float inverse = fused_inverse_rms(row, width, eps, scratch);
    for (int i = get_local_id(0); i < width; i += FUSED_LANES)
        row[i] = row[i] * inverse * norms[outerOffset + i];
    const float s = fused_quantize(row, norms + innerOffset + segment * width, width, padded, q, scratch);
    fused_rows(weights, q, segment_scale(matrixScales, segment) / s, padded, rowsPerSegment, segment, out, 0,
               scratch);
}

// gate_quantize and the output projection, added to the residual.
FUSED_KERNEL fused_gate_product(global const float* gates, global const float* hidden, global const float* norms,
                                int gNormOffset, int innerOffset, float eps, int width, int padded,
                                global const uint4* weights, float4 matrixScales, int rowsPerSegment,
                                global float* residual, local float* row, local char* q)
{
    local float4 scratch[FUSED_LANES / 4];
    for (int i = get_local_id(0); i < width; i += FUSED_LANES)
        row[i] = gates[2 * width + i];
    const float inverse = fused_inverse_rms(row, width, eps, scratch);
    for (int i = get_local_id(0); i < width; i += FUSED_LANES)
        row[i] = row[i] * inverse * norms[gNormOffset + i] * silu_of(hidden[i]);
    const float s = fused_quantize(row, norms + innerOffset, width, padded, q, scratch);
    fused_rows(weights, q, matrixScales.x / s, padded, rowsPerSegment, 0, residual, 1, scratch);
}

// swiglu_quantize and the down projection, added to the residual.
FUSED_KERNEL fused_swiglu_product(global const float* gateUp, global const float* norms, int innerOffset, int width,
                                  int padded, global const uint4* weights, float4 matrixScales,
                                  int rowsPerSegment, global float* residual, local float* row, local char* q)
{
    local float4 scratch[FUSED_LANES / 4];
    for (int i = get_local_id(0); i < width; i += FUSED_LANES)
        row[i] = silu_of(gateUp[i]) * gateUp[width + i];
    const float s = fused_quantize(row, norms + innerOffset, width, padded, q, scratch);
    fused_rows(weights, q, matrixScales.x / s, padded, rowsPerSegment, 0, residual, 1, scratch);
}
