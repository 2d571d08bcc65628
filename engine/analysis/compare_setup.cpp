#include "engine/analysis/compare_setup.h"

#include "engine/core/error.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace mmfree
{

namespace
{

[[noreturn]] void refuse(const std::string& what)
{
    throw Error(ErrorCode::InvalidArgument, what);
}

const std::map<std::string, WeightPacking, std::less<>> kPackings{
    {"auto", WeightPacking::Automatic}, {"2bit", WeightPacking::TwoBit}, {"base3", WeightPacking::Base3}};

std::vector<std::string> splitWords(std::string_view text)
{
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\'))
            words.back() += text[++i];
        else if (text[i] == ',')
            words.emplace_back();
        else
            words.back() += text[i];
    }
    return words;
}

template <class Number>
Number numberOf(const std::string& key, const std::string& value)
{
    Number number{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size())
        refuse("contender: " + key + " is \"" + value + "\", needed: a whole number");
    return number;
}

bool yesOrNo(const std::string& key, const std::string& value)
{
    if (value == "yes" || value == "true" || value == "1" || value.empty())
        return true;
    if (value == "no" || value == "false" || value == "0")
        return false;
    refuse("contender: " + key + " is \"" + value + "\", needed: yes or no");
}

// One word of a contender; words without a key that follow "shape" continue "layers,hidden,...".
void applyWord(Contender& contender, const std::string& key, const std::string& value)
{
    if (key == "name")
        contender.name = value;
    else if (key == "model")
        contender.model = value;
    else if (key == "shape")
        contender.shape = value;
    else if (key == "dense")
        contender.dense = yesOrNo(key, value);
    else if (key == "matched")
        contender.matched = value;
    else if (key == "group")
        contender.group = value;
    else if (key == "seed")
        contender.seed = numberOf<std::uint64_t>(key, value);
    else if (key == "backend")
        contender.backend = value;
    else if (key == "threads")
        contender.options.threads = numberOf<int>(key, value);
    else if (key == "device")
        contender.options.device = numberOf<int>(key, value);
    else if (key == "isa")
        contender.options.isa = value;
    else if (key == "packing" && kPackings.contains(value))
        contender.options.packing = kPackings.find(value)->second;
    else if (key == "packing")
        refuse("contender: packing is \"" + value + "\", needed: auto, 2bit or base3");
    else
        refuse("contender: \"" + key +
               "\" is unknown, needed: shape or model, and any of dense, backend, threads, device, isa, "
               "packing, seed, name, matched, group");
}

// Bytes of the weights as a processor holds them: BF16, or two bits with BF16 embeddings.
std::int64_t weightBytesOf(const ModelConfig& config)
{
    std::int64_t bytes = 0;
    for (const TensorSpec& spec : tensorSchema(config)) {
        const std::int64_t count = elementCount(spec.shape);
        const bool packed = spec.role == TensorRole::TernaryWeight;
        const bool floats = spec.role == TensorRole::Norm || spec.role == TensorRole::LowerBounds;
        bytes += packed ? count / 4 : (floats ? 4 : 2) * count;
    }
    return bytes;
}

std::string shapeText(const ModelConfig& config)
{
    return std::to_string(config.layerCount) + "," + std::to_string(config.hiddenSize) + "," +
           std::to_string(config.intermediateSize) + "," + std::to_string(config.vocabularySize);
}

// Same proportions of depth and widths, as close as 64-wide steps come.
std::string shapeMatchedByBytes(const ModelConfig& config)
{
    const std::int64_t target = weightBytesOf(config);
    std::string best;
    std::int64_t bestDistance = -1;
    for (std::int64_t hidden = config.hiddenSize; hidden > 0; hidden -= 64) {
        const double share = static_cast<double>(hidden) / static_cast<double>(config.hiddenSize);
        ModelConfig dense = config;
        dense.hiddenSize = hidden;
        dense.layerCount =
            std::max<std::int64_t>(1, std::llround(share * static_cast<double>(config.layerCount)));
        dense.intermediateSize = std::max<std::int64_t>(
            64, std::llround(share * static_cast<double>(config.intermediateSize) / 64.0) * 64);
        const std::string shape = shapeText(dense);
        const std::int64_t distance =
            std::llabs(weightBytesOf(namedShape(shape, Architecture::Transformer)) - target);
        if (bestDistance < 0 || distance < bestDistance) {
            best = shape;
            bestDistance = distance;
        }
    }
    return best;
}

} // namespace

const std::vector<WorkloadPreset>& workloadPresets()
{
    static const std::vector<WorkloadPreset> presets{
        {"chat", "Chat", "64 tokens read, 256 written", {"chat", {{64, 256}}, {}, 1}},
        {"long-read", "Long read", "2,048 tokens read, 32 written", {"long-read", {{2048, 32}}, {}, 1}},
        {"long-write",
         "Long write",
         "16 tokens read, 2,048 written: constant state against a growing cache",
         {"long-write", {{16, 2048}}, {}, 1}},
        {"prefill-sweep",
         "Prefill sweep",
         "prompts of 32 to 1,024 tokens, nothing written",
         {"prefill-sweep", {{32, 0}, {64, 0}, {128, 0}, {256, 0}, {512, 0}, {1024, 0}}, {}, 1}},
    };
    return presets;
}

Workload workloadByKey(std::string_view key)
{
    std::string known;
    for (const WorkloadPreset& preset : workloadPresets()) {
        if (preset.key == key)
            return preset.workload;
        known += (known.empty() ? "" : ", ") + preset.key;
    }
    refuse("workload is \"" + std::string(key) + "\", needed: one of " + known);
}

Contender parseContender(std::string_view words)
{
    Contender contender;
    std::string lastKey;
    for (const std::string& word : splitWords(words)) {
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos && lastKey == "shape") {
            contender.shape += "," + word;
            continue;
        }
        lastKey = word.substr(0, equals);
        applyWord(contender, lastKey, equals == std::string::npos ? "" : word.substr(equals + 1));
    }
    if (contender.model.empty() == contender.shape.empty())
        refuse("contender \"" + std::string(words) + "\": needed: exactly one of shape=... and model=...");
    if (!contender.model.empty() && contender.dense)
        refuse("contender \"" + std::string(words) +
               "\": dense goes with shape; a model says itself what it is");
    if (!contender.shape.empty())
        (void)shapeConfig(contender);
    return contender;
}

std::string contenderWords(const Contender& c)
{
    const auto escaped = [](const std::string& text) {
        std::string out;
        for (const char character : text)
            out +=
                character == ',' || character == '\\' ? std::string{'\\', character} : std::string{character};
        return out;
    };
    std::string words = c.model.empty() ? "shape=" + c.shape : "model=" + escaped(c.model);
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty())
            words += std::string(",") + key + "=" + escaped(value);
    };
    add("dense", c.dense ? "yes" : "");
    add("matched", c.matched);
    add("group", c.group);
    add("backend", c.backend);
    add("threads", c.options.threads ? std::to_string(c.options.threads) : "");
    add("device", c.options.device ? std::to_string(c.options.device) : "");
    add("isa", c.options.isa);
    for (const auto& [word, packing] : kPackings) {
        if (packing == c.options.packing && packing != WeightPacking::Automatic)
            add("packing", word);
    }
    add("seed", c.seed != 1 ? std::to_string(c.seed) : "");
    add("name", c.name);
    return words;
}

ModelConfig shapeConfig(const Contender& contender)
{
    ModelConfig config =
        namedShape(contender.shape, contender.dense ? Architecture::Transformer : Architecture::MatMulFree);
    config.maxPositions = 0; // rotary positions of random weights have no trained limit
    validateModelConfig(config, "shape " + contender.shape);
    return config;
}

std::shared_ptr<const ModelSource> openContender(const Contender& contender)
{
    if (!contender.model.empty())
        return openModel(contender.model);
    return makeRandomModel(shapeConfig(contender), contender.seed,
                           "random " + contender.shape + (contender.dense ? " dense" : ""));
}

Contender denseOpponent(const Contender& ternary, const ModelConfig& config, DenseMatch match)
{
    Contender dense;
    dense.dense = true;
    dense.backend = ternary.backend == "cuda" ? "cuda" : "cpu";
    dense.options.threads = ternary.options.threads;
    dense.options.device = dense.backend == ternary.backend ? ternary.options.device : 0;
    dense.seed = ternary.seed;
    dense.group = ternary.group;
    const std::string whom = ternary.shape.empty() ? std::string("the model") : ternary.shape;
    dense.matched = (match == DenseMatch::Bytes ? "bytes as " : "parameters as ") + whom;
    dense.shape = match == DenseMatch::Bytes ? shapeMatchedByBytes(config)
                  : ternary.shape.empty()    ? shapeText(config)
                                             : ternary.shape;
    return dense;
}

CompareSetup paperSetup(const std::string& backend, const ExecutorOptions& options)
{
    CompareSetup setup;
    setup.title = "Paper: memory and latency by size";
    setup.workload = {"paper", {{2048, 16}}, {}, 1};
    setup.repeats = 7;
    setup.parity = false;
    for (const char* shape : {"370M", "1.3B", "2.7B", "13B"}) {
        Contender ternary;
        ternary.shape = ternary.group = shape;
        ternary.backend = backend;
        ternary.options = options;
        setup.contenders.push_back(ternary);
        setup.contenders.push_back(denseOpponent(ternary, shapeConfig(ternary), DenseMatch::Parameters));
    }
    return setup;
}

const std::vector<QuotedPoint>& paperPoints()
{
    static const std::vector<QuotedPoint> points{{"13B", false, 4.19, 695.48}, {"13B", true, 48.50, 3183.10}};
    return points;
}

Availability availabilityOf(const Contender& contender, bool ternary,
                            const std::vector<std::shared_ptr<const Backend>>& backends)
{
    std::string known;
    for (const std::shared_ptr<const Backend>& backend : backends) {
        known += (known.empty() ? "" : ", ") + backend->name();
        if (backend->name() != contender.backend)
            continue;
        const Architecture architecture = ternary ? Architecture::MatMulFree : Architecture::Transformer;
        if (!backend->supports(architecture, Work::Inference))
            return {.reason = "the " + backend->name() + " backend does not run " +
                              (ternary ? "MatMul-free" : "dense") + " models"};
        const std::vector<DeviceInfo> devices = backend->devices();
        const int index = contender.options.device;
        if (devices.empty())
            return {.reason = "no " + backend->name() + " device was found"};
        if (index < 0 || index >= static_cast<int>(devices.size()))
            return {.reason = "device is " + std::to_string(index) + ", needed: 0 to " +
                              std::to_string(devices.size() - 1)};
        const DeviceInfo& device = devices[static_cast<std::size_t>(index)];
        return {.usable = device.usable,
                .reason = device.usable ? "" : device.reason,
                .emulated = device.emulated,
                .device = device.name};
    }
    return {.reason = "this build has no backend \"" + contender.backend + "\" (it has " + known + ")"};
}

void checkSetup(const CompareSetup& setup)
{
    if (setup.contenders.empty())
        refuse("the comparison has no contender, needed: at least one");
    const auto count = static_cast<int>(setup.contenders.size());
    if (setup.baseline < 0 || setup.baseline >= count)
        refuse("the baseline is contender " + std::to_string(setup.baseline) + ", needed: 0 to " +
               std::to_string(count - 1));
    if (setup.repeats < 1 || setup.repeats > 10000)
        refuse("repeats is " + std::to_string(setup.repeats) + ", needed: 1 to 10000");
    if (setup.workload.passes.empty())
        refuse("the workload has no pass, needed: at least one");
    for (const Pass& pass : setup.workload.passes) {
        constexpr std::int64_t kMost = 1 << 24;
        if (pass.prompt < 1 || pass.prompt > kMost || pass.write < 0 || pass.write > kMost)
            refuse("a pass reads " + std::to_string(pass.prompt) + " tokens and writes " +
                   std::to_string(pass.write) + ", needed: 1 to " + std::to_string(kMost) +
                   " read, 0 or more written");
    }
    if (!(setup.memoryShare > 0.0 && setup.memoryShare <= 1.0))
        refuse("the share of free memory is " + std::to_string(setup.memoryShare) +
               ", needed: above 0, at most 1");
}

} // namespace mmfree
