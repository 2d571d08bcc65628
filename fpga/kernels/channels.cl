// Channels of the PIPELINE variant: one way to write the kernels, three ways to join them.
//
// SEND and RECEIVE take the number of the transfer; only the memory form uses it. With MMFREE_CHANNELS_INTEL or
// MMFREE_CHANNELS_PIPE the three kernels of a product run at the same time and the arguments STREAM_ARGUMENT
// vanish; with MMFREE_CHANNELS_MEMORY each stream is a buffer as long as the stream, and the kernels run one
// after the other.

// One transfer of weights: the same block of MMFREE_PIPELINE_ROWS neighbouring rows.
typedef struct {
    uint codes[MMFREE_PIPELINE_ROWS][MMFREE_BLOCK_BYTES / 4];
} WeightWord;

// The finished integer sums of those rows.
typedef struct {
    int sums[MMFREE_PIPELINE_ROWS];
} RowSums;

#if MMFREE_CHANNELS == MMFREE_CHANNELS_INTEL
#pragma OPENCL EXTENSION cl_intel_channels : enable
channel WeightWord weightChannel __attribute__((depth(MMFREE_CHANNEL_DEPTH)));
channel RowSums sumChannel __attribute__((depth(MMFREE_CHANNEL_DEPTH)));
#define STREAM_ARGUMENT(type, name)
#define SEND(stream, name, index, value) write_channel_intel(stream, (value))
#define RECEIVE(stream, name, index, value) ((value) = read_channel_intel(stream))
#elif MMFREE_CHANNELS == MMFREE_CHANNELS_PIPE
pipe WeightWord weightChannel __attribute__((xcl_reqd_pipe_depth(MMFREE_CHANNEL_DEPTH)));
pipe RowSums sumChannel __attribute__((xcl_reqd_pipe_depth(MMFREE_CHANNEL_DEPTH)));
#define STREAM_ARGUMENT(type, name)
#define SEND(stream, name, index, value) write_pipe_block(stream, &(value))
#define RECEIVE(stream, name, index, value) read_pipe_block(stream, &(value))
#else
#define STREAM_ARGUMENT(type, name) , global type* name
#define SEND(stream, name, index, value) ((name)[index] = (value))
#define RECEIVE(stream, name, index, value) ((value) = (name)[index])
#endif

// A kernel that is one work-item; its loops become the pipeline.
#define SINGLE_TASK __attribute__((reqd_work_group_size(1, 1, 1)))
