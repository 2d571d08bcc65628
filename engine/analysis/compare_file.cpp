#include "engine/analysis/compare_file.h"

#include "engine/analysis/json_fields.h"
#include "engine/core/atomic_file.h"

#include <algorithm>
#include <map>

namespace mmfree
{

namespace
{

constexpr const char* kFormat = "mmfree-compare";
constexpr std::int64_t kVersion = 1;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 30;

const std::map<std::string, WeightPacking> kPackings{
    {"auto", WeightPacking::Automatic}, {"2bit", WeightPacking::TwoBit}, {"base3", WeightPacking::Base3}};

} // namespace

// Found by argument-dependent lookup from json_fields.h, therefore not in the unnamed namespace.

// An enumeration travels as a word.
template <class Io>
void packingField(Io& io, WeightPacking& packing)
{
    std::string word;
    for (const auto& [name, value] : kPackings) {
        if (value == packing)
            word = name;
    }
    io("packing", word);
    const auto found = kPackings.find(word);
    if (found == kPackings.end())
        JsonFieldReader::refuse(word, "packing", "auto, 2bit or base3");
    packing = found->second;
}

template <class Io>
void fields(Io& io, Contender& c)
{
    io("name", c.name);
    io("model", c.model);
    io("shape", c.shape);
    io("dense", c.dense);
    io("matched", c.matched);
    io("group", c.group);
    io("seed", c.seed);
    io("backend", c.backend);
    io("threads", c.options.threads);
    io("device", c.options.device);
    io("isa", c.options.isa);
    packingField(io, c.options.packing);
}
template <class Io>
void fields(Io& io, Pass& p)
{
    io("prompt", p.prompt);
    io("write", p.write);
}
template <class Io>
void fields(Io& io, Workload& w)
{
    io("name", w.name);
    io("passes", w.passes);
    io("text", w.text);
    io("seed", w.seed);
}
template <class Io>
void fields(Io& io, CompareSetup& s)
{
    io("title", s.title);
    io("contenders", s.contenders);
    io("baseline", s.baseline);
    io("workload", s.workload);
    io("repeats", s.repeats);
    io("parity", s.parity);
    io("ceilings", s.ceilings);
    io("memoryShare", s.memoryShare);
}
template <class Io>
void fields(Io& io, PassTiming& p)
{
    io("prefillSeconds", p.prefillSeconds);
    io("tokenSeconds", p.tokenSeconds);
}
template <class Io>
void fields(Io& io, Repeat& r)
{
    io("contender", r.contender);
    io("round", r.round);
    io("passes", r.passes);
    io("startSeconds", r.startSeconds);
    io("wallSeconds", r.wallSeconds);
    io("watchSeconds", r.watchSeconds);
    io("clockMHz", r.clockMHz);
    io("celsius", r.celsius);
    io("load", r.load);
    io("joules", r.joules);
}
template <class Io>
void fields(Io& io, MemoryParts& m)
{
    io("weights", m.weights);
    io("state", m.state);
    io("activations", m.activations);
    io("other", m.other);
    io("rest", m.rest);
    io("measured", m.measured);
    io("host", m.host);
}
template <class Io>
void fields(Io& io, MemoryPoint& m)
{
    io("position", m.position);
    io("state", m.state);
    io("measured", m.measured);
}
template <class Io>
void fields(Io& io, MemoryPlan& m)
{
    io("weights", m.weights);
    io("state", m.state);
    io("activations", m.activations);
    io("loading", m.loading);
}
template <class Io>
void fields(Io& io, ParityResult& p)
{
    io("against", p.against);
    io("reason", p.reason);
    io("layers", p.layers);
    io("tokens", p.tokens);
    io("error", p.error);
    io("firstLayer", p.firstLayer);
    io("firstToken", p.firstToken);
    io("tolerance", p.tolerance);
    io("topOneAgreement", p.topOneAgreement);
    io("meanKl", p.meanKl);
    io("largestKl", p.largestKl);
    io("firstOutputDifference", p.firstOutputDifference);
    io("comparedOutput", p.comparedOutput);
}
template <class Io>
void fields(Io& io, ContenderResult& c)
{
    io("contender", c.contender);
    io("ran", c.ran);
    io("reason", c.reason);
    io("emulated", c.emulated);
    io("device", c.device);
    io("description", c.description);
    io("modelName", c.modelName);
    io("modelHash", c.modelHash);
    io("ternary", c.ternary);
    io("parameters", c.parameters);
    io("weightsPerToken", c.weightsPerToken);
    io("weightBytesPerToken", c.weightBytesPerToken);
    io("plan", c.plan);
    io("arithmetic", c.arithmetic);
    io("loadSeconds", c.loadSeconds);
    io("warmUps", c.warmUps);
    io("settled", c.settled);
    io("memory", c.memory);
    io("memoryCurve", c.memoryCurve);
    io("output", c.output);
    io("parity", c.parity);
}
template <class Io>
void fields(Io& io, Ceilings& c)
{
    io("readGBPerSecond", c.readGBPerSecond);
    io("floatGigaOps", c.floatGigaOps);
    io("integerGigaOps", c.integerGigaOps);
    io("floatInstruction", c.floatInstruction);
    io("integerInstruction", c.integerInstruction);
    io("threads", c.threads);
}
template <class Io>
void fields(Io& io, Environment& e)
{
    io("cpuModel", e.cpuModel);
    io("cpuFlags", e.cpuFlags);
    io("cores", e.cores);
    io("lastLevelCacheBytes", e.lastLevelCacheBytes);
    io("governor", e.governor);
    std::vector<double> load(e.loadAverage.begin(), e.loadAverage.end());
    io("loadAverage", load);
    for (std::size_t i = 0; i < std::min(load.size(), e.loadAverage.size()); ++i)
        e.loadAverage[i] = load[i];
    io("memoryBytes", e.memoryBytes);
    io("availableMemoryBytes", e.availableMemoryBytes);
    io("kernel", e.kernel);
    io("compiler", e.compiler);
    io("buildType", e.buildType);
    io("version", e.version);
}
template <class Io>
void fields(Io& io, EnergySource& e)
{
    io("processor", e.processor);
    io("processorReason", e.processorReason);
    io("gpu", e.gpu);
    io("gpuReason", e.gpuReason);
    io("processorIdleWatts", e.processorIdleWatts);
    io("gpuIdleWatts", e.gpuIdleWatts);
}
template <class Io>
void fields(Io& io, CompareRun& r)
{
    io("setup", r.setup);
    io("startedAt", r.startedAt);
    io("commandLine", r.commandLine);
    io("seconds", r.seconds);
    io("stopped", r.stopped);
    io("rounds", r.rounds);
    io("roundSeconds", r.roundSeconds);
    io("besideSeconds", r.besideSeconds);
    io("environment", r.environment);
    io("devices", r.devices);
    io("contenders", r.contenders);
    io("repeats", r.repeats);
    io("ceilings", r.ceilings);
    io("energy", r.energy);
}

namespace
{

template <class T>
T readAs(const nlohmann::json& json, const std::string& place)
{
    T value;
    JsonFieldReader::read(json, place, value);
    return value;
}

[[noreturn]] void refuse(const std::string& name, const std::string& what)
{
    throw Error(ErrorCode::InvalidFile, name + ": " + what);
}

// Every index and length that others trust.
void checkRun(const CompareRun& run, const std::string& name)
{
    const auto count = static_cast<std::int64_t>(run.contenders.size());
    const auto range = [&](const std::string& what, std::int64_t value, std::int64_t least,
                           std::int64_t most) {
        if (value < least || value > most)
            refuse(name, what + " is " + std::to_string(value) + ", needed: " + std::to_string(least) +
                             " to " + std::to_string(most));
    };
    if (count == 0)
        refuse(name, "contenders is an empty list, needed: at least one");
    range("setup.contenders' count", static_cast<std::int64_t>(run.setup.contenders.size()), count, count);
    range("setup.baseline", run.setup.baseline, 0, count - 1);
    const auto passes = static_cast<std::int64_t>(run.setup.workload.passes.size());
    range("setup.workload.passes' count", passes, 1, 1000);
    for (const Pass& pass : run.setup.workload.passes) {
        range("a pass's prompt", pass.prompt, 0, std::int64_t{1} << 32);
        range("a pass's write", pass.write, 0, std::int64_t{1} << 32);
    }
    for (const Repeat& repeat : run.repeats) {
        range("repeats' contender", repeat.contender, 0, count - 1);
        range("repeats' passes' count", static_cast<std::int64_t>(repeat.passes.size()), passes, passes);
    }
    for (const ContenderResult& contender : run.contenders) {
        const ParityResult& parity = contender.parity;
        range("parity.against", parity.against, -1, count - 1);
        range("parity.layers", parity.layers, 0, 1 << 16);
        range("parity.tokens", parity.tokens, 0, 1 << 16);
        if (!parity.error.empty())
            range("parity.error's count", static_cast<std::int64_t>(parity.error.size()),
                  (parity.layers + 1) * parity.tokens, (parity.layers + 1) * parity.tokens);
    }
}

} // namespace

nlohmann::ordered_json contenderToJson(const Contender& contender)
{
    return JsonWriter::write(contender);
}
Contender contenderFromJson(const nlohmann::json& json, const std::string& place)
{
    return readAs<Contender>(json, place);
}
nlohmann::ordered_json contenderResultToJson(const ContenderResult& result)
{
    return JsonWriter::write(result);
}
ContenderResult contenderResultFromJson(const nlohmann::json& json, const std::string& place)
{
    return readAs<ContenderResult>(json, place);
}
nlohmann::ordered_json repeatToJson(const Repeat& repeat)
{
    return JsonWriter::write(repeat);
}
Repeat repeatFromJson(const nlohmann::json& json, const std::string& place)
{
    return readAs<Repeat>(json, place);
}
nlohmann::ordered_json setupToJson(const CompareSetup& setup)
{
    return JsonWriter::write(setup);
}
CompareSetup setupFromJson(const nlohmann::json& json, const std::string& place)
{
    return readAs<CompareSetup>(json, place);
}
nlohmann::ordered_json ceilingsToJson(const Ceilings& ceilings)
{
    return JsonWriter::write(ceilings);
}
Ceilings ceilingsFromJson(const nlohmann::json& json, const std::string& place)
{
    return readAs<Ceilings>(json, place);
}
nlohmann::ordered_json environmentToJson(const Environment& environment)
{
    return JsonWriter::write(environment);
}

std::string compareRunToText(const CompareRun& run)
{
    nlohmann::ordered_json json{{"format", kFormat}, {"version", kVersion}};
    json.update(JsonWriter::write(run));
    return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

CompareRun parseCompareRun(std::string_view text, const std::string& name)
{
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_discarded())
        refuse(name, "is not JSON, needed: a run file written by `mmfree compare` or the compare page");
    const auto format = json.is_object() ? json.find("format") : json.end();
    if (!json.is_object() || format == json.end() || *format != kFormat)
        refuse(name, std::string("has no field \"format\" of \"") + kFormat +
                         "\", needed: a run file written by `mmfree compare` or the compare page");
    const auto version = json.find("version");
    if (version == json.end() || *version != kVersion)
        refuse(name, "version is " + (version == json.end() ? std::string("absent") : version->dump()) +
                         ", needed: " + std::to_string(kVersion));
    CompareRun run = readAs<CompareRun>(json, name);
    checkRun(run, name);
    return run;
}

void writeCompareRun(const CompareRun& run, const std::filesystem::path& path)
{
    writeFileAtomically(path, compareRunToText(run));
}

CompareRun readCompareRun(const std::filesystem::path& path)
{
    return parseCompareRun(readTextFile(path, kLargestFile), path.string());
}

} // namespace mmfree
