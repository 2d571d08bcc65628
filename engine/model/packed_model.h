// The packed file as a ModelSource; writePackedModel is declared in model_source.h. Internal to this room.
//
// A safetensors file. Metadata: format "mmfree-packed", version "1", packing "2bit" or "base3", config (the
// config.json text), chat_template (may be absent). Tensors: `<name>` U8 [rows, bytes per row] and
// `<name>.scale` F32 [1] for every ternary weight, the others under their own names, "tokenizer.model" U8
// [bytes] (may be absent).
#pragma once

#include "engine/model/model_source.h"

#include <filesystem>
#include <memory>
#include <string>

namespace mmfree
{

namespace packed
{

inline constexpr const char* kFormat = "mmfree-packed";
inline constexpr const char* kVersion = "1";
inline constexpr const char* kTokenizerTensor = "tokenizer.model";

[[nodiscard]] inline std::string scaleName(const std::string& name)
{
    return name + ".scale";
}
[[nodiscard]] inline const char* packingName(TernaryPacking packing)
{
    return packing == TernaryPacking::TwoBit ? "2bit" : "base3";
}
[[nodiscard]] inline std::int64_t rowBytes(std::int64_t cols, TernaryPacking packing)
{
    return packing == TernaryPacking::TwoBit ? (cols + 3) / 4 : base3RowBytes(cols);
}

} // namespace packed

// Throws InvalidFile when the file is not a packed model of a known version or contradicts its own
// description.
[[nodiscard]] std::shared_ptr<const ModelSource> openPackedModel(const std::filesystem::path& path);

// Last part of the full path, for people.
[[nodiscard]] std::string modelNameOf(const std::filesystem::path& path);

} // namespace mmfree
