// The largest logits of a row and their ids, so that greedy and top-k decoding move a few numbers instead of
// the vocabulary. One work-group; every work-item walks a stripe, then the stripes' best are compared. Equal
// logits: the smaller id wins, as in a walk from the front. k passes, each below the one before.

#define TOP_LANES MMFREE_ROW_LANES

// logits: [vocabulary]; ids, values: [k], best first. NaN never wins.
kernel __attribute__((reqd_work_group_size(TOP_LANES, 1, 1))) void
top_k(global const float* logits, int vocabulary, int k, global int* ids, global float* values)
{
    local float bestValue[TOP_LANES];
    local int bestId[TOP_LANES];
    const int lane = get_local_id(0);
    float limit = INFINITY;
    int limitId = -1;
    for (int n = 0; n < k; ++n) {
        float best = -INFINITY;
        int id = -1;
        for (int i = lane; i < vocabulary; i += TOP_LANES) {
            const float v = logits[i];
            const int below = v < limit || (v == limit && i > limitId);
            if (below && (v > best || id < 0)) {
                best = v;
                id = i;
            }
        }
        bestValue[lane] = best;
        bestId[lane] = id;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < TOP_LANES; ++i) {
            const int other = bestId[i];
            if (other >= 0 && (id < 0 || bestValue[i] > best || (bestValue[i] == best && other < id))) {
                best = bestValue[i];
                id = other;
            }
        }
        if (lane == 0) {
            ids[n] = id;
            values[n] = best;
        }
        limit = best;
        limitId = id;
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
