#include "engine/train/run_directory.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/model/safetensors.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

namespace mmfree
{

namespace fs = std::filesystem;
using nlohmann::json;

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
}

json parseJsonFile(const fs::path& file)
{
    const json parsed = json::parse(readTextFile(file), nullptr, false);
    if (parsed.is_discarded() || !parsed.is_object())
        throw Error(ErrorCode::InvalidFile, file.string() + " is not a JSON object");
    return parsed;
}

[[noreturn]] void failField(const std::string& name, const char* field, const json& found,
                            const std::string& needed)
{
    throw Error(ErrorCode::InvalidFile, name + ": " + field + " is " + found.dump() + ", needed: " + needed);
}

// A number of a file we wrote; null stands for NaN, which JSON cannot say.
double numberField(const json& object, const std::string& name, const char* field, double fallback)
{
    const auto found = object.find(field);
    if (found == object.end())
        return fallback;
    if (!found->is_number() && !found->is_null())
        failField(name, field, *found, "a number");
    return found->is_null() ? std::numeric_limits<double>::quiet_NaN() : found->get<double>();
}

std::int64_t countField(const json& object, const std::string& name, const char* field, std::int64_t low,
                        std::int64_t high = std::numeric_limits<std::int64_t>::max())
{
    const json value = object.value(field, json());
    const bool whole = value.is_number_unsigned()
                           ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                           : value.is_number_integer();
    if (!whole || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
        failField(name, field, value,
                  low == high ? std::to_string(low) : "a whole number from " + std::to_string(low));
    return value.get<std::int64_t>();
}

// Names the first field of config.json in which a checkpoint differs from the model of this run.
void requireSameModel(const ModelConfig& found, const ModelConfig& needed, const std::string& name)
{
    if (found == needed)
        return;
    const json foundJson = modelConfigToJson(found), neededJson = modelConfigToJson(needed);
    for (const auto& [field, value] : neededJson.items()) {
        if (foundJson.value(field, json()) != value)
            failField(name, field.c_str(), foundJson.value(field, json()),
                      value.dump() + " of the model this run trains");
    }
}

// Errors of std::filesystem as Io errors that name the path.
void checkFileSystem(const std::error_code& error, const std::string& act, const fs::path& path)
{
    if (error)
        throw Error(ErrorCode::Io, "cannot " + act + " " + path.string() + ": " + error.message());
}

// "step-120" -> 120; -1 for other names.
std::int64_t stepOfFolder(const fs::path& folder)
{
    const std::string name = folder.filename().string();
    std::int64_t step = -1;
    if (!name.starts_with("step-"))
        return -1;
    const auto [end, error] = std::from_chars(name.data() + 5, name.data() + name.size(), step);
    return error == std::errc() && end == name.data() + name.size() ? step : -1;
}

void writeMoments(const ParameterLayout& layout, const TrainingSnapshot& snapshot, const fs::path& file)
{
    SafetensorsWriter writer(file);
    const std::pair<const char*, const AlignedBuffer<float>*> moments[] = {
        {"m.", snapshot.firstMoment.get()}, {"v.", snapshot.secondMoment.get()}};
    for (const auto& [prefix, values] : moments) {
        for (const ParameterSlot& slot : layout.entries())
            writer.declare(prefix + slot.spec.name, DType::F32, slot.spec.shape);
    }
    for (const auto& [prefix, values] : moments) {
        for (const ParameterSlot& slot : layout.entries())
            writer.writeFloats(values->span().subspan(slot.offset, slot.count));
    }
    writer.finish();
}

std::shared_ptr<AlignedBuffer<float>> readMoments(const SafetensorsFile& file, const ParameterLayout& layout,
                                                  const std::string& prefix)
{
    auto values = std::make_shared<AlignedBuffer<float>>(static_cast<std::size_t>(layout.size()));
    for (const ParameterSlot& slot : layout.entries()) {
        const TensorView& tensor = file.require(prefix + slot.spec.name);
        if (tensor.dtype != DType::F32 || tensor.shape != slot.spec.shape) {
            throw Error(ErrorCode::InvalidFile, file.path().string() + ": " + prefix + slot.spec.name +
                                                    " is " + std::string(dtypeName(tensor.dtype)) + " " +
                                                    shapeText(tensor.shape) + ", needed: F32 " +
                                                    shapeText(slot.spec.shape));
        }
        copyToFloat(tensor, 0, values->span().subspan(slot.offset, slot.count));
    }
    return values;
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
                   {"elapsedSeconds", metrics.elapsedSeconds}};
    if (metrics.validationLoss)
        result["validationLoss"] = *metrics.validationLoss;
    return result;
}

std::vector<StepMetrics> readMetrics(const fs::path& file)
{
    std::vector<StepMetrics> all;
    std::ifstream stream(file);
    std::int64_t lineNumber = 0;
    for (std::string line; std::getline(stream, line);) {
        ++lineNumber;
        const json entry = json::parse(line, nullptr, false);
        if (!entry.is_object() || !entry.contains("step"))
            continue;
        const std::string name = file.string() + ": line " + std::to_string(lineNumber);
        StepMetrics metrics{.step = countField(entry, name, "step", 1),
                            .loss = numberField(entry, name, "loss", 0.0),
                            .learningRate = numberField(entry, name, "learningRate", 0.0),
                            .gradientNorm = numberField(entry, name, "gradientNorm", 0.0),
                            .tokensPerSecond = numberField(entry, name, "tokensPerSecond", 0.0),
                            .tokens = countField(entry, name, "tokens", 0),
                            .elapsedSeconds = numberField(entry, name, "elapsedSeconds", 0.0),
                            .validationLoss = {}};
        if (entry.contains("validationLoss"))
            metrics.validationLoss = numberField(entry, name, "validationLoss", 0.0);
        all.push_back(metrics);
    }
    return all;
}

TrainingOptions readRunOptions(const fs::path& runDirectory)
{
    const fs::path file = runDirectory / "run.json";
    const json run = parseJsonFile(file);
    return trainingOptionsFromJson(run.value("options", json::object()), file.string());
}

fs::path writeCheckpointFolder(const fs::path& runDirectory, const ParameterLayout& layout,
                               const TrainingSnapshot& snapshot, const ModelText& text,
                               const TrainerProgress& progress)
{
    const fs::path checkpoints = runDirectory / "checkpoints";
    const std::string name = "step-" + std::to_string(progress.step);
    const fs::path folder = checkpoints / name, temporary = checkpoints / (name + ".tmp");
    std::error_code error;
    fs::remove_all(temporary, error);
    fs::create_directories(temporary, error);
    checkFileSystem(error, "create", temporary);
    try {
        writeModelFolder(layout, snapshot.parameters->span(), text, temporary);
        writeMoments(layout, snapshot, temporary / "optimizer.safetensors");
        const json trainer = {{"step", progress.step},
                              {"tokens", progress.tokens},
                              {"elapsedSeconds", progress.elapsedSeconds},
                              {"bestValidationLoss", progress.bestValidationLoss},
                              {"bestStep", progress.bestStep}};
        writeFileAtomically(temporary / "trainer.json", trainer.dump(2) + "\n");
    } catch (...) {
        fs::remove_all(temporary, error);
        throw;
    }
    fs::remove_all(folder, error);
    error.clear();
    fs::rename(temporary, folder, error);
    checkFileSystem(error, "rename a checkpoint to", folder);
    syncFolder(checkpoints, folder);
    writeFileAtomically(checkpoints / "latest", name + "\n");
    return folder;
}

TrainerProgress readCheckpointFolder(const fs::path& folder, const ParameterLayout& layout,
                                     TrainingSnapshot& snapshot)
{
    const std::shared_ptr<const ModelSource> model = openModel(folder);
    requireSameModel(model->config(), layout.config(), (folder / "config.json").string());
    auto parameters = std::make_shared<AlignedBuffer<float>>(static_cast<std::size_t>(layout.size()));
    loadParameters(layout, *model, parameters->span());
    const SafetensorsFile moments(folder / "optimizer.safetensors");
    snapshot = {.parameters = std::move(parameters),
                .firstMoment = readMoments(moments, layout, "m."),
                .secondMoment = readMoments(moments, layout, "v.")};
    const fs::path file = folder / "trainer.json";
    const json trainer = parseJsonFile(file);
    const std::string name = file.string();
    const std::int64_t step = stepOfFolder(folder);
    if (step < 0)
        throw Error(ErrorCode::InvalidFile, folder.string() + " is no checkpoint of a run, needed: step-N");
    TrainerProgress progress{.step = countField(trainer, name, "step", step, step),
                             .tokens = countField(trainer, name, "tokens", 0),
                             .elapsedSeconds = numberField(trainer, name, "elapsedSeconds", 0.0),
                             .bestValidationLoss = numberField(trainer, name, "bestValidationLoss", 0.0),
                             .bestStep = countField(trainer, name, "bestStep", 0)};
    if (!(progress.elapsedSeconds >= 0.0))
        failField(name, "elapsedSeconds", trainer.at("elapsedSeconds"), "a number from 0");
    if (progress.bestStep > step)
        failField(name, "bestStep", progress.bestStep, "at most the step " + std::to_string(step));
    return progress;
}

void removeOldCheckpoints(const fs::path& runDirectory, std::int64_t keep, std::int64_t bestStep)
{
    // A higher step than the latest one is left of a run that ended before it could list it: it must not
    // count, or the latest would be removed as old.
    const std::optional<fs::path> latest = latestCheckpoint(runDirectory);
    const std::int64_t newest = latest ? stepOfFolder(*latest) : 0;
    std::vector<std::pair<std::int64_t, fs::path>> found;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(runDirectory / "checkpoints", error)) {
        if (const std::int64_t step = stepOfFolder(entry.path()); step >= 0 && step <= newest)
            found.emplace_back(step, entry.path());
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = static_cast<std::size_t>(keep); i < found.size(); ++i) {
        if (found[i].first != bestStep)
            fs::remove_all(found[i].second, error);
    }
}

} // namespace mmfree
