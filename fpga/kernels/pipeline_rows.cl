// Everything between the products as single work-item kernels: a row is read once from memory into on-chip
// memory and the passes over it (norm, largest value, quantise) run there. Same names, arguments and results
// as rows.cl.

// Sum of squares with MMFREE_SUM_DEPTH running sums in a shift register: a float adder takes several cycles,
// and so each finds its earlier sum ready and the loop takes a value every cycle.
inline float row_inverse_rms(const float* row, int width, float eps)
{
    float sums[MMFREE_SUM_DEPTH + 1];
#pragma unroll
    for (int i = 0; i <= MMFREE_SUM_DEPTH; ++i)
        sums[i] = 0.0f;
    for (int i = 0; i < width; ++i) {
        sums[MMFREE_SUM_DEPTH] = sums[0] + row[i] * row[i];
#pragma unroll
        for (int k = 0; k < MMFREE_SUM_DEPTH; ++k)
            sums[k] = sums[k + 1];
    }
    float sum = 0.0f;
#pragma unroll
    for (int k = 0; k < MMFREE_SUM_DEPTH; ++k)
        sum += sums[k];
    return rsqrt(sum / (float)width + eps);
}

// BitLinear's activation quantiser (arXiv:2406.02528 section 3.2) on a row in on-chip memory.
inline void row_quantize(const float* row, global const float* weight, int width, int padded,
                         global Activation* q, global float* scale)
{
    const float inverse = row_inverse_rms(row, width, MMFREE_BIT_LINEAR_EPS);
    float largest = 1e-5f;
    for (int i = 0; i < width; ++i)
        largest = fmax(largest, fabs(row[i] * inverse * weight[i]));
    const float s = 127.0f / largest;
    for (int i = 0; i < padded; ++i) {
        const int value = i < width ? round_half_away(row[i] * inverse * weight[i] * s) : 0;
        q[i] = (Activation)clamp(value, -128, 127);
    }
    *scale = s;
}

kernel SINGLE_TASK void embed(global const int* tokens, global const uchar* table, int tableType, int width,
                              int tokenCount, global float* out)
{
    for (int t = 0; t < tokenCount; ++t) {
        const size_t first = (size_t)tokens[t] * width;
        for (int i = 0; i < width; ++i) {
            float value;
            if (tableType == MMFREE_TABLE_F32)
                value = ((global const float*)table)[first + i];
            else if (tableType == MMFREE_TABLE_F16)
                value = vload_half(first + i, (global const half*)table);
            else
                value = as_float((uint)((global const ushort*)table)[first + i] << 16);
            out[(size_t)t * width + i] = value;
        }
    }
}

kernel SINGLE_TASK void norm_quantize(global const float* x, int firstToken, global const float* norms,
                                      int outerOffset, int innerOffset, float eps, int width, int padded,
                                      int tokens, int segments, global float* normed, global Activation* q,
                                      global float* scales)
{
    float row[MMFREE_MAX_COLUMNS];
    for (int t = 0; t < tokens; ++t) {
        for (int i = 0; i < width; ++i)
            row[i] = x[(size_t)(firstToken + t) * width + i];
        const float inverse = row_inverse_rms(row, width, eps);
        for (int i = 0; i < width; ++i) {
            row[i] = row[i] * inverse * norms[outerOffset + i];
            normed[(size_t)t * width + i] = row[i];
        }
        for (int segment = 0; segment < segments; ++segment) {
            const size_t at = (size_t)segment * tokens + t;
            row_quantize(row, norms + innerOffset + segment * width, width, padded, q + at * padded,
                         scales + at);
        }
    }
}

kernel SINGLE_TASK void gates_scan(global float* gates, global const float* norms, int boundOffset, int tokens,
                                   int width, global float* state, int stateOffset, global float* hidden)
{
    for (int t = 0; t < tokens; ++t) {
        global float* row = gates + (size_t)t * 3 * width;
        for (int i = 0; i < width; ++i) { // channels are independent: a value every cycle
            const float bound = boundOffset >= 0 ? norms[boundOffset + i] : 0.0f;
            const float f = bound + (1.0f - bound) * sigmoid_of(row[i]);
            const float c = silu_of(row[width + i]) * (1.0f - f);
            const float h = f * state[stateOffset + i] + c;
            row[i] = f;
            row[width + i] = c;
            hidden[(size_t)t * width + i] = h;
            state[stateOffset + i] = h;
        }
    }
}

kernel SINGLE_TASK void gate_quantize(global const float* gates, global const float* hidden,
                                      global const float* norms, int gNormOffset, int innerOffset, float eps,
                                      int width, int padded, int tokens, global float* gated,
                                      global Activation* q, global float* scales)
{
    float row[MMFREE_MAX_COLUMNS];
    for (int t = 0; t < tokens; ++t) {
        for (int i = 0; i < width; ++i)
            row[i] = gates[((size_t)t * 3 + 2) * width + i];
        const float inverse = row_inverse_rms(row, width, eps);
        for (int i = 0; i < width; ++i) {
            row[i] = row[i] * inverse * norms[gNormOffset + i] * silu_of(hidden[(size_t)t * width + i]);
            gated[(size_t)t * width + i] = row[i];
        }
        row_quantize(row, norms + innerOffset, width, padded, q + (size_t)t * padded, scales + t);
    }
}

kernel SINGLE_TASK void swiglu_quantize(global const float* gateUp, global const float* norms, int innerOffset,
                                        int width, int padded, int tokens, global float* glu,
                                        global Activation* q, global float* scales)
{
    float row[MMFREE_MAX_COLUMNS];
    for (int t = 0; t < tokens; ++t) {
        global const float* gate = gateUp + (size_t)t * 2 * width;
        for (int i = 0; i < width; ++i) {
            row[i] = silu_of(gate[i]) * gate[width + i];
            glu[(size_t)t * width + i] = row[i];
        }
        row_quantize(row, norms + innerOffset, width, padded, q + (size_t)t * padded, scales + t);
    }
}

kernel SINGLE_TASK void rms_norm(global const float* x, int stride, int first, global const float* norms,
                                 int normOffset, float eps, int width, int tokens, global float* out)
{
    float row[MMFREE_MAX_COLUMNS];
    for (int t = 0; t < tokens; ++t) {
        for (int i = 0; i < width; ++i)
            row[i] = x[(size_t)t * stride + first + i];
        const float inverse = row_inverse_rms(row, width, eps);
        for (int i = 0; i < width; ++i)
            out[(size_t)t * width + i] = row[i] * inverse * norms[normOffset + i];
    }
}
