// openModel, and the source over a Hugging Face folder: one or several memory-mapped safetensors files.
// Nothing is read but headers; ternary weights are quantised when asked for, and their pages are given back
// at once.
#include "engine/model/model_source.h"

#include "engine/core/atomic_file.h"
#include "engine/model/json_reader.h"
#include "engine/model/packed_model.h"
#include "engine/model/safetensors.h"
#include "engine/model/tensor_access.h"

#include <algorithm>
#include <set>
#include <vector>

namespace mmfree
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWeightsFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr std::uint64_t kMaxConfigBytes = 16u << 20;

struct StoredTensor {
    const SafetensorsFile* file = nullptr;
    const TensorView* view = nullptr;
};

// Files some checkpoints carry although they follow from the configuration.
bool mayBeExtra(const std::string& name, const ModelConfig& config)
{
    if (config.isTernary())
        return false;
    return name.ends_with("rotary_emb.inv_freq") || (config.tieEmbeddings && name == "lm_head.weight");
}

std::string neededText(const TensorSpec& spec)
{
    return "F32, F16 or BF16 of shape " + shapeText(spec.shape);
}

class HuggingFaceSource final : public ModelSource
{
public:
    explicit HuggingFaceSource(const fs::path& folder)
        : m_folder(folder)
        , m_config(parseModelConfig(readTextFile(folder / "config.json", kMaxConfigBytes),
                                    (folder / "config.json").string()))
        , m_schema(m_config)
    {
        openWeightFiles();
        checkTensors();
        if (const fs::path tokenizer = folder / "tokenizer.model"; fs::exists(tokenizer)) {
            m_text.tokenizerModel = readTextFile(tokenizer);
            if (m_text.tokenizerModel.empty()) // would read as a model without one
                throw Error(ErrorCode::InvalidFile,
                            tokenizer.string() + " has 0 bytes, needed: a SentencePiece model");
        }
        if (fs::exists(folder / "chat_template.json"))
            m_text.chatTemplateJson = readTextFile(folder / "chat_template.json", kMaxConfigBytes);
    }

    const ModelConfig& config() const override { return m_config; }
    const ModelText& text() const override { return m_text; }
    std::string name() const override { return modelNameOf(m_folder); }
    fs::path path() const override { return m_folder; }
    std::uint64_t fileBytes() const override
    {
        std::uint64_t bytes = 0;
        for (const auto& file : m_files)
            bytes += file->file().bytes().size();
        return bytes;
    }

    TernaryTensor ternary(const std::string& name) const override
    {
        (void)m_schema.ternarySpec(name);
        const StoredTensor& stored = find(name);
        TernaryTensor tensor = quantizeTernary(*stored.view, label(name, stored));
        release(name); // the latent weights are not needed next to their packed form
        return tensor;
    }

    void floats(const std::string& name, std::span<float> out) const override
    {
        const StoredTensor& stored = find(name);
        copyFinite(*stored.view, out, label(name, stored));
    }

    TensorView view(const std::string& name) const override { return *find(name).view; }
    bool hasLatentWeights() const override { return true; }
    void release(const std::string& name) const override
    {
        const StoredTensor& stored = find(name);
        stored.file->file().dropPages(stored.view->bytes);
    }

private:
    void openWeightFiles();
    void openShards(const fs::path& indexPath);
    void addFile(const fs::path& path) { m_files.push_back(std::make_unique<SafetensorsFile>(path)); }
    void checkTensors() const;
    [[noreturn]] void failWithoutWeights() const;

    [[nodiscard]] const StoredTensor& find(const std::string& name) const
    {
        (void)m_schema.spec(name);
        return m_tensors.at(name);
    }
    static std::string label(const std::string& name, const StoredTensor& stored)
    {
        return stored.file->path().string() + ": tensor " + name;
    }

    fs::path m_folder;
    ModelConfig m_config;
    SchemaIndex m_schema;
    ModelText m_text;
    std::vector<std::unique_ptr<SafetensorsFile>> m_files;
    std::map<std::string, StoredTensor> m_tensors; // all tensors of all files
};

void HuggingFaceSource::openWeightFiles()
{
    if (fs::exists(m_folder / kWeightsFile))
        addFile(m_folder / kWeightsFile);
    else if (fs::exists(m_folder / kIndexFile))
        openShards(m_folder / kIndexFile);
    else
        failWithoutWeights();
    for (const auto& file : m_files) {
        for (const auto& [name, view] : file->tensors()) {
            const auto [entry, added] = m_tensors.emplace(name, StoredTensor{file.get(), &view});
            if (!added) {
                throw Error(ErrorCode::InvalidFile, label(printable(name), {file.get(), &view}) +
                                                        " is also in " + entry->second.file->path().string() +
                                                        ", needed: once");
            }
        }
    }
}

void HuggingFaceSource::openShards(const fs::path& indexPath)
{
    const std::string name = indexPath.string();
    const json index = parseJson(readTextFile(indexPath), name, ErrorCode::InvalidFile);
    const json map = index.is_object() ? index.value("weight_map", json()) : json();
    if (!map.is_object() || map.empty())
        throw Error(ErrorCode::InvalidFile,
                    name + ": weight_map is " +
                        (map.empty() && map.is_object() ? "empty" : describeJson(map)) +
                        ", needed: an object from tensor names to file names");
    std::map<std::string, std::vector<std::string>> tensorsOfShard;
    for (const auto& [tensor, file] : map.items()) {
        // Only files of this folder: an index must not make the program read elsewhere.
        const bool plain = file.is_string() && !file.get_ref<const std::string&>().empty() &&
                           fs::path(file.get<std::string>()).filename() == file.get<std::string>() &&
                           file.get<std::string>().ends_with(".safetensors");
        if (!plain)
            throw Error(ErrorCode::InvalidFile,
                        name + ": weight_map of " + printable(tensor) + " is " + describeJson(file) +
                            ", needed: the name of a .safetensors file in this folder");
        tensorsOfShard[file.get<std::string>()].push_back(tensor);
    }
    for (const auto& [file, tensors] : tensorsOfShard) {
        addFile(m_folder / file);
        for (const std::string& tensor : tensors) {
            if (!m_files.back()->find(tensor))
                throw Error(ErrorCode::InvalidFile, (m_folder / file).string() + ": tensor " +
                                                        printable(tensor) + " is missing, needed: as " +
                                                        name + " says");
        }
    }
}

void HuggingFaceSource::failWithoutWeights() const
{
    for (const fs::directory_entry& entry : fs::directory_iterator(m_folder)) {
        const std::string file = entry.path().filename().string();
        if (file.starts_with("pytorch_model") &&
            (file.ends_with(".bin") || file.ends_with(".bin.index.json")))
            throw Error(ErrorCode::InvalidFile,
                        entry.path().string() + ": only safetensors is read, needed: " + kWeightsFile);
    }
    throw Error(ErrorCode::Io,
                m_folder.string() + ": no weights found, needed: " + kWeightsFile + " or " + kIndexFile);
}

void HuggingFaceSource::checkTensors() const
{
    for (const auto& [name, spec] : m_schema.specs()) {
        const auto found = m_tensors.find(name);
        if (found == m_tensors.end()) {
            const fs::path& where = m_files.size() == 1 ? m_files.front()->path() : m_folder;
            throw Error(ErrorCode::InvalidFile,
                        where.string() + ": tensor " + name + " is missing, needed: " + neededText(spec));
        }
        const TensorView& view = *found->second.view;
        if (view.shape != spec.shape)
            throw Error(ErrorCode::InvalidFile, label(name, found->second) + " has shape " +
                                                    shapeText(view.shape) +
                                                    ", needed: " + shapeText(spec.shape));
        if (view.dtype != DType::F32 && view.dtype != DType::F16 && view.dtype != DType::BF16)
            throw Error(ErrorCode::InvalidFile, label(name, found->second) + " has dtype " +
                                                    std::string(dtypeName(view.dtype)) +
                                                    ", needed: F32, F16 or BF16");
    }
    for (const auto& [name, stored] : m_tensors) {
        if (!m_schema.contains(name) && !mayBeExtra(name, m_config))
            throw Error(ErrorCode::InvalidFile, label(printable(name), stored) + " is not part of a " +
                                                    describeModel(m_config) +
                                                    ", needed: only the tensors of config.json");
    }
}

std::shared_ptr<const ModelSource> openFolder(const fs::path& folder)
{
    if (fs::exists(folder / "config.json"))
        return std::make_shared<HuggingFaceSource>(folder);
    if (const std::optional<fs::path> checkpoint = latestCheckpoint(folder);
        checkpoint && *checkpoint != folder)
        return openFolder(*checkpoint);
    throw Error(ErrorCode::Io,
                folder.string() +
                    ": config.json is missing, needed: a Hugging Face folder with config.json and " +
                    kWeightsFile + ", or a packed model file");
}

} // namespace

std::optional<fs::path> latestCheckpoint(const fs::path& runDirectory)
{
    const fs::path pointer = runDirectory / "checkpoints" / "latest";
    std::error_code error;
    if (!fs::exists(pointer, error))
        return std::nullopt;
    std::string name = readTextFile(pointer, 4096);
    while (!name.empty() && (name.back() == '\n' || name.back() == '\r' || name.back() == ' '))
        name.pop_back();
    const fs::path folder = pointer.parent_path() / name;
    const bool plain = !name.empty() && name != "." && name != ".." && fs::path(name).filename() == name;
    if (!plain || !fs::is_directory(folder, error))
        throw Error(ErrorCode::InvalidFile, pointer.string() + " names \"" + printable(name) +
                                                "\", needed: the name of a checkpoint folder beside it");
    return folder;
}

std::string modelNameOf(const fs::path& path)
{
    std::error_code ignored;
    const fs::path full = fs::weakly_canonical(path, ignored);
    const std::string name = full.filename().string();
    return name.empty() ? path.string() : name;
}

std::shared_ptr<const ModelSource> openModel(const fs::path& path)
{
    try {
        if (!fs::exists(path))
            throw Error(ErrorCode::Io, path.string() + ": no such file or folder, needed: a model");
        return fs::is_directory(path) ? openFolder(path) : openPackedModel(path);
    } catch (const fs::filesystem_error& error) {
        throw Error(ErrorCode::Io, path.string() + ": cannot read: " + error.code().message());
    }
}

} // namespace mmfree
