// Ternary product for GPUs: out[t, r] (= or +=) (sum_c weight[r, c] * q[t, c]) * matrixScale / s[t].
//
// MMFREE_DOT_LANES work-items share a row and read neighbouring 16-byte words of it (64 weights each), so a
// row is read in whole memory transactions. The codes 0, 1, 2 of a uint are taken apart four bytes at a time
// by shifting; dot4 sums code * q of four bytes, and because weight = code - 1 the sum of q is subtracted
// once. GPUs have a four-byte dot product as one instruction, which is the cheapest way to "select and add"
// there; a device without it adds q once for bit 0 and twice (shifted) for bit 1 of the code. int32 sums: at
// most 2 * 128 * 2^22 = 2^30 for 2^22 columns; the host refuses wider layers.

#ifdef cl_khr_integer_dot_product
#pragma OPENCL EXTENSION cl_khr_integer_dot_product : enable
#endif

// sum + sum over the four bytes of code (unsigned, 0..2) * value (signed).
inline int dot4(uint code, uint value, int sum)
{
#if defined(__NV_CL_C_VERSION)
    int result;
    asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(code), "r"(value), "r"(sum));
    return result;
#elif defined(__opencl_c_integer_dot_product_input_4x8bit_packed)
    return sum + dot_4x8packed_us_int(code, value);
#else
    const int4 v = convert_int4(as_char4(value));
    const int4 c = convert_int4(as_uchar4(code));
    const int4 selected = (v & -(c & 1)) + ((v << 1) & -(c >> 1));
    return sum + (selected.x + selected.y) + (selected.z + selected.w);
#endif
}

inline int dot16(uint codes, uint4 values, int sum)
{
    sum = dot4(codes & 0x03030303u, values.x, sum);
    sum = dot4((codes >> 2) & 0x03030303u, values.y, sum);
    sum = dot4((codes >> 4) & 0x03030303u, values.z, sum);
    return dot4((codes >> 6) & 0x03030303u, values.w, sum);
}

inline int byte_sum(uint4 values, int sum)
{
    sum = dot4(0x01010101u, values.x, sum);
    sum = dot4(0x01010101u, values.y, sum);
    sum = dot4(0x01010101u, values.z, sum);
    return dot4(0x01010101u, values.w, sum);
}

#define DEFINE_PRODUCT(NAME, TOKENS)                                                                         \
    kernel __attribute__((reqd_work_group_size(MMFREE_DOT_LANES * MMFREE_DOT_ROWS, 1, 1))) void NAME(        \
        global const uint4* weights, global const char* q, global const float* scales, float4 matrixScales,  \
        int blocks, int rowsPerSegment, int segments, int tokens, int firstToken, global float* out,         \
        int accumulate)                                                                                      \
    {                                                                                                        \
        local int partial[TOKENS][MMFREE_DOT_ROWS][MMFREE_DOT_LANES];                                        \
        const int lane = (int)get_local_id(0) % MMFREE_DOT_LANES;                                            \
        const int groupRow = (int)get_local_id(0) / MMFREE_DOT_LANES;                                        \
        const int row = (int)get_group_id(0) * MMFREE_DOT_ROWS + groupRow, segment = get_group_id(2);        \
        const int token = firstToken + (int)get_group_id(1) * TOKENS;                                        \
        const int words = blocks * (MMFREE_BLOCK_BYTES / 16);                                                \
        global const uint4* codes =                                                                          \
            weights + ((size_t)segment * rowsPerSegment + min(row, rowsPerSegment - 1)) * words;             \
        global const uint4* values = (global const uint4*)q + ((size_t)segment * tokens + token) * words * 4; \
        int sums[TOKENS], valueSums[TOKENS];                                                                 \
        for (int t = 0; t < TOKENS; ++t)                                                                     \
            sums[t] = valueSums[t] = 0;                                                                      \
        for (int w = lane; w < words; w += MMFREE_DOT_LANES) {                                               \
            const uint4 word = codes[w];                                                                     \
            for (int t = 0; t < TOKENS; ++t) {                                                               \
                global const uint4* v = values + ((size_t)t * words + w) * 4;                                \
                const uint4 a = v[0], b = v[1], c = v[2], d = v[3];                                          \
                sums[t] = dot16(word.x, a, sums[t]);                                                         \
                sums[t] = dot16(word.y, b, sums[t]);                                                         \
                sums[t] = dot16(word.z, c, sums[t]);                                                         \
                sums[t] = dot16(word.w, d, sums[t]);                                                         \
                valueSums[t] = byte_sum(a, byte_sum(b, byte_sum(c, byte_sum(d, valueSums[t]))));             \
            }                                                                                                \
        }                                                                                                    \
        for (int t = 0; t < TOKENS; ++t)                                                                     \
            partial[t][groupRow][lane] = sums[t] - valueSums[t];                                             \
        barrier(CLK_LOCAL_MEM_FENCE);                                                                        \
        if (row >= rowsPerSegment)                                                                           \
            return;                                                                                          \
        const float matrixScale = segment == 0 ? matrixScales.x                                              \
                                               : (segment == 1 ? matrixScales.y : matrixScales.z);           \
        for (int t = lane; t < TOKENS; t += MMFREE_DOT_LANES) {                                              \
            int sum = 0;                                                                                     \
            for (int i = 0; i < MMFREE_DOT_LANES; ++i)                                                       \
                sum += partial[t][groupRow][i];                                                              \
            const float value =                                                                              \
                convert_float(sum) * (matrixScale / scales[(size_t)segment * tokens + token + t]);           \
            global float* at = out + ((size_t)(token + t) * segments + segment) * rowsPerSegment + row;      \
            *at = accumulate ? *at + value : value;                                                          \
        }                                                                                                    \
    }

DEFINE_PRODUCT(ternary_product, 1)
DEFINE_PRODUCT(ternary_product_tile, MMFREE_TOKENS_PER_ITEM)
