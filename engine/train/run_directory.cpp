#include "engine/train/run_directory.h"

#include "engine/core/atomic_file.h"
#include "engine/core/checksum.h"
#include "engine/core/error.h"
#include "engine/train/json_fields.h"

#include <algorithm>
#include <limits>

namespace mmfree
{

namespace fs = std::filesystem;
using namespace fields;

namespace
{

const std::pair<LearningRateSchedule, const char*> kScheduleNames[] = {
    {LearningRateSchedule::Constant, "constant"},
    {LearningRateSchedule::Cosine, "cosine"},
    {LearningRateSchedule::Paper, "paper"},
};

// One visitor over all fields is the single source of truth for their names in JSON.
template <class Options, class Visitor>
void visitFields(Options& o, Visitor&& visit)
{
    visit("steps", o.steps);
    visit("batch", o.batch);
    visit("length", o.length);
    visit("accumulate", o.accumulate);
    visit("learningRate", o.learningRate);
    visit("warmupSteps", o.warmupSteps);
    visit("finalLearningRateShare", o.finalLearningRateShare);
    visit("beta1", o.beta1);
    visit("beta2", o.beta2);
    visit("adamEpsilon", o.adamEpsilon);
    visit("weightDecay", o.weightDecay);
    visit("decayAll", o.decayAll);
    visit("clipNorm", o.clipNorm);
    visit("seed", o.seed);
    visit("validationShare", o.validationShare);
    visit("evaluateEvery", o.evaluateEvery);
    visit("checkpointEvery", o.checkpointEvery);
    visit("keepCheckpoints", o.keepCheckpoints);
    visit("sampleEvery", o.sampleEvery);
    visit("samplePrompts", o.samplePrompts);
    visit("overfitBatch", o.overfitBatch);
    visit("statisticsEvery", o.statisticsEvery);
    visit("earlyStopPatience", o.earlyStopPatience);
    visit("earlyStopMinDelta", o.earlyStopMinDelta);
    visit("explodeFactor", o.explodeFactor);
}

} // namespace

json trainingOptionsToJson(const TrainingOptions& options)
{
    json result;
    visitFields(options, [&](const char* key, const auto& value) { result[key] = value; });
    for (const auto& [schedule, name] : kScheduleNames) {
        if (schedule == options.schedule)
            result["schedule"] = name;
    }
    json edits = json::array();
    for (const LearningRateEdit& edit : options.learningRateEdits)
        edits.push_back({{"step", edit.step}, {"scale", edit.scale}});
    result["learningRateEdits"] = edits;
    return result;
}

TrainingOptions trainingOptionsFromJson(const json& source, const std::string& name)
{
    TrainingOptions options;
    visitFields(options, [&](const char* key, auto& value) {
        if (!source.contains(key))
            return;
        try {
            source.at(key).get_to(value);
        } catch (const json::exception&) {
            throw Error(ErrorCode::InvalidConfig,
                        name + ": " + key + " is " + source.at(key).dump() + ", which has the wrong type");
        }
    });
    if (source.contains("schedule")) {
        const auto* found =
            std::find_if(std::begin(kScheduleNames), std::end(kScheduleNames),
                         [&](const auto& entry) { return source.at("schedule") == entry.second; });
        if (found == std::end(kScheduleNames)) {
            throw Error(ErrorCode::InvalidConfig, name + ": schedule is " + source.at("schedule").dump() +
                                                      ", needed: constant, cosine or paper");
        }
        options.schedule = found->first;
    }
    for (const json& edit : source.value("learningRateEdits", json::array())) {
        const std::string place = name + ": learningRateEdits";
        options.learningRateEdits.push_back(
            {countField(edit, place, "step", 0), numberField(edit, place, "scale", 1.0)});
    }
    return options;
}

json stepMetricsToJson(const StepMetrics& metrics)
{
    json result = {{"step", metrics.step},
                   {"loss", metrics.loss},
                   {"learningRate", metrics.learningRate},
                   {"gradientNorm", metrics.gradientNorm},
                   {"tokensPerSecond", metrics.tokensPerSecond},
                   {"tokens", metrics.tokens},
                   {"elapsedSeconds", metrics.elapsedSeconds},
                   {"residentBytes", metrics.residentBytes}};
    if (metrics.validationLoss)
        result["validationLoss"] = *metrics.validationLoss;
    return result;
}

StepMetrics stepMetricsFromJson(const json& entry, const std::string& name)
{
    StepMetrics metrics{.step = countField(entry, name, "step", 1),
                        .loss = numberField(entry, name, "loss", 0.0),
                        .learningRate = numberField(entry, name, "learningRate", 0.0),
                        .gradientNorm = numberField(entry, name, "gradientNorm", 0.0),
                        .tokensPerSecond = numberField(entry, name, "tokensPerSecond", 0.0),
                        .tokens = countField(entry, name, "tokens", 0),
                        .elapsedSeconds = numberField(entry, name, "elapsedSeconds", 0.0),
                        .residentBytes =
                            entry.contains("residentBytes") ? countField(entry, name, "residentBytes", 0) : 0,
                        .validationLoss = {}};
    if (entry.contains("validationLoss"))
        metrics.validationLoss = numberField(entry, name, "validationLoss", 0.0);
    return metrics;
}

std::vector<StepMetrics> readMetrics(const fs::path& file)
{
    std::vector<StepMetrics> all;
    std::ifstream stream(file);
    std::int64_t lineNumber = 0;
    for (std::string line; std::getline(stream, line);) {
        ++lineNumber;
        const json entry = json::parse(line, nullptr, false);
        if (entry.is_object() && entry.contains("step"))
            all.push_back(stepMetricsFromJson(entry, file.string() + ": line " + std::to_string(lineNumber)));
    }
    return all;
}

TrainingOptions readRunOptions(const fs::path& runDirectory)
{
    const fs::path file = runDirectory / "run.json";
    const json run = parseJsonFile(file);
    return trainingOptionsFromJson(run.value("options", json::object()), file.string());
}

json runRecordToJson(const RunRecord& record)
{
    const RunSource& source = record.source;
    json files = json::array();
    for (const RunSource::File& file : source.dataFiles)
        files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"checksum", file.checksum}});
    json result{{"format", 1},
                {"name", record.name},
                {"tags", record.tags},
                {"options", trainingOptionsToJson(record.options)},
                {"source",
                 {{"data", files},
                  {"baseModel", source.baseModel},
                  {"tokenBatch", source.tokenBatch},
                  {"tokenizer", source.tokenizer},
                  {"chatTemplate", source.chatTemplate},
                  {"vocabulary", source.vocabulary},
                  {"symbols", source.symbols},
                  {"lossOnAnswers", source.lossOnAnswers},
                  {"backend", source.backend},
                  {"isa", source.isa},
                  {"threads", source.threads},
                  {"device", source.device}}},
                {"backend", record.backend},
                {"validationBytes", record.validationBytes},
                {"validationTokens", record.validationTokens},
                {"compressorBitsPerByte", record.compressorBitsPerByte}};
    if (record.model)
        result["model"] = modelConfigToJson(*record.model);
    return result;
}

RunRecord runRecordFromJson(const json& object, const std::string& name)
{
    RunRecord record;
    const auto read = [&](const json& from, const char* key, auto& value) {
        const auto found = from.find(key);
        if (found == from.end())
            return;
        try {
            found->get_to(value);
        } catch (const json::exception&) {
            throw Error(ErrorCode::InvalidConfig,
                        name + ": " + key + " is " + found->dump() + ", which has the wrong type");
        }
    };
    read(object, "name", record.name);
    read(object, "tags", record.tags);
    read(object, "backend", record.backend);
    read(object, "validationBytes", record.validationBytes);
    read(object, "validationTokens", record.validationTokens);
    read(object, "compressorBitsPerByte", record.compressorBitsPerByte);
    record.options = trainingOptionsFromJson(object.value("options", json::object()), name);
    if (object.contains("model"))
        record.model = parseModelConfig(object.at("model").dump(), name + ": model");
    const json source = object.value("source", json::object());
    if (!source.is_object())
        failField(name, "source", source, "an object");
    RunSource& out = record.source;
    for (const json& file : source.value("data", json::array())) {
        if (!file.is_object())
            failField(name, "data", file, "an object with path, bytes and checksum");
        RunSource::File& entry = out.dataFiles.emplace_back();
        read(file, "path", entry.path);
        read(file, "bytes", entry.bytes);
        read(file, "checksum", entry.checksum);
    }
    read(source, "baseModel", out.baseModel);
    read(source, "tokenBatch", out.tokenBatch);
    read(source, "tokenizer", out.tokenizer);
    read(source, "chatTemplate", out.chatTemplate);
    read(source, "vocabulary", out.vocabulary);
    read(source, "symbols", out.symbols);
    read(source, "lossOnAnswers", out.lossOnAnswers);
    read(source, "backend", out.backend);
    read(source, "isa", out.isa);
    read(source, "threads", out.threads);
    read(source, "device", out.device);
    return record;
}

RunRecord readRunRecord(const fs::path& runDirectory)
{
    const fs::path file = runDirectory / "run.json";
    return runRecordFromJson(parseJsonFile(file), file.string());
}

void writeRunRecord(const fs::path& runDirectory, const RunRecord& record)
{
    std::error_code error;
    fs::create_directories(runDirectory, error);
    if (error)
        throw Error(ErrorCode::Io, "cannot create " + runDirectory.string() + ": " + error.message());
    const fs::path file = runDirectory / "run.json";
    json all = fs::exists(file, error) ? parseJsonFile(file) : json::object();
    all.update(runRecordToJson(record));
    writeFileAtomically(file, all.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

std::vector<RunSource::File> describeFiles(const std::vector<fs::path>& files)
{
    std::vector<RunSource::File> described;
    for (const fs::path& file : files) {
        std::error_code error;
        const fs::path full = fs::absolute(file, error);
        const std::uintmax_t bytes = fs::file_size(full, error);
        if (error)
            throw Error(ErrorCode::Io, "cannot read " + full.string() + ": " + error.message());
        described.push_back({full.lexically_normal().string(), bytes, fileChecksum(full)});
    }
    return described;
}

} // namespace mmfree
