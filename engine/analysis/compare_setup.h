// Putting a comparison together: the presets of workloads, contenders from command-line words, the dense
// opponent of a MatMul-free shape, and whether a contender can run on this machine at all.
#pragma once

#include "engine/analysis/compare_types.h"
#include "engine/model/model_source.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree
{

struct WorkloadPreset {
    std::string key, title, description;
    Workload workload;
};
[[nodiscard]] const std::vector<WorkloadPreset>&
workloadPresets();                                          // chat, long-read, long-write, prefill-sweep
[[nodiscard]] Workload workloadByKey(std::string_view key); // throws InvalidArgument naming the keys

// "shape=370M,dense=yes,backend=cpu,threads=2,packing=base3,device=0,isa=avx2,seed=1,name=..." or
// "model=PATH,...". A backslash before a comma keeps it. Throws InvalidArgument naming the word.
[[nodiscard]] Contender parseContender(std::string_view words);
[[nodiscard]] std::string contenderWords(const Contender& contender); // what parseContender reads

// The configuration of a contender's random weights. Positions of a random dense model are not limited.
[[nodiscard]] ModelConfig shapeConfig(const Contender& contender);
// Opens the contender's model, or makes its random weights. Throws what opening throws.
[[nodiscard]] std::shared_ptr<const ModelSource> openContender(const Contender& contender);

enum class DenseMatch { Parameters, Bytes };
// The dense Transformer++ opposite a MatMul-free configuration: same layers, widths and vocabulary (so the
// same number of weights), or a smaller one of the same proportions whose BF16 weights take as many bytes as
// the ternary ones at 2 bits. `options` of the processor are taken over from `ternary`.
[[nodiscard]] Contender denseOpponent(const Contender& ternary, const ModelConfig& config, DenseMatch match);

// The paper's sizes, MatMul-free and dense, one group each: setup with the passes of its figure.
[[nodiscard]] CompareSetup paperSetup(const std::string& backend, const ExecutorOptions& options);
// What the paper says of its largest model (arXiv:2406.02528): quoted, not measured here.
struct QuotedPoint {
    std::string shape;
    bool dense = false;
    double gigabytes = 0.0, milliseconds = 0.0;
};
[[nodiscard]] const std::vector<QuotedPoint>& paperPoints();

struct Availability {
    bool usable = false;
    std::string reason; // why not
    bool emulated = false;
    std::string device; // its name
};
// By what the backends say of their devices; nothing is loaded. `ternary`: the model's architecture.
[[nodiscard]] Availability availabilityOf(const Contender& contender, bool ternary,
                                          const std::vector<std::shared_ptr<const Backend>>& backends);

// Throws InvalidArgument naming what a setup lacks: contenders, lengths, repeats, the baseline.
void checkSetup(const CompareSetup& setup);

} // namespace mmfree
