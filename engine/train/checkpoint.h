// Checkpoints of a training run: complete or not there at all, with checksums, the newest ones kept together
// with the best and those that people pinned.
#pragma once

#include "engine/runtime/backend.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mmfree
{

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
// Throws InvalidFile naming the first file whose checksum is not the one noted when it was written.
void verifyCheckpoint(const std::filesystem::path& folder);

struct CheckpointInfo {
    std::int64_t step = 0;
    std::filesystem::path folder;
    bool pinned = false;
    std::uint64_t bytes = 0;
};
[[nodiscard]] std::vector<CheckpointInfo>
listCheckpoints(const std::filesystem::path& runDirectory);           // newest first
void pinCheckpoint(const std::filesystem::path& folder, bool pinned); // pinned ones are never removed

// Size of one checkpoint on disk, about.
[[nodiscard]] std::uint64_t checkpointBytes(const ParameterLayout& layout, const ModelText& text);
// Throws Io naming free and needed bytes.
void requireDiskSpace(const std::filesystem::path& folder, std::uint64_t bytes, const std::string& purpose);

// Removes checkpoint folders except the newest `keep`, counted from `latest`, step `bestStep` and pinned
// ones, and what unfinished ones left.
void removeOldCheckpoints(const std::filesystem::path& runDirectory, std::int64_t keep,
                          std::int64_t bestStep);

} // namespace mmfree
