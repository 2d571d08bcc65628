// Ternary product as a pipeline: read_weights -> ternary_lanes -> write_rows, for one token and one segment.
//
// Every cycle read_weights sends one block (128 columns) of MMFREE_PIPELINE_ROWS rows, 32 bytes of consecutive
// memory per row, and ternary_lanes adds 128 * MMFREE_PIPELINE_ROWS activations: each lane is a two-bit select
// between +q, 0 and -q in front of an adder tree. No lane multiplies, so none takes a DSP block. The
// activations of the token lie in on-chip memory and are shared by all rows. Sums are int32: at most
// 128 * MMFREE_MAX_COLUMNS = 2^21.

kernel SINGLE_TASK void read_weights(global const uint* restrict weights, int firstRow, int rows, int blocks,
                                     int groups STREAM_ARGUMENT(WeightWord, weightStream))
{
    for (int group = 0; group < groups; ++group) {
        for (int b = 0; b < blocks; ++b) {
            WeightWord word;
#pragma unroll
            for (int r = 0; r < MMFREE_PIPELINE_ROWS; ++r) {
                const int row = firstRow + min(group * MMFREE_PIPELINE_ROWS + r, rows - 1);
                global const uint* from = weights + ((size_t)row * blocks + b) * (MMFREE_BLOCK_BYTES / 4);
#pragma unroll
                for (int i = 0; i < MMFREE_BLOCK_BYTES / 4; ++i)
                    word.codes[r][i] = from[i];
            }
            SEND(weightChannel, weightStream, (size_t)group * blocks + b, word);
        }
    }
}

kernel SINGLE_TASK void ternary_lanes(global const char* restrict q, int firstValue, int blocks,
                                      int groups STREAM_ARGUMENT(WeightWord, weightStream)
                                          STREAM_ARGUMENT(RowSums, sumStream))
{
    char values[MMFREE_MAX_COLUMNS]; // on chip
    for (int c = 0; c < blocks * MMFREE_BLOCK_COLS; ++c)
        values[c] = q[firstValue + c];
    for (int group = 0; group < groups; ++group) {
        RowSums result;
#pragma unroll
        for (int r = 0; r < MMFREE_PIPELINE_ROWS; ++r)
            result.sums[r] = 0;
        for (int b = 0; b < blocks; ++b) {
            WeightWord word;
            RECEIVE(weightChannel, weightStream, (size_t)group * blocks + b, word);
#pragma unroll
            for (int r = 0; r < MMFREE_PIPELINE_ROWS; ++r) {
                int sum = 0;
#pragma unroll
                for (int lane = 0; lane < MMFREE_BLOCK_COLS; ++lane) {
                    const uint code = (word.codes[r][lane / 16] >> (2 * (lane % 16))) & 3u;
                    const int value = values[b * MMFREE_BLOCK_COLS + lane];
                    sum += code == 2u ? value : (code == 0u ? -value : 0);
                }
                result.sums[r] += sum;
            }
        }
        SEND(sumChannel, sumStream, group, result);
    }
}

// out[firstOut + row] (= or +=) sum * matrixScale / scales[scaleIndex].
kernel SINGLE_TASK void write_rows(global const float* restrict scales, int scaleIndex, float matrixScale, int rows,
                                   int groups, global float* restrict out, int firstOut,
                                   int accumulate STREAM_ARGUMENT(RowSums, sumStream))
{
    const float factor = matrixScale / scales[scaleIndex];
    for (int group = 0; group < groups; ++group) {
        RowSums result;
        RECEIVE(sumChannel, sumStream, group, result);
        for (int r = 0; r < MMFREE_PIPELINE_ROWS; ++r) {
            const int row = group * MMFREE_PIPELINE_ROWS + r;
            if (row < rows) {
                const float value = convert_float(result.sums[r]) * factor;
                out[firstOut + row] = accumulate ? out[firstOut + row] + value : value;
            }
        }
    }
}
