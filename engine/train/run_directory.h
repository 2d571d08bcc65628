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
// Every complete line of metrics.jsonl; an unfinished last line (crash) is ignored. Throws InvalidFile naming
// line and field for values of the wrong kind.
[[nodiscard]] std::vector<StepMetrics> readMetrics(const std::filesystem::path& file);

// Options stored in DIR/run.json. Throws Io or InvalidConfig.
[[nodiscard]] TrainingOptions readRunOptions(const std::filesystem::path& runDirectory);

// What a checkpoint holds besides model and moments.
struct TrainerProgress {
    std::int64_t step = 0, tokens = 0;
    double elapsedSeconds = 0.0;
    double bestValidationLoss = 0.0; // 0: none yet
    std::int64_t bestStep = 0;
};

// Writes checkpoints/step-N under a temporary name, then renames it and updates `latest`. Returns the folder.
std::filesystem::path writeCheckpointFolder(const std::filesystem::path& runDirectory,
                                            const ParameterLayout& layout, const TrainingSnapshot& snapshot,
                                            const ModelText& text, const TrainerProgress& progress);
// Reads one back, with its folder's name as the step. Throws InvalidFile naming what is missing or does not
// fit `layout`.
[[nodiscard]] TrainerProgress readCheckpointFolder(const std::filesystem::path& folder,
                                                   const ParameterLayout& layout, TrainingSnapshot& snapshot);
// Removes checkpoint folders except the newest `keep`, counted from `latest`, and step `bestStep`.
void removeOldCheckpoints(const std::filesystem::path& runDirectory, std::int64_t keep,
                          std::int64_t bestStep);

} // namespace mmfree
