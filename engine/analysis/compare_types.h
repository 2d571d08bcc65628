// A comparison as plain data: who takes part, what everybody does, and what was measured. Written by the
// runner, kept in run files, read by statistics, reports and the page. Times in seconds, memory in bytes.
#pragma once

#include "engine/analysis/energy.h"
#include "engine/analysis/environment.h"
#include "engine/runtime/backend.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mmfree
{

struct Contender {
    std::string name;       // for people; empty: made by contenderName()
    std::string model;      // path of a model; empty: random weights of `shape`
    std::string shape;      // "370M" or "layers,hidden,GLU width,vocabulary"
    bool dense = false;     // random weights: the dense Transformer++ instead of the MatMul-free model
    std::string matched;    // dense: "parameters as 370M" or "bytes as 370M"; empty: not matched to anybody
    std::string group;      // contenders of a group are loaded together, groups one after another
    std::uint64_t seed = 1; // of random weights
    std::string backend = "cpu";
    ExecutorOptions options;
    friend bool operator==(const Contender&, const Contender&);
};

// One sequence from an empty state: `prompt` tokens read, then `write` tokens chosen greedily.
struct Pass {
    std::int64_t prompt = 0, write = 0;
    friend bool operator==(const Pass&, const Pass&) = default;
};

struct Workload {
    std::string name = "chat"; // key of a preset, or "custom"
    std::vector<Pass> passes{{64, 256}};
    std::string text;       // own text: the prompt's tokens; empty: random tokens of `seed`
    std::uint64_t seed = 1; // the same tokens for all contenders
    [[nodiscard]] std::int64_t longestSequence() const;
};

struct CompareSetup {
    std::string title;
    std::vector<Contender> contenders;
    int baseline = 0; // index; in a setup with groups the first usable contender of each group instead
    Workload workload;
    int repeats = 7;
    bool parity = true;       // compare layers of contenders that run the same model
    bool ceilings = true;     // measure bandwidth and arithmetic limits for the roofline
    double memoryShare = 0.9; // of the free memory that contenders may take
};

// ---- what was measured ----

struct PassTiming {
    double prefillSeconds = 0.0;      // the prompt, up to the logits of its last token
    std::vector<double> tokenSeconds; // each written token: choice and forward pass
};

struct Repeat {
    int contender = 0, round = 0;
    std::vector<PassTiming> passes;
    double startSeconds = 0.0; // since the comparison began
    double wallSeconds = 0.0;
    double watchSeconds = 0.0;            // processor time that watching took inside the contender's process
    double clockMHz = 0.0, celsius = 0.0; // 0: the machine does not show them
    double load = 0.0;                    // one-minute load average at the start
    std::optional<double> joules;         // of the whole machine part that was readable, idle not subtracted
};

// Parts of one process's memory. measured = weights + state + activations + other + rest, exactly.
struct MemoryParts {
    std::int64_t weights = 0, state = 0, activations = 0; // as the backend's allocators count
    std::int64_t other = 0;    // further heap, program code and libraries that came with the contender
    std::int64_t rest = 0;     // measured and unexplained; negative: reserved but never touched
    std::int64_t measured = 0; // growth of resident memory (or of device memory) since before loading
    std::int64_t host = 0;     // device contenders: growth of resident host memory beside it
    [[nodiscard]] std::int64_t explained() const { return weights + state + activations + other; }
};

struct MemoryPoint {
    std::int64_t position = 0; // tokens in the sequence
    std::int64_t state = 0;    // computed
    std::int64_t measured = 0; // growth of resident memory
};

struct MemoryPlan {
    std::int64_t weights = 0, state = 0, activations = 0, loading = 0; // loading: extra bytes while it opens
    [[nodiscard]] std::int64_t total() const { return weights + state + activations + loading; }
};

struct ParityResult {
    int against = -1;   // index of the contender compared with; -1: not compared
    std::string reason; // why not compared; empty when it was
    std::int64_t layers = 0, tokens = 0;
    std::vector<double> error; // [layers + 1, tokens] relative error of each layer's output; last row: logits
    std::int64_t firstLayer = -1, firstToken = -1; // first error above the tolerance; -1: none
    double tolerance = 0.0;
    double topOneAgreement = 0.0;            // 0..1
    double meanKl = 0.0, largestKl = 0.0;    // nats, baseline against this
    std::int64_t firstOutputDifference = -1; // position in the greedily written text; -1: equal
    std::int64_t comparedOutput = 0;         // written tokens compared
    [[nodiscard]] bool compared() const { return against >= 0 && reason.empty(); }
};

struct ContenderResult {
    Contender contender;
    bool ran = false;
    std::string reason; // why it did not run; empty otherwise
    bool emulated = false;
    std::string device, description, modelName, modelHash;
    bool ternary = false;
    std::int64_t parameters = 0, weightsPerToken = 0, weightBytesPerToken = 0;
    MemoryPlan plan;
    std::string arithmetic; // the plan in words, with what was free
    double loadSeconds = 0.0;
    int warmUps = 0;
    bool settled = false; // three warm-ups in a row agreed within 3 %
    MemoryParts memory;   // after the longest pass
    std::vector<MemoryPoint> memoryCurve;
    std::vector<TokenId> output; // of the last pass that writes
    ParityResult parity;
};

// Limits of the machine for the threads given, measured in the same run.
struct Ceilings {
    double readGBPerSecond = 0.0;
    double floatGigaOps = 0.0;   // f32 multiply-adds, 2 operations each
    double integerGigaOps = 0.0; // int8 products summed in int32, 2 operations each; 0: no such instruction
    std::string floatInstruction, integerInstruction;
    int threads = 0;
};

struct CompareRun {
    CompareSetup setup;
    std::string startedAt;   // ISO 8601, UTC
    std::string commandLine; // that repeats it
    double seconds = 0.0;
    bool stopped = false;       // by the user; what was measured until then is kept
    int rounds = 0;             // complete ones
    double roundSeconds = 0.0;  // of all runs in rounds together
    double besideSeconds = 0.0; // processor time that this program, which watches and draws, took meanwhile
    Environment environment;
    std::vector<std::string> devices; // "opencl: name, platform, driver"
    std::vector<ContenderResult> contenders;
    std::vector<Repeat> repeats;
    std::optional<Ceilings> ceilings;
    EnergySource energy;
};

[[nodiscard]] std::string contenderLetter(int index); // A, B, ... Z, AA
[[nodiscard]] std::string contenderName(const Contender& contender);
// "dense" contenders say by what they were matched; emulated ones say so.
[[nodiscard]] std::string labelOf(const CompareRun& run, int index);
// The contender that `index` is compared with: the setup's baseline, or the first one that ran in its group.
[[nodiscard]] int baselineOf(const CompareRun& run, int index);
// How the measurement is made, in one paragraph; the same words on page, console and reports.
[[nodiscard]] std::string methodText(const CompareSetup& setup);

} // namespace mmfree
