#include "engine/analysis/compare_report.h"

#include "engine/analysis/compare_plan.h"
#include "engine/analysis/compare_setup.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>

namespace mmfree
{

namespace
{

std::string format(const char* pattern, double value)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), pattern, value);
    return text.data();
}

// Three significant digits, thousands kept whole.
std::string threeDigits(double value)
{
    const double size = std::abs(value);
    return format(size >= 100.0 ? "%.0f" : size >= 10.0 ? "%.1f" : size >= 1.0 ? "%.2f" : "%.3g", value);
}

std::string cellText(const Metric& metric, const MetricValue& cell, const std::string& missing)
{
    if (!cell.value)
        return missing;
    std::string text = metricText(metric, cell.value->median);
    if (cell.value->samples > 1)
        text += " (" + threeDigits(cell.value->p5) + "-" + threeDigits(cell.value->p95) + ")";
    return text;
}

std::string markdownCell(const std::string& text)
{
    std::string cell;
    for (const char character : text) {
        if (character == '|')
            cell += '\\';
        cell += character;
    }
    return cell;
}

std::string csvField(const std::string& text)
{
    if (text.find_first_of(",\"\n\r") == std::string::npos)
        return text;
    std::string quoted(1, '"');
    for (const char character : text)
        quoted.append(character == '"' ? 2 : 1, character);
    quoted += '"';
    return quoted;
}

// Characters of UTF-8 text, for columns that line up.
std::size_t widthOf(const std::string& text)
{
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string alignedTable(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], widthOf(row[i]));
    }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (i + 1 < row.size())
                text += std::string(widths[i] - widthOf(row[i]) + 2, ' ');
        }
        text += '\n';
    }
    return text;
}

// Rows of the table: a header, then value and ratio lines; `shortMissing` in place of long reasons.
std::vector<std::vector<std::string>> tableRows(const CompareRun& run, const std::string& shortMissing)
{
    const auto table = summarize(run);
    std::vector<std::vector<std::string>> rows(1);
    rows[0].push_back("");
    for (std::size_t i = 0; i < run.contenders.size(); ++i) {
        const int index = static_cast<int>(i);
        rows[0].push_back(contenderLetter(index) + (baselineOf(run, index) == index ? " ★" : "") +
                          (run.contenders[i].emulated ? " (emulated)" : ""));
    }
    const auto& metrics = compareMetrics();
    for (std::size_t m = 0; m < metrics.size(); ++m) {
        std::vector<std::string> values{metrics[m].title}, ratios{"  to the baseline"};
        bool anyRatio = false;
        for (const MetricValue& cell : table[m]) {
            values.push_back(cellText(metrics[m], cell, shortMissing));
            ratios.push_back(cell.ratio ? ratioText(*cell.ratio) : "");
            anyRatio = anyRatio || (cell.ratio && !cell.ratio->exact);
        }
        rows.push_back(std::move(values));
        if (anyRatio)
            rows.push_back(std::move(ratios));
    }
    std::vector<std::string> parity{"Output"};
    for (std::size_t i = 0; i < run.contenders.size(); ++i)
        parity.push_back(parityText(run, static_cast<int>(i)));
    rows.push_back(std::move(parity));
    return rows;
}

// Who the letters are; the names are too long for columns.
std::vector<std::string> legendLines(const CompareRun& run)
{
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < run.contenders.size(); ++i) {
        const ContenderResult& result = run.contenders[i];
        lines.push_back(labelOf(run, static_cast<int>(i)) + ", " + std::to_string(result.parameters) +
                        " parameters" + (result.description.empty() ? "" : ": " + result.description));
    }
    return lines;
}

std::string headText(const CompareRun& run)
{
    std::string text = titleOf(run) + "\n" + run.startedAt + ", " + run.environment.cpuModel + ", " +
                       std::to_string(run.environment.cores) + " cores\n\n";
    for (const std::string& line : legendLines(run))
        text += line + "\n";
    return text;
}

} // namespace

std::string metricText(const Metric& metric, double value)
{
    if (metric.unit == "bytes")
        return sizeText(static_cast<std::int64_t>(value));
    return threeDigits(value) + (metric.unit.empty() ? "" : " " + metric.unit);
}

std::string ratioText(const Ratio& ratio)
{
    std::string text = threeDigits(ratio.value) + "×";
    if (ratio.exact)
        return text;
    text += " (" + threeDigits(ratio.low) + "-" + threeDigits(ratio.high) + ")";
    return ratio.clear() ? text : text + ", no clear difference";
}

std::string workloadText(const Workload& workload)
{
    std::string text;
    for (const WorkloadPreset& preset : workloadPresets()) {
        if (preset.key == workload.name && workload.text.empty() && preset.workload.passes == workload.passes)
            text = preset.title + ": ";
    }
    if (!workload.text.empty())
        text = "Own text: ";
    for (std::size_t i = 0; i < workload.passes.size(); ++i) {
        const Pass& pass = workload.passes[i];
        text += (i ? "; " : "") + std::to_string(pass.prompt) + " tokens read, " +
                std::to_string(pass.write) + " written";
    }
    return text;
}

std::string titleOf(const CompareRun& run)
{
    std::string title = run.setup.title;
    if (title.empty())
        title = workloadText(run.setup.workload);
    std::set<std::string> matches;
    for (const ContenderResult& result : run.contenders) {
        if (!result.contender.matched.empty())
            matches.insert(result.contender.matched.substr(0, result.contender.matched.find(' ')));
    }
    for (const std::string& match : matches)
        title += ", dense baseline matched by " + match;
    for (const ContenderResult& result : run.contenders) {
        if (result.emulated)
            return title + ", with emulated contenders";
    }
    return title;
}

std::string parityText(const CompareRun& run, int contender)
{
    const ContenderResult& result = run.contenders[static_cast<std::size_t>(contender)];
    if (!result.ran)
        return "did not run";
    if (baselineOf(run, contender) == contender)
        return "baseline";
    const ParityResult& parity = result.parity;
    if (!parity.compared())
        return parity.reason.empty() ? "not compared" : parity.reason;
    std::string text = "top-1 " + format("%.4g", 100.0 * parity.topOneAgreement) + " %, KL " +
                       format("%.2g", parity.meanKl) + " nats";
    if (parity.comparedOutput > 0) {
        text += parity.firstOutputDifference < 0
                    ? ", text equal over " + std::to_string(parity.comparedOutput) + " tokens"
                    : ", text differs from token " + std::to_string(parity.firstOutputDifference + 1);
    }
    return text;
}

std::vector<std::pair<std::string, std::string>> environmentRows(const CompareRun& run)
{
    const Environment& e = run.environment;
    std::string flags;
    for (const std::string& flag : e.cpuFlags)
        flags += (flags.empty() ? "" : " ") + flag;
    std::vector<std::pair<std::string, std::string>> rows{
        {"Processor", e.cpuModel},
        {"Instruction sets", flags},
        {"Cores", std::to_string(e.cores)},
        {"Last-level cache", sizeText(static_cast<std::int64_t>(e.lastLevelCacheBytes))},
        {"Frequency governor", e.governor.empty() ? "not shown by the machine" : e.governor},
        {"Load before", format("%.2f", e.loadAverage[0]) + ", " + format("%.2f", e.loadAverage[1]) + ", " +
                            format("%.2f", e.loadAverage[2])},
        {"Memory", sizeText(static_cast<std::int64_t>(e.memoryBytes)) + ", " +
                       sizeText(static_cast<std::int64_t>(e.availableMemoryBytes)) + " free"},
        {"System", e.kernel},
        {"Program", "MatMul-Free Studio " + e.version + ", " + e.buildType + ", " + e.compiler},
        {"Started", run.startedAt},
        {"Took", format("%.1f s", run.seconds)},
        {"Processor energy", run.energy.processor.empty() ? "not available: " + run.energy.processorReason
                                                          : run.energy.processor},
        {"GPU energy", run.energy.gpu.empty() ? "not available: " + run.energy.gpuReason : run.energy.gpu},
    };
    for (const std::string& device : run.devices)
        rows.emplace_back("Device", device);
    for (std::size_t i = 0; i < run.contenders.size(); ++i) {
        const ContenderResult& c = run.contenders[i];
        const std::string letter = contenderLetter(static_cast<int>(i));
        rows.emplace_back("Model of " + letter, c.modelName + ", hash " +
                                                    (c.modelHash.empty() ? "unknown" : c.modelHash) + ", " +
                                                    std::to_string(c.parameters) + " parameters");
        rows.emplace_back("Runs " + letter, c.ran ? c.description + (c.emulated ? " (emulated)" : "")
                                                  : "did not run: " + c.reason);
        if (const auto share = watchShare(run, static_cast<int>(i)))
            rows.emplace_back("Watching " + letter, format("%.3f %% of its time", 100.0 * *share));
    }
    if (run.roundSeconds > 0.0)
        rows.emplace_back("This program beside the runs",
                          format("%.2f %% of one core", 100.0 * run.besideSeconds / run.roundSeconds));
    double least = 0.0, most = 0.0;
    for (const Repeat& repeat : run.repeats) {
        if (repeat.clockMHz > 0.0) {
            least = least == 0.0 ? repeat.clockMHz : std::min(least, repeat.clockMHz);
            most = std::max(most, repeat.clockMHz);
        }
    }
    rows.emplace_back("Clock during rounds", most > 0.0
                                                 ? format("%.0f", least) + " to " + format("%.0f MHz", most)
                                                 : "not shown by the machine");
    rows.emplace_back("Repeat it with", run.commandLine);
    return rows;
}

std::string compareMarkdown(const CompareRun& run)
{
    std::string text =
        "# " + titleOf(run) + "\n\n" + workloadText(run.setup.workload) + ". " + run.startedAt + ".\n\n";
    for (const std::string& line : legendLines(run))
        text += "- " + line + "\n";
    text += "\n";
    const auto rows = tableRows(run, "-");
    for (std::size_t r = 0; r < rows.size(); ++r) {
        text += "|";
        for (const std::string& cell : rows[r]) {
            text += ' ';
            text += markdownCell(cell);
            text += " |";
        }
        text += "\n";
        if (r == 0) {
            text += "|";
            for (std::size_t i = 0; i < rows[0].size(); ++i)
                text += i ? "---:|" : "---|";
            text += "\n";
        }
    }
    text += "\n";
    for (const std::string& warning : warningsOf(run))
        text += "- " + warning + "\n";
    text += "\n## Method\n\n" + methodText(run.setup) + "\n\n## Memory arithmetic\n\n";
    for (std::size_t i = 0; i < run.contenders.size(); ++i)
        text += "- " + labelOf(run, static_cast<int>(i)) + ": " + run.contenders[i].arithmetic + "\n";
    text += "\n## Environment\n\n";
    for (const auto& [name, value] : environmentRows(run))
        text += "- " + name + ": " + value + "\n";
    return text;
}

std::string compareCsv(const CompareRun& run)
{
    std::string text =
        "contender,name,backend,emulated,round,pass,prompt_tokens,written_tokens,prefill_seconds,"
        "decode_seconds,median_token_seconds,p5_token_seconds,p95_token_seconds,wall_seconds,"
        "joules,start_seconds,load,clock_mhz\n";
    for (const Repeat& repeat : run.repeats) {
        const ContenderResult& contender = run.contenders[static_cast<std::size_t>(repeat.contender)];
        for (std::size_t i = 0; i < repeat.passes.size(); ++i) {
            const PassTiming& pass = repeat.passes[i];
            double decode = 0.0;
            for (const double seconds : pass.tokenSeconds)
                decode += seconds;
            std::string quantiles = ",,";
            if (!pass.tokenSeconds.empty()) {
                const Quantile q = quantileOf(pass.tokenSeconds);
                quantiles =
                    format("%.9g", q.median) + "," + format("%.9g", q.p5) + "," + format("%.9g", q.p95);
            }
            text += contenderLetter(repeat.contender) + "," + csvField(contenderName(contender.contender)) +
                    "," + csvField(contender.contender.backend) + "," + (contender.emulated ? "yes" : "no") +
                    "," + std::to_string(repeat.round + 1) + "," + std::to_string(i + 1) + "," +
                    std::to_string(run.setup.workload.passes[i].prompt) + "," +
                    std::to_string(pass.tokenSeconds.size()) + "," + format("%.9g", pass.prefillSeconds) +
                    "," + format("%.9g", decode) + "," + quantiles + "," +
                    format("%.9g", repeat.wallSeconds) + "," +
                    (repeat.joules ? format("%.9g", *repeat.joules) : "") + "," +
                    format("%.9g", repeat.startSeconds) + "," + format("%.3g", repeat.load) + "," +
                    (repeat.clockMHz > 0.0 ? format("%.5g", repeat.clockMHz) : "") + "\n";
        }
    }
    return text;
}

std::string compareConsole(const CompareRun& run)
{
    std::string text = headText(run) + "\n" + alignedTable(tableRows(run, "-")) + "\n";
    for (const std::string& warning : warningsOf(run))
        text += "Note  " + warning + "\n";
    if (run.ceilings) {
        text += "Limits  reads " + threeDigits(run.ceilings->readGBPerSecond) + " GB/s, " +
                threeDigits(run.ceilings->floatGigaOps) + " G f32 operations/s (" +
                run.ceilings->floatInstruction + ")";
        if (run.ceilings->integerGigaOps > 0.0)
            text += ", " + threeDigits(run.ceilings->integerGigaOps) + " G int8 operations/s (" +
                    run.ceilings->integerInstruction + ")";
        text += ", " + std::to_string(run.ceilings->threads) + " threads\n";
    }
    if (run.energy.processor.empty())
        text += "Energy  not available: " + run.energy.processorReason + "\n";
    return text;
}

RunDifference diffRuns(const CompareRun& a, const CompareRun& b)
{
    RunDifference difference;
    const auto note = [&](const std::string& what, const std::string& inA, const std::string& inB) {
        if (inA != inB)
            difference.notes.push_back(what + " differs: " + inA + " and " + inB);
    };
    note("The processor", a.environment.cpuModel, b.environment.cpuModel);
    note("The program", a.environment.version + " " + a.environment.buildType,
         b.environment.version + " " + b.environment.buildType);
    note("The workload", workloadText(a.setup.workload), workloadText(b.setup.workload));
    const auto tableA = summarize(a), tableB = summarize(b);
    const auto& metrics = compareMetrics();
    std::set<std::size_t> used;
    for (std::size_t i = 0; i < a.contenders.size(); ++i) {
        std::size_t match = b.contenders.size();
        for (std::size_t j = 0; j < b.contenders.size(); ++j) {
            if (match == b.contenders.size() && !used.contains(j) &&
                contenderWords(a.contenders[i].contender) == contenderWords(b.contenders[j].contender))
                match = j;
        }
        if (match == b.contenders.size() && i < b.contenders.size() && !used.contains(i))
            match = i;
        if (match == b.contenders.size()) {
            difference.notes.push_back(labelOf(a, static_cast<int>(i)) + " is only in the first run");
            continue;
        }
        used.insert(match);
        note("The model of " + contenderLetter(static_cast<int>(i)), a.contenders[i].modelHash,
             b.contenders[match].modelHash);
        for (std::size_t m = 0; m < metrics.size(); ++m) {
            RunDifference::Row row{.contender = labelOf(a, static_cast<int>(i)),
                                   .indexA = static_cast<int>(i),
                                   .indexB = static_cast<int>(match),
                                   .metric = metrics[m].key,
                                   .a = tableA[m][i].value,
                                   .b = tableB[m][match].value,
                                   .ratio = {}};
            if (!row.a && !row.b)
                continue;
            row.ratio = bootstrapRatio(roundSamples(b, row.metric, row.indexB),
                                       roundSamples(a, row.metric, row.indexA), false);
            if (!row.ratio && row.a && row.b && row.a->median != 0.0) {
                const double value = row.b->median / row.a->median;
                row.ratio = Ratio{value, value, value, true};
            }
            difference.rows.push_back(std::move(row));
        }
    }
    for (std::size_t j = 0; j < b.contenders.size(); ++j) {
        if (!used.contains(j))
            difference.notes.push_back(labelOf(b, static_cast<int>(j)) + " is only in the second run");
    }
    return difference;
}

std::string diffConsole(const RunDifference& difference)
{
    std::vector<std::vector<std::string>> rows{{"", "A", "B", "B to A"}};
    std::string last;
    for (const RunDifference::Row& row : difference.rows) {
        if (row.contender != last)
            rows.push_back({row.contender});
        last = row.contender;
        for (const Metric& metric : compareMetrics()) {
            if (metric.key == row.metric)
                rows.push_back({"  " + metric.title, row.a ? metricText(metric, row.a->median) : "-",
                                row.b ? metricText(metric, row.b->median) : "-",
                                row.ratio ? ratioText(*row.ratio) : ""});
        }
    }
    std::string text = alignedTable(rows);
    for (const std::string& note : difference.notes)
        text += "Note  " + note + "\n";
    return text;
}

} // namespace mmfree
