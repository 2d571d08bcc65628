#include "engine/train/checkpoint.h"

#include "engine/core/atomic_file.h"
#include "engine/core/checksum.h"
#include "engine/core/error.h"
#include "engine/model/safetensors.h"
#include "engine/train/json_fields.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace mmfree
{

namespace fs = std::filesystem;
using namespace fields;

namespace
{

constexpr const char* kChecksums = "checksums.json";
constexpr const char* kPin = "pinned";

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

// Sums of every file in the folder but trainer.json, whose fields are checked one by one.
void writeChecksums(const fs::path& folder)
{
    json sums = json::object();
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
        if (entry.path().filename() != "trainer.json")
            sums[entry.path().filename().string()] = fileChecksum(entry.path());
    }
    writeFileAtomically(folder / kChecksums, sums.dump(2) + "\n");
}

// Out of the list of checkpoints at once, then removed.
void removeFolder(const fs::path& folder)
{
    const fs::path temporary = folder.string() + ".tmp";
    std::error_code error;
    fs::remove_all(temporary, error);
    fs::rename(folder, temporary, error);
    fs::remove_all(error ? folder : temporary, error);
}

} // namespace

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
        writeChecksums(temporary);
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
    verifyCheckpoint(folder);
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

void verifyCheckpoint(const fs::path& folder)
{
    const fs::path file = folder / kChecksums;
    std::error_code error;
    if (!fs::exists(file, error))
        return; // written before there were checksums
    const json sums = parseJsonFile(file);
    for (const auto& [name, expected] : sums.items()) {
        const std::string found = fileChecksum(folder / fs::path(name).filename());
        if (expected != found) {
            throw Error(ErrorCode::InvalidFile, (folder / name).string() + " is damaged: its checksum is " +
                                                    found + ", needed: " + expected.dump());
        }
    }
}

std::vector<CheckpointInfo> listCheckpoints(const fs::path& runDirectory)
{
    std::vector<CheckpointInfo> found;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(runDirectory / "checkpoints", error)) {
        const std::int64_t step = stepOfFolder(entry.path());
        if (step < 0)
            continue;
        CheckpointInfo info{
            .step = step, .folder = entry.path(), .pinned = fs::exists(entry.path() / kPin, error)};
        for (const fs::directory_entry& file : fs::directory_iterator(entry.path(), error))
            info.bytes += fs::is_regular_file(file, error) ? fs::file_size(file, error) : 0;
        found.push_back(info);
    }
    std::sort(found.begin(), found.end(),
              [](const CheckpointInfo& a, const CheckpointInfo& b) { return a.step > b.step; });
    return found;
}

void pinCheckpoint(const fs::path& folder, bool pinned)
{
    if (pinned) {
        writeFileAtomically(folder / kPin, "");
        return;
    }
    std::error_code error;
    fs::remove(folder / kPin, error);
    checkFileSystem(error, "unpin", folder);
}

std::uint64_t checkpointBytes(const ParameterLayout& layout, const ModelText& text)
{
    constexpr std::uint64_t kSmallFiles = 256 * 1024; // configuration, headers, progress
    return 3 * sizeof(float) * static_cast<std::uint64_t>(layout.size()) + text.tokenizerModel.size() +
           text.chatTemplateJson.size() + kSmallFiles;
}

void requireDiskSpace(const fs::path& folder, std::uint64_t bytes, const std::string& purpose)
{
    std::error_code error;
    const fs::space_info space = fs::space(folder, error);
    if (error || space.available >= bytes)
        return; // a file system that does not say is tried
    const auto mebibytes = [](std::uint64_t count) { return std::to_string(count >> 20) + " MiB"; };
    throw Error(ErrorCode::Io, folder.string() + " has " + mebibytes(space.available) + " free, needed for " +
                                   purpose + ": " + mebibytes(bytes));
}

void removeOldCheckpoints(const fs::path& runDirectory, std::int64_t keep, std::int64_t bestStep)
{
    // A higher step than the latest one is left of a run that ended before it could list it: it must not
    // count, or the latest would be removed as old.
    const std::optional<fs::path> latest = latestCheckpoint(runDirectory);
    const std::int64_t newest = latest ? stepOfFolder(*latest) : 0;
    std::int64_t counted = 0;
    for (const CheckpointInfo& checkpoint : listCheckpoints(runDirectory)) {
        if (checkpoint.step > newest)
            continue;
        if (++counted > keep && checkpoint.step != bestStep && !checkpoint.pinned)
            removeFolder(checkpoint.folder);
    }
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(runDirectory / "checkpoints", error)) {
        if (entry.path().extension() == ".tmp" && entry.is_directory(error))
            fs::remove_all(entry.path(), error);
    }
}

} // namespace mmfree
