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

// Throws InvalidFile when the file is not a packed model of a known version or contradicts its own
// description.
[[nodiscard]] std::shared_ptr<const ModelSource> openPackedModel(const std::filesystem::path& path);

// Last part of the full path, for people.
[[nodiscard]] std::string modelNameOf(const std::filesystem::path& path);

} // namespace mmfree
