// Ternary product for CPUs: out[t, r] (= or +=) (sum_c weight[r, c] * q[t, c]) * matrixScale / s[t].
//
// There is no multiplication in the inner loop: for every column the 2-bit code selects whether the activation
// is added (code 2), subtracted (code 0) or left out (code 1). A block of 128 columns is 16 lanes of 8 codes;
// one shift of the tested bits moves all 16 lanes to their next column, and the compiler turns test, select and
// add into a mask test and a masked add. 16-bit sums cannot overflow (MMFREE_BLOCKS_PER_FLUSH) and are added
// to 32-bit sums: at most 128 * 2^24 in magnitude for 2^24 columns, which int32 holds with its limit reached
// only at -2^31 itself.
//
// One work-item: MMFREE_ROWS_PER_ITEM rows of one segment by `tokenCount` tokens. Weights are read once per
// token tile, 1/4 byte a weight; activations stay in the first cache.

#define ROWS MMFREE_ROWS_PER_ITEM
#define UNROLL _Pragma("unroll") // sums must stay in registers

inline int sum_lanes(short16 v)
{
    const int16 wide = convert_int16(v);
    const int8 a = wide.lo + wide.hi;
    const int4 b = a.lo + a.hi;
    return (b.x + b.y) + (b.z + b.w);
}

// Adds block b of every row to the 16-bit sums of TOKENS tokens.
#define ADD_BLOCK(TOKENS)                                                                                    \
    ushort16 codes[ROWS];                                                                                    \
    UNROLL                                                                                                  \
    for (int r = 0; r < ROWS; ++r)                                                                           \
        codes[r] = rowStart[r][b];                                                                           \
    UNROLL                                                                                                  \
    for (int g = 0; g < 8; ++g) {                                                                            \
        const ushort plusBit = (ushort)(2 << (2 * g)), bothBits = (ushort)(3 << (2 * g));                    \
        UNROLL                                                                                              \
        for (int r = 0; r < ROWS; ++r) {                                                                     \
            const short16 plus = (codes[r] & plusBit) != (ushort16)0;                                        \
            const short16 minus = (codes[r] & bothBits) == (ushort16)0;                                      \
            UNROLL                                                                                          \
            for (int t = 0; t < TOKENS; ++t) {                                                               \
                const short16 value = activations[t][b * 8 + g];                                             \
                lanes[r][t] += value & plus;                                                                 \
                lanes[r][t] -= value & minus;                                                                \
            }                                                                                                \
        }                                                                                                    \
    }

#define DEFINE_PRODUCT(NAME, TOKENS)                                                                         \
    kernel __attribute__((reqd_work_group_size(MMFREE_VECTOR_ITEMS, 1, 1))) void NAME(                       \
        global const ushort16* weights, global const short* q, global const float* scales,                   \
                     float4 matrixScales, int blocks, int rowsPerSegment, int segments, int tokens,          \
                     int firstToken, global float* out, int accumulate)                                      \
    {                                                                                                        \
        const int firstRow = (int)get_global_id(0) * ROWS, segment = get_global_id(2);                       \
        const int token = firstToken + (int)get_global_id(1) * TOKENS;                                       \
        if (firstRow >= rowsPerSegment)                                                                      \
            return;                                                                                          \
        global const ushort16* rowStart[ROWS];                                                               \
        UNROLL                                                                                              \
        for (int r = 0; r < ROWS; ++r) {                                                                     \
            const int row = min(firstRow + r, rowsPerSegment - 1);                                           \
            rowStart[r] = weights + ((size_t)segment * rowsPerSegment + row) * blocks;                       \
        }                                                                                                    \
        global const short16* activations[TOKENS];                                                           \
        UNROLL                                                                                              \
        for (int t = 0; t < TOKENS; ++t)                                                                     \
            activations[t] =                                                                                 \
                (global const short16*)q + ((size_t)segment * tokens + token + t) * blocks * 8;              \
        int sums[ROWS][TOKENS];                                                                              \
        UNROLL                                                                                              \
        for (int r = 0; r < ROWS; ++r)                                                                       \
            UNROLL                                                                                          \
            for (int t = 0; t < TOKENS; ++t)                                                                 \
                sums[r][t] = 0;                                                                              \
        for (int start = 0; start < blocks; start += MMFREE_BLOCKS_PER_FLUSH) {                              \
            short16 lanes[ROWS][TOKENS];                                                                     \
            UNROLL                                                                                          \
            for (int r = 0; r < ROWS; ++r)                                                                   \
                UNROLL                                                                                      \
                for (int t = 0; t < TOKENS; ++t)                                                             \
                    lanes[r][t] = (short16)0;                                                                \
            const int end = min(start + MMFREE_BLOCKS_PER_FLUSH, blocks);                                    \
            for (int b = start; b < end; ++b) {                                                              \
                ADD_BLOCK(TOKENS)                                                                            \
            }                                                                                                \
            UNROLL                                                                                          \
            for (int r = 0; r < ROWS; ++r)                                                                   \
                UNROLL                                                                                      \
                for (int t = 0; t < TOKENS; ++t)                                                             \
                    sums[r][t] += sum_lanes(lanes[r][t]);                                                    \
        }                                                                                                    \
        const float matrixScale = segment == 0 ? matrixScales.x                                              \
                                               : (segment == 1 ? matrixScales.y : matrixScales.z);           \
        UNROLL                                                                                              \
        for (int t = 0; t < TOKENS; ++t) {                                                                   \
            const float factor = matrixScale / scales[(size_t)segment * tokens + token + t];                 \
            global float* row = out + ((size_t)(token + t) * segments + segment) * rowsPerSegment;           \
            UNROLL                                                                                          \
            for (int r = 0; r < ROWS && firstRow + r < rowsPerSegment; ++r) {                                \
                const float value = convert_float(sums[r][t]) * factor;                                      \
                row[firstRow + r] = accumulate ? row[firstRow + r] + value : value;                          \
            }                                                                                                \
        }                                                                                                    \
    }

DEFINE_PRODUCT(ternary_product, 1)
DEFINE_PRODUCT(ternary_product_tile, MMFREE_TOKENS_PER_ITEM)
