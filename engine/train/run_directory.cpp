#include "engine/train/run_directory.h"

#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/model/safetensors.h"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

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

// Errors of std::filesystem as Io errors that name the path.
void checkFileSystem(const std::error_code& error, const std::string& act, const fs::path& path)
{
    if (error)
        throw Error(ErrorCode::Io, "cannot " + act + " " + path.string() + ": " + error.message());
}

void syncFolder(const fs::path& folder)
{
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    ::fsync(descriptor);
    ::close(descriptor);
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
    for (std::string line; std::getline(stream, line);) {
        const json entry = json::parse(line, nullptr, false);
        if (!entry.is_object() || !entry.contains("step"))
            continue;
        StepMetrics metrics;
        metrics.step = entry.value("step", std::int64_t{0});
        metrics.loss = entry.value("loss", 0.0);
        metrics.learningRate = entry.value("learningRate", 0.0);
        metrics.gradientNorm = entry.value("gradientNorm", 0.0);
        metrics.tokensPerSecond = entry.value("tokensPerSecond", 0.0);
        metrics.tokens = entry.value("tokens", std::int64_t{0});
        metrics.elapsedSeconds = entry.value("elapsedSeconds", 0.0);
        if (entry.contains("validationLoss"))
            metrics.validationLoss = entry.value("validationLoss", 0.0);
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

std::optional<fs::path> latestCheckpoint(const fs::path& runDirectory)
{
    const fs::path pointer = runDirectory / "checkpoints" / "latest";
    std::error_code error;
    if (!fs::exists(pointer, error))
        return std::nullopt;
    std::string name = readTextFile(pointer, 4096);
    while (!name.empty() && (name.back() == '\n' || name.back() == '\r'))
        name.pop_back();
    const fs::path folder = runDirectory / "checkpoints" / name;
    if (stepOfFolder(folder) < 0 || fs::path(name).has_parent_path() || !fs::is_directory(folder, error)) {
        throw Error(ErrorCode::InvalidFile,
                    pointer.string() + " names \"" + name + "\", needed: a checkpoint folder beside it");
    }
    return folder;
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
    syncFolder(checkpoints);
    writeFileAtomically(checkpoints / "latest", name + "\n");
    return folder;
}

TrainerProgress readCheckpointFolder(const fs::path& folder, const ParameterLayout& layout,
                                     TrainingSnapshot& snapshot)
{
    const std::shared_ptr<const ModelSource> model = openModel(folder);
    if (!(model->config() == layout.config())) {
        throw Error(ErrorCode::InvalidFile,
                    (folder / "config.json").string() + " describes another model than this run trains");
    }
    auto parameters = std::make_shared<AlignedBuffer<float>>(static_cast<std::size_t>(layout.size()));
    loadParameters(layout, *model, parameters->span());
    const SafetensorsFile moments(folder / "optimizer.safetensors");
    snapshot = {.parameters = std::move(parameters),
                .firstMoment = readMoments(moments, layout, "m."),
                .secondMoment = readMoments(moments, layout, "v.")};
    const fs::path file = folder / "trainer.json";
    const json trainer = parseJsonFile(file);
    try {
        return {.step = trainer.at("step").get<std::int64_t>(),
                .tokens = trainer.at("tokens").get<std::int64_t>(),
                .elapsedSeconds = trainer.at("elapsedSeconds").get<double>(),
                .bestValidationLoss = trainer.at("bestValidationLoss").get<double>(),
                .bestStep = trainer.at("bestStep").get<std::int64_t>()};
    } catch (const json::exception& failure) {
        throw Error(ErrorCode::InvalidFile, file.string() + ": " + failure.what());
    }
}

void removeOldCheckpoints(const fs::path& runDirectory, std::int64_t keep, std::int64_t bestStep)
{
    std::vector<std::pair<std::int64_t, fs::path>> found;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(runDirectory / "checkpoints", error)) {
        if (const std::int64_t step = stepOfFolder(entry.path()); step >= 0)
            found.emplace_back(step, entry.path());
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = static_cast<std::size_t>(keep); i < found.size(); ++i) {
        if (found[i].first != bestStep)
            fs::remove_all(found[i].second, error);
    }
}

} // namespace mmfree
