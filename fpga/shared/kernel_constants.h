// Numbers on which the OpenCL kernels and the host must agree. Included by C++ and put in front of every
// kernel source, so it holds preprocessor definitions only. Those inside #ifndef are build-time parameters of
// the kernels.
#ifndef MMFREE_KERNEL_CONSTANTS_H
#define MMFREE_KERNEL_CONSTANTS_H

// Ways to run the same stages. VECTOR: NDRange over rows with wide vectors, for CPUs. DOT: NDRange with one
// row spread over several work-items, for GPUs. PIPELINE: single work-item kernels joined by channels, for
// FPGAs.
#define MMFREE_VARIANT_VECTOR 1
#define MMFREE_VARIANT_DOT 2
#define MMFREE_VARIANT_PIPELINE 3

// How the channels of the PIPELINE variant are made. MEMORY: whole streams in global memory, kernels one after
// the other; for devices without channels (and to check the pipeline on them).
#define MMFREE_CHANNELS_MEMORY 0
#define MMFREE_CHANNELS_INTEL 1
#define MMFREE_CHANNELS_PIPE 2

// Weights: rows of 2-bit codes (0: -1, 1: 0, 2: +1), column k in byte k / 4 at bit 2 * (k % 4), every row
// padded with code 1 to whole blocks. Activations are padded with 0 to the same width.
#define MMFREE_BLOCK_COLS 128
#define MMFREE_BLOCK_BYTES 32
#define MMFREE_PADDING_CODES 0x55

// Element types of the embedding table.
#define MMFREE_TABLE_F32 0
#define MMFREE_TABLE_F16 1
#define MMFREE_TABLE_BF16 2

// Blocks a 16-bit lane may sum before it must be added to the 32-bit sum: each block adds 8 values of
// magnitude at most 128 to a lane, and 31 * 8 * 128 = 31744 < 32767.
#define MMFREE_BLOCKS_PER_FLUSH 31

// Work-items of a group in kernels that give each column a work-item.
#define MMFREE_COLUMN_ITEMS 64

// eps of the RMSNorm inside every BitLinear (engine/network/operators.h).
#define MMFREE_BIT_LINEAR_EPS 1e-6f

#ifndef MMFREE_CHANNELS
#define MMFREE_CHANNELS MMFREE_CHANNELS_MEMORY
#endif
#ifndef MMFREE_ROWS_PER_ITEM
#define MMFREE_ROWS_PER_ITEM 4 // VECTOR: rows sharing the activations a work-item has loaded
#endif
#ifndef MMFREE_VECTOR_ITEMS
#define MMFREE_VECTOR_ITEMS 8 // VECTOR: work-items of a group, so that cores share the rows evenly
#endif
#ifndef MMFREE_TOKENS_PER_ITEM
#define MMFREE_TOKENS_PER_ITEM 4 // prefill: tokens sharing the weights a work-item has loaded
#endif
#ifndef MMFREE_DOT_LANES
#define MMFREE_DOT_LANES 16 // DOT: work-items on one row
#endif
#ifndef MMFREE_DOT_ROWS
#define MMFREE_DOT_ROWS 8 // DOT: rows in a work-group
#endif
#ifndef MMFREE_FUSED_ITEMS
#define MMFREE_FUSED_ITEMS 256 // DOT: work-items of a fused kernel, a multiple of 32; the host says how many
#endif
#ifndef MMFREE_ROW_LANES_GPU
#define MMFREE_ROW_LANES_GPU 256 // DOT: work-items on one token in the row kernels
#endif
#ifndef MMFREE_PIPELINE_ROWS
#define MMFREE_PIPELINE_ROWS 4 // PIPELINE: rows computed at once; each takes 32 bytes of weights a cycle
#endif
#ifndef MMFREE_SUM_DEPTH
#define MMFREE_SUM_DEPTH 8 // PIPELINE: running sums, at least the cycles of a float addition
#endif
#ifndef MMFREE_MAX_COLUMNS
#define MMFREE_MAX_COLUMNS 16384 // PIPELINE: longest row held on chip
#endif
#ifndef MMFREE_CHANNEL_DEPTH
#define MMFREE_CHANNEL_DEPTH 64 // PIPELINE: transfers a channel holds
#endif

#endif
