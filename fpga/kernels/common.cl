// Types and helpers that depend on the variant. MMFREE_VARIANT comes from the build options.
//
// MMFREE_SLOT(c) is where the quantiser stores activation c: the order in which the product kernel meets the
// columns when it takes the 2-bit codes of a word apart by shifting the whole word, so that neither side ever
// permutes weights.

#if MMFREE_VARIANT == MMFREE_VARIANT_VECTOR
// A block is 16 ushort lanes of 8 codes: shift g of lane l is column 8 * l + g.
typedef short Activation;
#define MMFREE_SLOT(c) (((c) & ~127) | (((c)&7) << 4) | (((c)&127) >> 3))
#define MMFREE_ROW_LANES 1
#elif MMFREE_VARIANT == MMFREE_VARIANT_DOT
// A uint is 4 bytes of 4 codes: shift g of byte b is column 4 * b + g.
typedef char Activation;
#define MMFREE_SLOT(c) (((c) & ~15) | (((c)&3) << 2) | (((c)&15) >> 2))
#define MMFREE_ROW_LANES MMFREE_ROW_LANES_GPU
#else
typedef char Activation;
#define MMFREE_SLOT(c) (c)
#define MMFREE_ROW_LANES 1
#endif

// NVIDIA's compiler has no sub-group functions but takes its assembler: work-items of a warp exchange values.
#if defined(__NV_CL_C_VERSION) && !defined(MMFREE_NO_SHUFFLE)
#define MMFREE_SHUFFLE 1
#else
#define MMFREE_SHUFFLE 0
#endif

inline float sigmoid_of(float x)
{
    return 1.0f / (1.0f + exp(-x));
}

inline float silu_of(float x)
{
    return x / (1.0f + exp(-x));
}

// Nearest integer, halves away from zero, exact for every float of magnitude below 2^31 (adding 0.5 first
// would round 0.49999997 up).
inline int round_half_away(float x)
{
    const int whole = convert_int_rtz(x);
    const float rest = x - convert_float(whole);
    return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

// What this program was built with, so that the host starts it rightly even when it is a vendor's binary.
// out: variant, rows of a work-group or cycle (PIPELINE), tokens of a tile, channel mode, columns a row may have
// (0: no limit), work-items of a fused kernel (0: there is none) and the local memory it declares itself.
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void kernel_parameters(global int* out)
{
    out[0] = MMFREE_VARIANT;
#if MMFREE_VARIANT == MMFREE_VARIANT_VECTOR
    out[1] = MMFREE_ROWS_PER_ITEM * MMFREE_VECTOR_ITEMS;
    out[2] = MMFREE_TOKENS_PER_ITEM;
#elif MMFREE_VARIANT == MMFREE_VARIANT_DOT
    out[1] = MMFREE_DOT_ROWS;
    out[2] = MMFREE_TOKENS_PER_ITEM;
#else
    out[1] = MMFREE_PIPELINE_ROWS;
    out[2] = 1;
#endif
    out[3] = MMFREE_CHANNELS;
    out[4] = MMFREE_VARIANT == MMFREE_VARIANT_PIPELINE ? MMFREE_MAX_COLUMNS : 0;
#if MMFREE_VARIANT != MMFREE_VARIANT_DOT
    out[5] = out[6] = 0;
#else
    out[5] = MMFREE_FUSED_ITEMS;
    // FusedScratch of product_fused.cl
    out[6] = MMFREE_SHUFFLE ? MMFREE_FUSED_ITEMS / 2 : 32 * MMFREE_FUSED_ITEMS + 512;
#endif
}
