// A comparison as text: Markdown, CSV, aligned columns for a console, and the difference of two runs. All
// carry method, environment and the "emulated" marks.
#pragma once

#include "engine/analysis/compare_statistics.h"
#include "engine/analysis/compare_types.h"

#include <string>
#include <vector>

namespace mmfree
{

// "12.3 ms", "748.2 MB", "1,234 tokens/s": with three significant digits.
[[nodiscard]] std::string metricText(const Metric& metric, double value);
// "1.42 (1.38-1.47)", "1.01 (0.97-1.04), no clear difference"
[[nodiscard]] std::string ratioText(const Ratio& ratio);
// "MatMul-free against dense: ...": title of the run with the workload and how dense contenders were matched.
[[nodiscard]] std::string titleOf(const CompareRun& run);
[[nodiscard]] std::string workloadText(const Workload& workload);
// "top-1 100 %, KL 1e-9 nats, text equal": one line on a contender's parity, or why there is none.
[[nodiscard]] std::string parityText(const CompareRun& run, int contender);
// Name and value of everything recorded about the machine and the run.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> environmentRows(const CompareRun& run);

[[nodiscard]] std::string compareMarkdown(const CompareRun& run);
[[nodiscard]] std::string compareCsv(const CompareRun& run); // one row a repeat and pass
[[nodiscard]] std::string compareConsole(const CompareRun& run);

// Contenders that are the same in both runs, by what they are, else by their place.
struct RunDifference {
    struct Row {
        std::string contender; // label in A
        int indexA = 0, indexB = 0;
        std::string metric; // key
        std::optional<Quantile> a, b;
        std::optional<Ratio> ratio; // b against a, both sides resampled apart
    };
    std::vector<Row> rows;
    std::vector<std::string> notes; // what makes them hard to compare: other machine, build, workload, model
};
[[nodiscard]] RunDifference diffRuns(const CompareRun& a, const CompareRun& b);
[[nodiscard]] std::string diffConsole(const RunDifference& difference);

} // namespace mmfree
