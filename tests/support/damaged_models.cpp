// The table of damages; see damaged_models.h.
#include "tests/support/damaged_models.h"

#include "engine/core/atomic_file.h"
#include "tests/support/raw_safetensors.h"
#include "tests/support/test_files.h"

#include <cmath>
#include <limits>

namespace mmfree::test
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using Damage = std::function<void(const fs::path& modelFolder)>;

const char* const kForgetWeight = "model.layers.1.attn.f_proj.weight";

// Reads model.safetensors, lets `change` alter it, writes it back.
Damage changedTensors(const std::function<void(RawSafetensors&)>& change)
{
    return [change](const fs::path& folder) {
        RawSafetensors file = RawSafetensors::read(folder / "model.safetensors");
        change(file);
        file.write(folder / "model.safetensors");
    };
}

Damage changedEntry(const std::string& tensor, const std::string& field, const ordered_json& value)
{
    return changedTensors([=](RawSafetensors& file) { file.header[tensor][field] = value; });
}

Damage changedConfig(const std::string& field, const ordered_json& value)
{
    return [=](const fs::path& folder) {
        ordered_json config = ordered_json::parse(readTextFile(folder / "config.json"));
        if (value.is_discarded())
            config.erase(field);
        else
            config[field] = value;
        writeFileAtomically(folder / "config.json", config.dump());
    };
}

Damage replacedBytes(const std::function<std::string(const std::string&)>& change)
{
    return [change](const fs::path& folder) {
        writeFileAtomically(folder / "model.safetensors", change(readTextFile(folder / "model.safetensors")));
    };
}

Damage badValue(const std::string& tensor, float value)
{
    return changedTensors([=](RawSafetensors& file) { file.setFloat(tensor, 5, value); });
}

class Adder
{
public:
    void operator()(const char* name, const char* golden, const Damage& damage,
                    const std::vector<std::string>& named)
    {
        m_models.push_back({name, golden, damage, named});
    }
    std::vector<DamagedModel> m_models;
};

void addHeaders(Adder& add)
{
    add("truncated length", "open", replacedBytes([](const std::string& b) { return b.substr(0, 5); }),
        {"model.safetensors"});
    add("empty file", "open", replacedBytes([](const std::string&) { return std::string(); }),
        {"model.safetensors"});
    add("truncated header", "open", replacedBytes([](const std::string& b) { return b.substr(0, 300); }),
        {"model.safetensors", "header"});
    add("truncated data", "open",
        replacedBytes([](const std::string& b) { return b.substr(0, b.size() - 1000); }),
        {"model.safetensors"});
    add("bytes after the data", "open",
        replacedBytes([](const std::string& b) { return b + std::string(64, 'x'); }), {"model.safetensors"});
    add("oversized header", "open",
        [](const fs::path& folder) {
            writeRawSafetensors(folder / "model.safetensors", std::uint64_t{1} << 60, "{}", "");
        },
        {"model.safetensors", "header"});
    add("header that overflows", "open",
        [](const fs::path& folder) {
            writeRawSafetensors(folder / "model.safetensors", std::numeric_limits<std::uint64_t>::max(), "{}",
                                "");
        },
        {"model.safetensors", "header"});
    add("header that is not JSON", "open",
        [](const fs::path& folder) {
            writeRawSafetensors(folder / "model.safetensors", 8, "{\"a\": [ ", "");
        },
        {"model.safetensors"});
    add("header that is a list", "open",
        [](const fs::path& folder) { writeRawSafetensors(folder / "model.safetensors", 8, "[1,2,3] ", ""); },
        {"model.safetensors"});
    add("deeply nested header", "open",
        [](const fs::path& folder) {
            const std::string deep(1'000'000, '[');
            writeRawSafetensors(folder / "model.safetensors", deep.size(), deep, "");
        },
        {"model.safetensors"});
    add("duplicate name", "open",
        [](const fs::path& folder) {
            const std::string header =
                R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
            writeRawSafetensors(folder / "model.safetensors", header.size(), header, std::string(8, '\0'));
        },
        {"model.safetensors", "a"});
    add("unknown dtype", "open", changedEntry(kForgetWeight, "dtype", "F128"),
        {"model.safetensors", kForgetWeight, "F128"});
    add("negative size", "open", changedEntry(kForgetWeight, "shape", {-64, 64}),
        {"model.safetensors", kForgetWeight});
    add("size that overflows", "open", changedEntry(kForgetWeight, "shape", {std::int64_t{1} << 62, 64}),
        {"model.safetensors", kForgetWeight});
    add("shape is text", "open", changedEntry(kForgetWeight, "shape", "64x64"),
        {"model.safetensors", kForgetWeight});
    add("shape contradicts bytes", "open", changedEntry(kForgetWeight, "shape", {64, 65}),
        {"model.safetensors", kForgetWeight});
    add("offsets backwards", "open", changedEntry(kForgetWeight, "data_offsets", {400, 100}),
        {"model.safetensors", kForgetWeight});
    add("offsets outside", "open",
        changedEntry(kForgetWeight, "data_offsets", {std::int64_t{1} << 40, (std::int64_t{1} << 40) + 16384}),
        {"model.safetensors", kForgetWeight});
    add("overlap", "open", changedTensors([](RawSafetensors& file) {
            file.header[kForgetWeight]["data_offsets"] =
                file.header["model.layers.1.attn.g_proj.weight"]["data_offsets"];
        }),
        {"model.safetensors", "model.layers.1.attn"});
}

void addTensors(Adder& add)
{
    add("missing tensor", "open", changedTensors([](RawSafetensors& file) { file.remove(kForgetWeight); }),
        {"model.safetensors", kForgetWeight});
    add("extra tensor", "open",
        changedTensors([](RawSafetensors& file) { file.add("model.layers.9.surprise", 4); }),
        {"model.safetensors", "model.layers.9.surprise"});
    add("wrong shape", "open", changedEntry(kForgetWeight, "shape", {32, 128}),
        {"model.safetensors", kForgetWeight, "[32, 128]", "[64, 64]"});
    add("wrong dtype", "open", changedEntry(kForgetWeight, "dtype", "I32"),
        {"model.safetensors", kForgetWeight, "I32"});
    add("NaN in a ternary weight", "open", badValue(kForgetWeight, std::nanf("")), {kForgetWeight});
    add("infinity in a ternary weight", "open", badValue("lm_head.weight", INFINITY), {"lm_head.weight"});
    add("NaN in a norm", "open", badValue("model.norm.weight", std::nanf("")), {"model.norm.weight"});
    add("infinity in the lower bounds", "open", badValue("model.lower_bounds", -INFINITY),
        {"model.lower_bounds"});
    add("NaN in the embedding", "open", badValue("model.embeddings.weight", std::nanf("")),
        {"model.embeddings.weight"});
    add("NaN in a dense weight", "dense_open",
        badValue("model.layers.0.self_attn.q_proj.weight", std::nanf("")),
        {"model.layers.0.self_attn.q_proj.weight"});
    add("no weights", "open", [](const fs::path& folder) { fs::remove(folder / "model.safetensors"); },
        {"safetensors"});
    add("index without shards", "open",
        [](const fs::path& folder) {
            fs::remove(folder / "model.safetensors");
            writeFileAtomically(folder / "model.safetensors.index.json",
                                R"({"weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}})");
        },
        {"model-00001-of-00001.safetensors"});
    add("index that leaves the folder", "open",
        [](const fs::path& folder) {
            fs::remove(folder / "model.safetensors");
            writeFileAtomically(folder / "model.safetensors.index.json",
                                R"({"weight_map": {"lm_head.weight": "../../etc/passwd"}})");
        },
        {"model.safetensors.index.json"});
}

void addConfigs(Adder& add)
{
    const auto config = [&add](const char* name, const char* model, const char* field,
                               const ordered_json& value, std::vector<std::string> more) {
        more.insert(more.begin(), {"config.json", field});
        add(name, model, changedConfig(field, value), more);
    };
    config("short convolution", "open", "use_short_conv", true, {"true", "false"});
    config("expand ratio", "open", "expand_ratio", 2, {"2", "1"});
    config("several heads", "open", "num_heads", 4, {"4", "1"});
    config("other activation", "open", "hidden_act", "gelu", {"gelu"});
    config("unknown model", "open", "model_type", "abacus", {"abacus"});
    config("hidden size 0", "open", "hidden_size", 0, {"0"});
    config("hidden size below 0", "open", "hidden_size", -64, {"-64"});
    config("hidden size too large", "open", "hidden_size", std::int64_t{1} << 40, {"1099511627776"});
    config("hidden size a text", "open", "hidden_size", "64", {});
    config("hidden size a fraction", "open", "hidden_size", 63.5, {});
    add("other layer count", "open", changedConfig("num_hidden_layers", 4),
        {"model.safetensors", "model.layers.3.attn"});
    config("layer count too large", "open", "num_hidden_layers", 1'000'000'000, {"1000000000"});
    config("vocabulary 0", "open", "vocab_size", 0, {"0"});
    config("norm epsilon below 0", "open", "rms_norm_eps", -1.0, {});
    config("heads do not divide", "dense_open", "num_attention_heads", 5, {"5"});
    config("tied MatMul-free embeddings", "open", "tie_word_embeddings", true, {"true"});
    add("config not JSON", "open",
        [](const fs::path& folder) { writeFileAtomically(folder / "config.json", "{ hidden_size: 64"); },
        {"config.json"});
    add("config not UTF-8", "open",
        [](const fs::path& folder) {
            std::string text = readTextFile(folder / "config.json");
            text.insert(text.find("hgrn_bit"), "\xff\xfe");
            writeFileAtomically(folder / "config.json", text);
        },
        {"config.json"});
    add("config a list", "open",
        [](const fs::path& folder) { writeFileAtomically(folder / "config.json", "[]"); }, {"config.json"});
    add("config empty", "open",
        [](const fs::path& folder) { writeFileAtomically(folder / "config.json", ""); }, {"config.json"});
    add("config absent", "open", [](const fs::path& folder) { fs::remove(folder / "config.json"); },
        {"config.json"});
    add("tokenizer garbage", "open",
        [](const fs::path& folder) {
            writeFileAtomically(folder / "tokenizer.model", std::string(5000, '\xff'));
        },
        {"tokenizer.model"});
}

} // namespace

fs::path DamagedModel::makeIn(const fs::path& folder) const
{
    const fs::path model = makeGoldenModelFolder(golden, folder);
    damage(model);
    return model;
}

std::vector<DamagedModel> damagedModels()
{
    Adder add;
    addHeaders(add);
    addTensors(add);
    addConfigs(add);
    return std::move(add.m_models);
}

} // namespace mmfree::test
