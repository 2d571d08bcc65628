#include "engine/analysis/compare_types.h"

#include <algorithm>

namespace mmfree
{

bool operator==(const Contender& a, const Contender& b)
{
    return a.name == b.name && a.model == b.model && a.shape == b.shape && a.dense == b.dense &&
           a.matched == b.matched && a.group == b.group && a.seed == b.seed && a.backend == b.backend &&
           a.options.threads == b.options.threads && a.options.isa == b.options.isa &&
           a.options.packing == b.options.packing && a.options.device == b.options.device;
}

std::int64_t Workload::longestSequence() const
{
    std::int64_t longest = 0;
    for (const Pass& pass : passes)
        longest = std::max(longest, pass.prompt + pass.write);
    return longest;
}

std::string contenderLetter(int index)
{
    std::string letters;
    for (int rest = index; rest >= 0; rest = rest / 26 - 1)
        letters.insert(letters.begin(), static_cast<char>('A' + rest % 26));
    return letters;
}

std::string contenderName(const Contender& contender)
{
    if (!contender.name.empty())
        return contender.name;
    std::string what = contender.shape;
    if (!contender.model.empty()) {
        const std::size_t end = contender.model.find_last_not_of('/');
        const std::size_t slash = contender.model.find_last_of('/', end);
        what = contender.model.substr(slash == std::string::npos ? 0 : slash + 1,
                                      slash == std::string::npos ? end + 1 : end - slash);
    } else {
        what += contender.dense ? " dense" : " ternary";
    }
    const std::string backend = contender.backend == "cpu"      ? "CPU"
                                : contender.backend == "cuda"   ? "CUDA"
                                : contender.backend == "opencl" ? "OpenCL"
                                                                : contender.backend;
    std::string details;
    if (contender.options.threads > 0)
        details += ", " + std::to_string(contender.options.threads) +
                   (contender.options.threads == 1 ? " thread" : " threads");
    if (contender.options.device > 0)
        details += ", device " + std::to_string(contender.options.device);
    if (!contender.options.isa.empty())
        details += ", " + contender.options.isa;
    if (contender.options.packing == WeightPacking::Base3)
        details += ", base 3";
    return what + " · " + backend + details;
}

std::string labelOf(const CompareRun& run, int index)
{
    const ContenderResult& result = run.contenders[static_cast<std::size_t>(index)];
    std::string label = contenderLetter(index) + " " + contenderName(result.contender);
    if (!result.contender.matched.empty())
        label += " [as many " + result.contender.matched + "]";
    return label + (result.emulated ? " (emulated)" : "");
}

int baselineOf(const CompareRun& run, int index)
{
    const std::string& group = run.contenders[static_cast<std::size_t>(index)].contender.group;
    const ContenderResult& chosen = run.contenders[static_cast<std::size_t>(run.setup.baseline)];
    if (chosen.contender.group == group && chosen.ran)
        return run.setup.baseline;
    for (std::size_t i = 0; i < run.contenders.size(); ++i) {
        if (run.contenders[i].ran && run.contenders[i].contender.group == group)
            return static_cast<int>(i);
    }
    return run.setup.baseline;
}

std::string methodText(const CompareSetup& setup)
{
    return "Each contender runs in a process of its own. It loads, then warms up until three runs in a row "
           "agree within 3 % (8 runs at most). Then all take turns, one run each a round, in an order that "
           "moves on by one every round; " +
           std::to_string(setup.repeats) + (setup.repeats == 1 ? " round" : " rounds") +
           ", nothing discarded. Every contender reads the same tokens and writes its own most likely ones. "
           "Numbers are medians with their 5-95 % range; a ratio to the baseline has a 95 % bootstrap "
           "interval "
           "over rounds, and where that contains 1 there is no clear difference. Memory is what the process "
           "grew by since before loading.";
}

} // namespace mmfree
