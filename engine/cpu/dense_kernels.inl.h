// Kernels of the dense baseline: weights of 2 or 4 bytes streamed once per token, and the vector steps of
// attention. Included inside an ISA's namespace after float_kernels.inl.h. Bound by memory: 2 or 4 bytes per
// weight.

struct LoadFloat {
    using Type = float;
    static Lanes at(const float* p) { return load(p); }
};
struct LoadHalf {
    using Type = uint16_t;
    static Lanes at(const uint16_t* p) { return loadHalf(p); }
};
struct LoadBfloat {
    using Type = uint16_t;
    static Lanes at(const uint16_t* p) { return loadBfloat(p); }
};

// Four rows share the loads of x; each keeps two sums of 16 lanes.
template <class Load, int Rows>
static inline void denseRows(const typename Load::Type* weights, int64_t cols, const float* x, float* out,
                             bool add)
{
    Lanes even[Rows], odd[Rows];
    for (int r = 0; r < Rows; ++r)
        even[r] = odd[r] = all(0.0f);
    int64_t i = 0;
    for (; i + 32 <= cols; i += 32) {
        const Lanes first = load(x + i), second = load(x + i + 16);
        for (int r = 0; r < Rows; ++r) {
            even[r] = even[r] + Load::at(weights + r * cols + i) * first;
            odd[r] = odd[r] + Load::at(weights + r * cols + i + 16) * second;
        }
    }
    for (; i < cols; i += 16) {
        const int64_t valid = cols - i < 16 ? cols - i : 16;
        const Lanes value = loadSome(x + i, valid);
        for (int r = 0; r < Rows; ++r) {
            typename Load::Type tail[16] = {};
            __builtin_memcpy(tail, weights + r * cols + i, static_cast<size_t>(valid) * sizeof(tail[0]));
            even[r] = even[r] + Load::at(tail) * value;
        }
    }
    for (int r = 0; r < Rows; ++r) {
        const float total = sum(even[r] + odd[r]);
        out[r] = add ? out[r] + total : total;
    }
}

template <class Load>
static void denseGemvOf(const void* weights, int64_t cols, const float* x, int64_t begin, int64_t end,
                        float* out, bool add)
{
    const auto* first = static_cast<const typename Load::Type*>(weights);
    int64_t r = begin;
    for (; r + 4 <= end; r += 4)
        denseRows<Load, 4>(first + r * cols, cols, x, out + r, add);
    for (; r < end; ++r)
        denseRows<Load, 1>(first + r * cols, cols, x, out + r, add);
}

static void denseGemv(const void* weights, ElementType type, int64_t cols, const float* x, int64_t begin,
                      int64_t end, float* out, bool add)
{
    if (type == ElementType::F32)
        denseGemvOf<LoadFloat>(weights, cols, x, begin, end, out, add);
    else if (type == ElementType::F16)
        denseGemvOf<LoadHalf>(weights, cols, x, begin, end, out, add);
    else
        denseGemvOf<LoadBfloat>(weights, cols, x, begin, end, out, add);
}

static float dot(const float* a, const float* b, int64_t count)
{
    return sumOver(count,
                   [=](int64_t i, auto valid) { return loadSome(a + i, valid) * loadSome(b + i, valid); });
}

static void multiplyAdd(float factor, const float* x, int64_t count, float* out)
{
    const Lanes scale = all(factor);
    forLaneBlocks(count, [=](int64_t i, auto valid) {
        storeSome(out + i, loadSome(out + i, valid) + scale * loadSome(x + i, valid), valid);
    });
}

static void addTo(const float* x, int64_t count, float* out)
{
    forLaneBlocks(count, [=](int64_t i, auto valid) {
        storeSome(out + i, loadSome(out + i, valid) + loadSome(x + i, valid), valid);
    });
}

static inline float largestOf(const float* values, int64_t count)
{
    Lanes peak = all(values[0]);
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        peak = maximum(load(values + i), peak);
    for (; i < count; ++i)
        peak = maximum(all(values[i]), peak);
    return largest(peak);
}

// In place over count >= 1 values.
static void softmax(float* values, int64_t count)
{
    const Lanes peak = all(largestOf(values, count));
    const float total = sumOver(count, [=](int64_t i, auto valid) {
        const Lanes e = exponential(loadSome(values + i, valid) - peak);
        storeSome(values + i, e, valid);
        return keepSome(e, valid);
    });
    const Lanes share = all(1.0f / total);
    forLaneBlocks(count, [=](int64_t i, auto valid) {
        storeSome(values + i, loadSome(values + i, valid) * share, valid);
    });
}
