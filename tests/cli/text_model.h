// A tiny model with a tokenizer, trained by the tool itself on generated sentences: what the tests need
// wherever text is involved.
#pragma once

#include <QStringList>

#include <filesystem>
#include <string>

namespace mmfree::test
{

// Sentences over a small vocabulary, the same on every machine.
[[nodiscard]] std::string sampleText(int sentences);

// A config.json of `architecture` "hgrn_bit" or "llama": 2 layers, hidden size 32, GLU width 64, 64
// positions.
std::filesystem::path writeTinyConfig(const std::filesystem::path& folder, const std::string& architecture,
                                      int vocabulary);

// Trains in `folder` and returns the checkpoint folder; fails the test program when training fails.
std::filesystem::path trainTextModel(const std::filesystem::path& folder,
                                     const std::string& architecture = "hgrn_bit");

// The folder that DIR/checkpoints/latest names.
std::filesystem::path latestCheckpoint(const std::filesystem::path& run);

} // namespace mmfree::test
