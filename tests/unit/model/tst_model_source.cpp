// Hugging Face folders, whole and damaged: every fault is refused with file, tensor, value found and value
// needed.
#include "engine/core/atomic_file.h"
#include "engine/model/model_source.h"
#include "tests/support/expect_error.h"
#include "tests/support/test_files.h"
#include "tests/unit/model/raw_files.h"

#include <nlohmann/json.hpp>

#include <QtTest>

#include <cmath>
#include <functional>
#include <limits>

using namespace mmfree;
using nlohmann::json;
namespace fs = std::filesystem;

namespace
{

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

// Splits model.safetensors into two shards and an index.
void makeShards(const fs::path& folder)
{
    const test::EditableFile all = test::readEditable(folder / kWeights);
    fs::remove(folder / kWeights);
    json index = {{"metadata", {{"total_size", 1}}}, {"weight_map", json::object()}};
    for (const std::size_t part : {0u, 1u}) {
        test::EditableFile shard;
        const std::string name = "model-0000" + std::to_string(part + 1) + "-of-00002.safetensors";
        for (std::size_t i = part; i < all.tensors.size(); i += 2) {
            shard.tensors.push_back(all.tensors[i]);
            index["weight_map"][all.tensors[i].name] = name;
        }
        test::writeEditable(shard, folder / name);
    }
    writeFileAtomically(folder / kIndex, index.dump());
}

void editIndex(const fs::path& folder, const std::function<void(json&)>& edit)
{
    json index = json::parse(readTextFile(folder / kIndex));
    edit(index);
    writeFileAtomically(folder / kIndex, index.dump());
}

struct Damage {
    const char* name;
    const char* model;
    std::function<void(const fs::path&)> act; // on the folder
    ErrorCode code;
    std::vector<std::string> parts; // of the message
};

std::function<void(const fs::path&)> editWeights(std::function<void(test::EditableFile&)> edit)
{
    return
        [edit = std::move(edit)](const fs::path& folder) { test::editSafetensors(folder / kWeights, edit); };
}

std::function<void(const fs::path&)> sharded(std::function<void(const fs::path&)> then)
{
    return [then = std::move(then)](const fs::path& folder) {
        makeShards(folder);
        then(folder);
    };
}

std::vector<Damage> weightDamages()
{
    const auto invalid = ErrorCode::InvalidFile;
    return {
        {"tensor missing",
         "open",
         editWeights([](auto& file) { file.remove("model.layers.1.attn.f_proj.weight"); }),
         invalid,
         {kWeights, "model.layers.1.attn.f_proj.weight is missing", "[64, 64]"}},
        {"tensor that is not of the model",
         "open",
         editWeights([](auto& file) { file.add("extra.bias", DType::F32, {3}); }),
         invalid,
         {kWeights, "extra.bias", "not part of a MatMul-free (hgrn_bit) model with 3 layers"}},
        {"layer beyond the last",
         "open",
         editWeights([](auto& file) { file.add("model.layers.3.attn_norm.weight", DType::F32, {64}); }),
         invalid,
         {"model.layers.3.attn_norm.weight"}},
        {"wrong shape",
         "open",
         editWeights([](auto& file) { file.tensor("model.norm.weight").resize({63}, DType::F32); }),
         invalid,
         {kWeights, "model.norm.weight has shape [63]", "needed: [64]"}},
        {"transposed",
         "open",
         editWeights([](auto& file) {
             file.tensor("lm_head.weight").resize({64, 320}, DType::F32);
         }),
         invalid,
         {"lm_head.weight has shape [64, 320]", "needed: [320, 64]"}},
        {"wrong rank",
         "open",
         editWeights([](auto& file) {
             file.tensor("model.norm.weight").resize({1, 64}, DType::F32);
         }),
         invalid,
         {"model.norm.weight has shape [1, 64]"}},
        {"integer weights",
         "open",
         editWeights([](auto& file) { file.tensor("model.norm.weight").resize({64}, DType::I32); }),
         invalid,
         {"model.norm.weight has dtype I32", "needed: F32, F16 or BF16"}},
        {"zero-sized weights",
         "open",
         editWeights([](auto& file) { file.tensor("model.norm.weight").resize({0}, DType::F32); }),
         invalid,
         {"model.norm.weight has shape [0]"}},
        {"head of a dense model missing",
         "dense_open",
         editWeights([](auto& file) { file.remove("lm_head.weight"); }),
         invalid,
         {"lm_head.weight is missing"}},
    };
}

std::vector<Damage> folderDamages()
{
    const auto invalid = ErrorCode::InvalidFile;
    const auto truncate = [](const fs::path& folder) {
        fs::resize_file(folder / kWeights, fs::file_size(folder / kWeights) - 1);
    };
    return {
        {"no config.json",
         "open",
         [](const fs::path& f) { fs::remove(f / "config.json"); },
         ErrorCode::Io,
         {"config.json is missing"}},
        {"config.json is a folder",
         "open",
         [](const fs::path& f) {
             fs::remove(f / "config.json");
             fs::create_directory(f / "config.json");
         },
         ErrorCode::Io,
         {"config.json"}},
        {"no weights",
         "open",
         [](const fs::path& f) { fs::remove(f / kWeights); },
         ErrorCode::Io,
         {"no weights found", kWeights}},
        {"pickled weights only",
         "open",
         [](const fs::path& f) { fs::rename(f / kWeights, f / "pytorch_model.bin"); },
         invalid,
         {"pytorch_model.bin: only safetensors is read"}},
        {"truncated weights", "open", truncate, invalid, {kWeights}},
        {"config of another size",
         "open",
         [](const fs::path& f) {
             json config = json::parse(readTextFile(f / "config.json"));
             config["hidden_size"] = 128;
             writeFileAtomically(f / "config.json", config.dump());
         },
         invalid,
         {"has shape", "needed: "}},
    };
}

std::vector<Damage> indexDamages()
{
    const auto invalid = ErrorCode::InvalidFile;
    const auto mapTo = [](const json& value) {
        return sharded([value](const fs::path& folder) {
            editIndex(folder, [&](json& index) { index["weight_map"]["model.norm.weight"] = value; });
        });
    };
    return {
        {"index is not JSON",
         "open",
         sharded([](const fs::path& f) { writeFileAtomically(f / kIndex, "{"); }),
         invalid,
         {kIndex, "not valid JSON"}},
        {"index is an array",
         "open",
         sharded([](const fs::path& f) { writeFileAtomically(f / kIndex, "[]"); }),
         invalid,
         {kIndex, "weight_map"}},
        {"index without a map",
         "open",
         sharded([](const fs::path& f) { writeFileAtomically(f / kIndex, "{}"); }),
         invalid,
         {kIndex, "weight_map is null"}},
        {"shard outside the folder",
         "open",
         mapTo("../x.safetensors"),
         invalid,
         {kIndex, "model.norm.weight", "../x.safetensors"}},
        {"shard with an absolute path", "open", mapTo("/etc/passwd"), invalid, {kIndex, "/etc/passwd"}},
        {"shard name is a number", "open", mapTo(7), invalid, {kIndex, "is 7"}},
        {"shard that does not exist", "open", mapTo("gone.safetensors"), ErrorCode::Io, {"gone.safetensors"}},
        {"tensor in another shard than the index says",
         "open",
         mapTo("model-00001-of-00002.safetensors"),
         invalid,
         {"model.norm.weight"}},
        {"tensor in two shards",
         "open",
         sharded([](const fs::path& f) {
             const fs::path first = f / "model-00001-of-00002.safetensors",
                            second = f / "model-00002-of-00002.safetensors";
             test::editSafetensors(second, [&](test::EditableFile& file) {
                 file.tensors.push_back(test::readEditable(first).tensors.front());
             });
         }),
         invalid,
         {"is also in"}},
    };
}

std::vector<Damage> allDamages()
{
    std::vector<Damage> all = weightDamages();
    for (const auto& more : {folderDamages(), indexDamages()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::vector<float> floatsOf(const ModelSource& source, const std::string& name)
{
    std::vector<float> values(static_cast<std::size_t>(elementCount(source.view(name).shape)));
    source.floats(name, values);
    return values;
}

} // namespace

class TestModelSource : public QObject
{
    Q_OBJECT

private slots:
    void goldenFoldersOpen();
    void shardsOpenLikeOneFile();
    void halvesOpenLikeTheirFloats();
    void textComesAlong();
    void newestCheckpointOfARunOpens();
    void frequenciesOfOldFilesAreIgnored();
    void tiedModelsMayCarryTheirHead();
    void namesOutsideTheSchemaThrow();
    void notFiniteWeightsAreNamed();
    void releasedTensorsStayReadable();
    void damagedFoldersAreRefused_data();
    void damagedFoldersAreRefused();
    void pathsThatAreNoModelAreRefused();
};

void TestModelSource::goldenFoldersOpen()
{
    const test::TemporaryFolder folder;
    const fs::path path = test::makeGoldenModelFolder("open", folder.path());
    const auto source = openModel(path);
    QCOMPARE(source->name(), std::string("open"));
    QCOMPARE(openModel(path / "")->name(), std::string("open"));
    QCOMPARE(source->path().string(), path.string());
    QCOMPARE(source->fileBytes(), static_cast<std::uint64_t>(fs::file_size(path / kWeights)));
    QCOMPARE(source->config().hiddenSize, 64);
    QVERIFY(source->hasLatentWeights());
    QVERIFY(source->text().tokenizerModel.empty() && source->text().chatTemplateJson.empty());
    QCOMPARE(source->view("model.embeddings.weight").shape, (Shape{320, 64}));
    const TernaryTensor tensor = source->ternary("model.layers.0.mlp.gate_proj.weight");
    QCOMPARE(tensor.rows, 384);
    QCOMPARE(tensor.cols, 64);
    const std::vector<float> latent = floatsOf(*source, "model.layers.0.mlp.gate_proj.weight");
    for (std::int64_t row = 0; row < tensor.rows; ++row) {
        for (std::int64_t col = 0; col < tensor.cols; ++col) {
            const float scaled = latent[static_cast<std::size_t>(row * 64 + col)] * (1.0f / tensor.scale);
            QCOMPARE(tensor.at(row, col), static_cast<int>(std::clamp(std::nearbyint(scaled), -1.0f, 1.0f)));
        }
    }
    QVERIFY(!openModel(test::makeGoldenModelFolder("dense_open", folder.path()))->config().isTernary());
}

void TestModelSource::shardsOpenLikeOneFile()
{
    const test::TemporaryFolder one, two;
    const auto whole = openModel(test::makeGoldenModelFolder("open", one.path()));
    const fs::path folder = test::makeGoldenModelFolder("open", two.path());
    makeShards(folder);
    const auto shards = openModel(folder);
    for (const TensorSpec& spec : tensorSchema(whole->config()))
        QCOMPARE(floatsOf(*shards, spec.name), floatsOf(*whole, spec.name));
}

void TestModelSource::halvesOpenLikeTheirFloats()
{
    for (const DType dtype : {DType::BF16, DType::F16}) {
        const test::TemporaryFolder folder;
        const fs::path path = test::makeGoldenModelFolder("open", folder.path());
        test::editSafetensors(path / kWeights, [&](test::EditableFile& file) {
            for (test::EditableTensor& tensor : file.tensors) {
                std::vector<float> values(tensor.bytes.size() / 4);
                std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
                tensor.resize(tensor.shape, dtype);
                for (std::size_t i = 0; i < values.size(); ++i) {
                    const std::uint16_t half =
                        dtype == DType::F16 ? floatToHalf(values[i]) : floatToBfloat16(values[i]);
                    std::memcpy(tensor.bytes.data() + 2 * i, &half, 2);
                }
            }
        });
        const auto source = openModel(path);
        const std::string name = "model.layers.2.attn.o_proj.weight";
        QCOMPARE(source->view(name).dtype, dtype);
        const std::vector<float> values = floatsOf(*source, name);
        const TernaryTensor direct = source->ternary(name);
        const TernaryTensor fromFloats =
            quantizeTernary({DType::F32, {64, 64}, std::as_bytes(std::span(values))}, name);
        QCOMPARE(direct.scale, fromFloats.scale);
        QVERIFY(std::equal(direct.codes.begin(), direct.codes.end(), fromFloats.codes.begin(),
                           fromFloats.codes.end()));
    }
}

void TestModelSource::textComesAlong()
{
    const test::TemporaryFolder folder;
    const fs::path path = test::makeGoldenModelFolder("open", folder.path());
    const std::string bytes("\0\x01tokens\xff", 9);
    writeFileAtomically(path / "tokenizer.model", bytes);
    writeFileAtomically(path / "chat_template.json", "{\"name\":\"plain\"}");
    const auto source = openModel(path);
    QCOMPARE(source->text().tokenizerModel, bytes);
    QCOMPARE(source->text().chatTemplateJson, std::string("{\"name\":\"plain\"}"));
}

void TestModelSource::newestCheckpointOfARunOpens()
{
    const test::TemporaryFolder folder;
    const fs::path checkpoints = folder.path() / "run" / "checkpoints";
    fs::create_directories(checkpoints);
    fs::rename(test::makeGoldenModelFolder("open", folder.path()), checkpoints / "step-20");
    writeFileAtomically(checkpoints / "step-20" / "optimizer.safetensors", "not looked at");
    QCOMPARE(openModel(checkpoints / "step-20")->config().layerCount, 3);
    writeFileAtomically(checkpoints / "latest", "step-20\n");
    QCOMPARE(openModel(folder.path() / "run")->path().filename().string(), std::string("step-20"));
    for (const char* name : {"", "..", "../../run", "/tmp", "step-99"}) {
        writeFileAtomically(checkpoints / "latest", name);
        MMFREE_EXPECT_ERROR((void)openModel(folder.path() / "run"), ErrorCode::InvalidFile, "latest",
                            "name of a checkpoint");
    }
}

void TestModelSource::frequenciesOfOldFilesAreIgnored()
{
    const test::TemporaryFolder folder;
    const fs::path path = test::makeGoldenModelFolder("dense_open", folder.path());
    test::editSafetensors(path / kWeights, [](test::EditableFile& file) {
        file.add("model.layers.0.self_attn.rotary_emb.inv_freq", DType::F32, {8});
    });
    QCOMPARE(openModel(path)->config().headCount, 4);
}

void TestModelSource::tiedModelsMayCarryTheirHead()
{
    const test::TemporaryFolder folder;
    const fs::path path = test::makeGoldenModelFolder("dense_open", folder.path());
    json config = json::parse(readTextFile(path / "config.json"));
    config["tie_word_embeddings"] = true;
    writeFileAtomically(path / "config.json", config.dump());
    QVERIFY(openModel(path)->config().tieEmbeddings);
    test::editSafetensors(path / kWeights, [](test::EditableFile& file) { file.remove("lm_head.weight"); });
    QVERIFY(openModel(path)->config().tieEmbeddings);
}

void TestModelSource::namesOutsideTheSchemaThrow()
{
    const test::TemporaryFolder folder;
    const auto source = openModel(test::makeGoldenModelFolder("open", folder.path()));
    std::vector<float> values(64);
    MMFREE_EXPECT_ERROR((void)source->view("nothing"), ErrorCode::InvalidArgument, "nothing");
    MMFREE_EXPECT_ERROR((void)source->ternary("nothing"), ErrorCode::InvalidArgument, "nothing");
    MMFREE_EXPECT_ERROR((void)source->ternary("model.norm.weight"), ErrorCode::InvalidArgument,
                        "not a ternary weight");
    MMFREE_EXPECT_ERROR(source->floats("nothing", values), ErrorCode::InvalidArgument, "nothing");
    MMFREE_EXPECT_ERROR(source->floats("model.norm.weight", std::span(values).first(63)),
                        ErrorCode::InvalidArgument, "64 values", "63");
}

void TestModelSource::notFiniteWeightsAreNamed()
{
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const test::TemporaryFolder folder;
    const fs::path path = test::makeGoldenModelFolder("open", folder.path());
    test::editSafetensors(path / kWeights, [&](test::EditableFile& file) {
        file.tensor("model.layers.0.attn.g_proj.weight").setFloat(4095, nan);
        file.tensor("model.norm.weight").setFloat(3, std::numeric_limits<float>::infinity());
    });
    const auto source = openModel(path); // reads no weights
    std::vector<float> values(64 * 64);
    const std::string weight = "model.layers.0.attn.g_proj.weight";
    const std::string file = (path / kWeights).string();
    MMFREE_EXPECT_ERROR((void)source->ternary(weight), ErrorCode::NumericFailure, file,
                        weight + ": value 4095 is nan");
    MMFREE_EXPECT_ERROR(source->floats(weight, values), ErrorCode::NumericFailure, file,
                        weight + ": value 4095 is nan");
    MMFREE_EXPECT_ERROR(source->floats("model.norm.weight", std::span(values).first(64)),
                        ErrorCode::NumericFailure, file, "model.norm.weight: value 3 is inf");
}

void TestModelSource::releasedTensorsStayReadable()
{
    const test::TemporaryFolder folder;
    const auto source = openModel(test::makeGoldenModelFolder("open", folder.path()));
    const std::vector<float> before = floatsOf(*source, "lm_head.weight");
    source->release("lm_head.weight");
    QCOMPARE(floatsOf(*source, "lm_head.weight"), before);
}

void TestModelSource::damagedFoldersAreRefused_data()
{
    QTest::addColumn<int>("index");
    const std::vector<Damage> damages = allDamages();
    for (std::size_t i = 0; i < damages.size(); ++i)
        QTest::addRow("%s", damages[i].name) << static_cast<int>(i);
}

void TestModelSource::damagedFoldersAreRefused()
{
    QFETCH(int, index);
    const Damage damage = allDamages()[static_cast<std::size_t>(index)];
    const test::TemporaryFolder folder;
    const fs::path path = test::makeGoldenModelFolder(damage.model, folder.path());
    damage.act(path);
    const auto caught = test::catchError([&] { (void)openModel(path); });
    QVERIFY2(caught.is(damage.code, path.string()), caught.message.c_str());
    for (const std::string& part : damage.parts)
        QVERIFY2(caught.is(damage.code, part), caught.message.c_str());
}

void TestModelSource::pathsThatAreNoModelAreRefused()
{
    const test::TemporaryFolder folder;
    MMFREE_EXPECT_ERROR((void)openModel(folder.path() / "none"), ErrorCode::Io,
                        "none: no such file or folder");
    MMFREE_EXPECT_ERROR((void)openModel(folder.path()), ErrorCode::Io, "config.json is missing");
    MMFREE_EXPECT_ERROR((void)openModel(""), ErrorCode::Io, "no such file");
    writeFileAtomically(folder.path() / "notes.txt", "some text that is no model at all");
    MMFREE_EXPECT_ERROR((void)openModel(folder.path() / "notes.txt"), ErrorCode::InvalidFile, "notes.txt");
    const fs::path weights = test::makeGoldenModelFolder("open", folder.path()) / kWeights;
    MMFREE_EXPECT_ERROR((void)openModel(weights), ErrorCode::InvalidFile, "not a packed model",
                        "open the folder");
    MMFREE_EXPECT_ERROR((void)openModel(std::string(5000, 'x')), ErrorCode::Io, "xxx");
}

QTEST_APPLESS_MAIN(TestModelSource)
#include "tst_model_source.moc"
