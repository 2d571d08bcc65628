// Files of a training run (layout in trainer.h): options as JSON, the metrics log, checkpoints. Used by the
// trainer; readers of runs (tools, pages) use the read functions only.
#pragma once

#include "engine/train/trainer.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <vector>

namespace mmfree
{

[[nodiscard]] nlohmann::json trainingOptionsToJson(const TrainingOptions& options);
// Missing keys keep their defaults; wrong types throw InvalidConfig naming `name` and the key.
[[nodiscard]] TrainingOptions trainingOptionsFromJson(const nlohmann::json& json, const std::string& name);

[[nodiscard]] nlohmann::json stepMetricsToJson(const StepMetrics& metrics);
[[nodiscard]] StepMetrics stepMetricsFromJson(const nlohmann::json& json, const std::string& name);
// Every complete line of metrics.jsonl; an unfinished last line (crash) is ignored. Throws InvalidFile naming
// line and field for values of the wrong kind.
[[nodiscard]] std::vector<StepMetrics> readMetrics(const std::filesystem::path& file);

// What DIR/run.json says. Throws Io, InvalidFile or InvalidConfig naming file and field.
struct RunRecord {
    std::string name; // given by people; empty: the folder's name
    std::vector<std::string> tags;
    TrainingOptions options;
    std::optional<ModelConfig> model; // nothing: not decided yet
    RunSource source;
    std::string backend; // description of what computed it; empty: never started
    // Of the validation text, for bits per byte; 0: unknown.
    std::int64_t validationBytes = 0, validationTokens = 0;
    double compressorBitsPerByte =
        0.0; // of `xz -9e` on the validation text after the training text; 0: unknown
};
[[nodiscard]] RunRecord readRunRecord(const std::filesystem::path& runDirectory);
// Replaces those parts of run.json (and keeps others that are there). Creates the folder.
void writeRunRecord(const std::filesystem::path& runDirectory, const RunRecord& record);
[[nodiscard]] nlohmann::json runRecordToJson(const RunRecord& record);
[[nodiscard]] RunRecord runRecordFromJson(const nlohmann::json& json, const std::string& name);

// Sizes and checksums of data files as they are now; throws Io.
[[nodiscard]] std::vector<RunSource::File> describeFiles(const std::vector<std::filesystem::path>& files);

// Options stored in DIR/run.json. Throws Io or InvalidConfig.
[[nodiscard]] TrainingOptions readRunOptions(const std::filesystem::path& runDirectory);

} // namespace mmfree
