// Everything between the products, NDRange form: embedding, norms with quantisation, gates with the MLGRU
// scan. `tokens` and `segments` equal the numbers of work-groups. Row kernels run one work-group of
// MMFREE_ROW_LANES work-items per token: 1 on a CPU, where the float16 loops fill the vector unit, many on a
// GPU. A row is read a few times from cache, written once.

// Values handled at a time by one work-item: long vectors for a CPU, coalesced single values for a GPU.
#if MMFREE_ROW_LANES == 1
#define MMFREE_CHUNK 16
typedef float16 FloatChunk;
typedef int16 IntChunk;
#define LOAD_CHUNK(p) vload16(0, (p))
#define STORE_CHUNK(v, p) vstore16((v), 0, (p))
inline float sum_of(float16 v)
{
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    return (b.x + b.z) + (b.y + b.w);
}
inline float largest_of(float16 v)
{
    const float8 a = fmax(v.lo, v.hi);
    const float4 b = fmax(a.lo, a.hi);
    return fmax(fmax(b.x, b.z), fmax(b.y, b.w));
}
#else
#define MMFREE_CHUNK 1
typedef float FloatChunk;
#define LOAD_CHUNK(p) (*(p))
#define STORE_CHUNK(v, p) (*(p) = (v))
inline float sum_of(float v)
{
    return v;
}
inline float largest_of(float v)
{
    return v;
}
#endif

// Sum, or maximum, over the work-group; every work-item gets the result. The order is fixed, so equal inputs
// give equal bits.
inline float group_reduce(float value, int maximum, local float* scratch)
{
#if MMFREE_ROW_LANES == 1
    return value;
#else
    const int lane = get_local_id(0);
    scratch[lane] = value;
    for (int half_ = MMFREE_ROW_LANES / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < half_)
            scratch[lane] = maximum ? fmax(scratch[lane], scratch[lane + half_])
                                    : scratch[lane] + scratch[lane + half_];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const float result = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return result;
#endif
}

// 1 / sqrt(mean(x^2) + eps) of one row.
inline float inverse_rms(global const float* x, int width, float eps, local float* scratch)
{
    const int lane = get_local_id(0);
    FloatChunk chunkSum = 0.0f;
    const int whole = width - width % MMFREE_CHUNK;
    for (int i = lane * MMFREE_CHUNK; i < whole; i += MMFREE_ROW_LANES * MMFREE_CHUNK) {
        const FloatChunk v = LOAD_CHUNK(x + i);
        chunkSum += v * v;
    }
    float sum = sum_of(chunkSum);
    for (int i = whole + lane; i < width; i += MMFREE_ROW_LANES)
        sum += x[i] * x[i];
    return rsqrt(group_reduce(sum, 0, scratch) / (float)width + eps);
}

// BitLinear's activation quantiser (arXiv:2406.02528 section 3.2): y = RMSNorm(x; weight),
// s = 127 / max(max|y|, 1e-5), q = clamp(round_half_away(y * s), -128, 127). q: [padded] in MMFREE_SLOT order.
inline void quantize_row(global const float* x, global const float* weight, int width, int padded,
                         global Activation* q, global float* scale, local float* scratch)
{
    const int lane = get_local_id(0);
    const float inverse = inverse_rms(x, width, MMFREE_BIT_LINEAR_EPS, scratch);
    FloatChunk chunkLargest = 0.0f;
    const int whole = width - width % MMFREE_CHUNK;
    for (int i = lane * MMFREE_CHUNK; i < whole; i += MMFREE_ROW_LANES * MMFREE_CHUNK)
        chunkLargest = fmax(chunkLargest, fabs(LOAD_CHUNK(x + i) * inverse * LOAD_CHUNK(weight + i)));
    float largest = largest_of(chunkLargest);
    for (int i = whole + lane; i < width; i += MMFREE_ROW_LANES)
        largest = fmax(largest, fabs(x[i] * inverse * weight[i]));
    const float s = 127.0f / fmax(group_reduce(largest, 1, scratch), 1e-5f);
    for (int i = lane; i < padded; i += MMFREE_ROW_LANES) {
        const int value = i < width ? round_half_away(x[i] * inverse * weight[i] * s) : 0;
        q[MMFREE_SLOT(i)] = (Activation)clamp(value, -128, 127);
    }
    if (lane == 0)
        *scale = s;
}

// out[t] = table[tokens[t]].  out: [tokens, width] f32. One work-item per value.
kernel __attribute__((reqd_work_group_size(MMFREE_COLUMN_ITEMS, 1, 1))) void
embed(global const int* tokens, global const uchar* table, int tableType, int width, int tokenCount,
      global float* out)
{
    const int i = get_global_id(0), t = get_global_id(1);
    if (i >= width || t >= tokenCount)
        return;
    const size_t at = (size_t)tokens[t] * width + i;
    float value;
    if (tableType == MMFREE_TABLE_F32)
        value = ((global const float*)table)[at];
    else if (tableType == MMFREE_TABLE_F16)
        value = vload_half(at, (global const half*)table);
    else
        value = as_float((uint)((global const ushort*)table)[at] << 16);
    out[(size_t)t * width + i] = value;
}

// normed = RMSNorm(x; outer), then quantised for each of the BitLinears that share it (dimension 1 of the
// groups). x: [>= firstToken + tokens, width]; norms: at outerOffset [width], at innerOffset [segments, width];
// normed: [segments, tokens, width]; q: [segments, tokens, padded]; scales: [segments, tokens].
kernel __attribute__((reqd_work_group_size(MMFREE_ROW_LANES, 1, 1))) void
norm_quantize(global const float* x, int firstToken, global const float* norms, int outerOffset,
              int innerOffset, float eps, int width, int padded, int tokens, int segments,
              global float* normed, global Activation* q, global float* scales)
{
    local float scratch[MMFREE_ROW_LANES];
    const int lane = get_local_id(0), t = get_group_id(0), segment = get_group_id(1);
    global const float* row = x + (size_t)(firstToken + t) * width;
    global const float* outer = norms + outerOffset;
    const size_t at = (size_t)segment * tokens + t;
    global float* y = normed + at * width;
    const float inverse = inverse_rms(row, width, eps, scratch);
    const int whole = width - width % MMFREE_CHUNK;
    for (int i = lane * MMFREE_CHUNK; i < whole; i += MMFREE_ROW_LANES * MMFREE_CHUNK)
        STORE_CHUNK(LOAD_CHUNK(row + i) * inverse * LOAD_CHUNK(outer + i), y + i);
    for (int i = whole + lane; i < width; i += MMFREE_ROW_LANES)
        y[i] = row[i] * inverse * outer[i];
    barrier(CLK_GLOBAL_MEM_FENCE);
    quantize_row(y, norms + innerOffset + segment * width, width, padded, q + at * padded, scales + at,
                 scratch);
}

// MLGRU (section 3.3.1): f = sigmoid(f'), after layer 0 f = lb + (1 - lb) f; c = silu(i') (1 - f);
// h = f h + c. gates: [tokens, 3 * width] = f' | i' | g'; f and c replace f' and i'. state: [width] at
// stateOffset, updated; hidden: [tokens, width]. One work-item per channel walks the tokens in order.
kernel __attribute__((reqd_work_group_size(MMFREE_COLUMN_ITEMS, 1, 1))) void
gates_scan(global float* gates, global const float* norms, int boundOffset, int tokens, int width,
           global float* state, int stateOffset, global float* hidden)
{
    const int i = get_global_id(0);
    if (i >= width)
        return;
    const float bound = boundOffset >= 0 ? norms[boundOffset + i] : 0.0f;
    float h = state[stateOffset + i];
    for (int t = 0; t < tokens; ++t) {
        global float* row = gates + (size_t)t * 3 * width;
        const float f = bound + (1.0f - bound) * sigmoid_of(row[i]);
        const float c = silu_of(row[width + i]) * (1.0f - f);
        h = f * h + c;
        row[i] = f;
        row[width + i] = c;
        hidden[(size_t)t * width + i] = h;
    }
    state[stateOffset + i] = h;
}

// gated = RMSNorm(g; gNorm) * silu(h), quantised for the output projection. gated: [tokens, width].
kernel __attribute__((reqd_work_group_size(MMFREE_ROW_LANES, 1, 1))) void
gate_quantize(global const float* gates, global const float* hidden, global const float* norms, int gNormOffset,
              int innerOffset, float eps, int width, int padded, int tokens, global float* gated,
              global Activation* q, global float* scales)
{
    local float scratch[MMFREE_ROW_LANES];
    const int lane = get_local_id(0), t = get_group_id(0);
    global const float* g = gates + ((size_t)t * 3 + 2) * width;
    global const float* h = hidden + (size_t)t * width;
    global const float* gNorm = norms + gNormOffset;
    global float* y = gated + (size_t)t * width;
    const float inverse = inverse_rms(g, width, eps, scratch);
    const int whole = width - width % MMFREE_CHUNK;
    for (int i = lane * MMFREE_CHUNK; i < whole; i += MMFREE_ROW_LANES * MMFREE_CHUNK) {
        const FloatChunk hv = LOAD_CHUNK(h + i);
        STORE_CHUNK(LOAD_CHUNK(g + i) * inverse * LOAD_CHUNK(gNorm + i) * (hv / (1.0f + exp(-hv))), y + i);
    }
    for (int i = whole + lane; i < width; i += MMFREE_ROW_LANES)
        y[i] = g[i] * inverse * gNorm[i] * silu_of(h[i]);
    barrier(CLK_GLOBAL_MEM_FENCE);
    quantize_row(y, norms + innerOffset, width, padded, q + (size_t)t * padded, scales + t, scratch);
}

// glu = silu(gate) * up, quantised for the down projection. gateUp: [tokens, 2 * width]; glu: [tokens, width].
kernel __attribute__((reqd_work_group_size(MMFREE_ROW_LANES, 1, 1))) void
swiglu_quantize(global const float* gateUp, global const float* norms, int innerOffset, int width,
                int padded, int tokens, global float* glu, global Activation* q, global float* scales)
{
    local float scratch[MMFREE_ROW_LANES];
    const int lane = get_local_id(0), t = get_group_id(0);
    global const float* gate = gateUp + (size_t)t * 2 * width;
    global const float* up = gate + width;
    global float* y = glu + (size_t)t * width;
    const int whole = width - width % MMFREE_CHUNK;
    for (int i = lane * MMFREE_CHUNK; i < whole; i += MMFREE_ROW_LANES * MMFREE_CHUNK) {
        const FloatChunk v = LOAD_CHUNK(gate + i);
        STORE_CHUNK(v / (1.0f + exp(-v)) * LOAD_CHUNK(up + i), y + i);
    }
    for (int i = whole + lane; i < width; i += MMFREE_ROW_LANES)
        y[i] = silu_of(gate[i]) * up[i];
    barrier(CLK_GLOBAL_MEM_FENCE);
    quantize_row(y, norms + innerOffset, width, padded, q + (size_t)t * padded, scales + t, scratch);
}

// out = RMSNorm(x; norm) of rows of `stride` floats, of which `width` from `first` are used: the output gate
// when it is probed.
kernel __attribute__((reqd_work_group_size(MMFREE_ROW_LANES, 1, 1))) void
rms_norm(global const float* x, int stride, int first, global const float* norms, int normOffset, float eps,
         int width, int tokens, global float* out)
{
    local float scratch[MMFREE_ROW_LANES];
    const int t = get_group_id(0);
    global const float* row = x + (size_t)t * stride + first;
    const float inverse = inverse_rms(row, width, eps, scratch);
    for (int i = get_local_id(0); i < width; i += MMFREE_ROW_LANES)
        out[(size_t)t * width + i] = row[i] * inverse * norms[normOffset + i];
}
