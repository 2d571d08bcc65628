// Model files that lie: each gets exit code 1 and a message that names the file, the field, the value found
// and the value needed; nothing crashes.
#include "tests/cli/cli_runner.h"
#include "tests/cli/raw_safetensors.h"
#include "tests/cli/text_model.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <cmath>
#include <functional>
#include <limits>

using namespace mmfree::test;
namespace fs = std::filesystem;
using nlohmann::ordered_json;

using Damage = std::function<void(const fs::path& modelFolder)>;
Q_DECLARE_METATYPE(Damage)

namespace
{

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
        ordered_json config = ordered_json::parse(readBytes(folder / "config.json").toStdString());
        if (value.is_discarded())
            config.erase(field);
        else
            config[field] = value;
        writeBytes(folder / "config.json", QByteArray::fromStdString(config.dump()));
    };
}

Damage replacedBytes(const std::function<QByteArray(const QByteArray&)>& change)
{
    return [change](const fs::path& folder) {
        writeBytes(folder / "model.safetensors", change(readBytes(folder / "model.safetensors")));
    };
}

Damage badValue(const std::string& tensor, float value)
{
    return changedTensors([=](RawSafetensors& file) { file.setFloat(tensor, 5, value); });
}

} // namespace

class CliBadModel : public QObject
{
    Q_OBJECT

    static void row(const char* name, const char* model, const Damage& damage, const QList<QByteArray>& named)
    {
        QTest::newRow(name) << QString(model) << damage << named;
    }

    static void headerRows()
    {
        row("truncated length", "open", replacedBytes([](const QByteArray& b) { return b.left(5); }),
            {"model.safetensors"});
        row("empty file", "open", replacedBytes([](const QByteArray&) { return QByteArray(); }),
            {"model.safetensors"});
        row("truncated header", "open", replacedBytes([](const QByteArray& b) { return b.left(300); }),
            {"model.safetensors", "header"});
        row("truncated data", "open",
            replacedBytes([](const QByteArray& b) { return b.left(b.size() - 1000); }),
            {"model.safetensors"});
        row("bytes after the data", "open",
            replacedBytes([](const QByteArray& b) { return b + QByteArray(64, 'x'); }),
            {"model.safetensors"});
        row("oversized header", "open",
            [](const fs::path& folder) {
                writeRawSafetensors(folder / "model.safetensors", std::uint64_t{1} << 60, "{}", "");
            },
            {"model.safetensors", "header"});
        row("header that overflows", "open",
            [](const fs::path& folder) {
                writeRawSafetensors(folder / "model.safetensors", std::numeric_limits<std::uint64_t>::max(),
                                    "{}", "");
            },
            {"model.safetensors", "header"});
        row("header that is not JSON", "open",
            [](const fs::path& folder) {
                writeRawSafetensors(folder / "model.safetensors", 8, "{\"a\": [ ", "");
            },
            {"model.safetensors"});
        row("header that is a list", "open",
            [](const fs::path& folder) {
                writeRawSafetensors(folder / "model.safetensors", 8, "[1,2,3] ", "");
            },
            {"model.safetensors"});
        row("deeply nested header", "open",
            [](const fs::path& folder) {
                const std::string deep(1'000'000, '[');
                writeRawSafetensors(folder / "model.safetensors", deep.size(), deep, "");
            },
            {"model.safetensors"});
        row("duplicate name", "open",
            [](const fs::path& folder) {
                const std::string header =
                    R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})";
                writeRawSafetensors(folder / "model.safetensors", header.size(), header,
                                    std::string(8, '\0'));
            },
            {"model.safetensors", "a"});
        row("unknown dtype", "open", changedEntry(kForgetWeight, "dtype", "F128"),
            {"model.safetensors", kForgetWeight, "F128"});
        row("negative size", "open", changedEntry(kForgetWeight, "shape", {-64, 64}),
            {"model.safetensors", kForgetWeight});
        row("size that overflows", "open", changedEntry(kForgetWeight, "shape", {std::int64_t{1} << 62, 64}),
            {"model.safetensors", kForgetWeight});
        row("shape is text", "open", changedEntry(kForgetWeight, "shape", "64x64"),
            {"model.safetensors", kForgetWeight});
        row("shape contradicts bytes", "open", changedEntry(kForgetWeight, "shape", {64, 65}),
            {"model.safetensors", kForgetWeight});
        row("offsets backwards", "open", changedEntry(kForgetWeight, "data_offsets", {400, 100}),
            {"model.safetensors", kForgetWeight});
        row("offsets outside", "open",
            changedEntry(kForgetWeight, "data_offsets",
                         {std::int64_t{1} << 40, (std::int64_t{1} << 40) + 16384}),
            {"model.safetensors", kForgetWeight});
        row("overlap", "open", changedTensors([](RawSafetensors& file) {
                file.header[kForgetWeight]["data_offsets"] =
                    file.header["model.layers.1.attn.g_proj.weight"]["data_offsets"];
            }),
            {"model.safetensors", "model.layers.1.attn"});
    }

    static void tensorRows()
    {
        row("missing tensor", "open",
            changedTensors([](RawSafetensors& file) { file.remove(kForgetWeight); }),
            {"model.safetensors", kForgetWeight});
        row("extra tensor", "open",
            changedTensors([](RawSafetensors& file) { file.add("model.layers.9.surprise", 4); }),
            {"model.safetensors", "model.layers.9.surprise"});
        row("wrong shape", "open", changedEntry(kForgetWeight, "shape", {32, 128}),
            {"model.safetensors", kForgetWeight, "[32, 128]", "[64, 64]"});
        row("wrong dtype", "open", changedEntry(kForgetWeight, "dtype", "I32"),
            {"model.safetensors", kForgetWeight, "I32"});
        row("NaN in a ternary weight", "open", badValue(kForgetWeight, std::nanf("")), {kForgetWeight});
        row("infinity in a ternary weight", "open", badValue("lm_head.weight", INFINITY), {"lm_head.weight"});
        row("NaN in a norm", "open", badValue("model.norm.weight", std::nanf("")), {"model.norm.weight"});
        row("infinity in the lower bounds", "open", badValue("model.lower_bounds", -INFINITY),
            {"model.lower_bounds"});
        row("NaN in the embedding", "open", badValue("model.embeddings.weight", std::nanf("")),
            {"model.embeddings.weight"});
        row("NaN in a dense weight", "dense_open",
            badValue("model.layers.0.self_attn.q_proj.weight", std::nanf("")),
            {"model.layers.0.self_attn.q_proj.weight"});
        row("no weights", "open", [](const fs::path& folder) { fs::remove(folder / "model.safetensors"); },
            {"safetensors"});
        row("index without shards", "open",
            [](const fs::path& folder) {
                fs::remove(folder / "model.safetensors");
                writeBytes(folder / "model.safetensors.index.json",
                           R"({"weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}})");
            },
            {"model-00001-of-00001.safetensors"});
        row("index that leaves the folder", "open",
            [](const fs::path& folder) {
                fs::remove(folder / "model.safetensors");
                writeBytes(folder / "model.safetensors.index.json",
                           R"({"weight_map": {"lm_head.weight": "../../etc/passwd"}})");
            },
            {"model.safetensors.index.json"});
    }

    static void configRows()
    {
        const auto config = [](const char* name, const char* model, const char* field,
                               const ordered_json& value, const QList<QByteArray>& more) {
            row(name, model, changedConfig(field, value), QList<QByteArray>{"config.json", field} + more);
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
        row("other layer count", "open", changedConfig("num_hidden_layers", 4),
            {"model.safetensors", "model.layers.3.attn"});
        config("layer count too large", "open", "num_hidden_layers", 1'000'000'000, {"1000000000"});
        config("vocabulary 0", "open", "vocab_size", 0, {"0"});
        config("norm epsilon below 0", "open", "rms_norm_eps", -1.0, {});
        config("heads do not divide", "dense_open", "num_attention_heads", 5, {"5"});
        config("tied MatMul-free embeddings", "open", "tie_word_embeddings", true, {"true"});
        row("config not JSON", "open",
            [](const fs::path& folder) { writeBytes(folder / "config.json", "{ hidden_size: 64"); },
            {"config.json"});
        row("config a list", "open", [](const fs::path& folder) { writeBytes(folder / "config.json", "[]"); },
            {"config.json"});
        row("config empty", "open", [](const fs::path& folder) { writeBytes(folder / "config.json", ""); },
            {"config.json"});
        row("config absent", "open", [](const fs::path& folder) { fs::remove(folder / "config.json"); },
            {"config.json"});
        row("tokenizer garbage", "open",
            [](const fs::path& folder) { writeBytes(folder / "tokenizer.model", QByteArray(5000, '\xff')); },
            {"tokenizer.model"});
    }

    // Runs `info` (opens) and `trace` (reads all weights): the damage must be named by one of them.
    static void expectRefusal(const fs::path& model, const QList<QByteArray>& named)
    {
        const fs::path out = model.parent_path() / "out.safetensors";
        const CliResult info = runCli({"info", text(model)});
        QVERIFY2(!info.crashed, info.err.constData());
        const CliResult trace = runCli({"trace", text(model), "--ids", "1,2,3", "--out", text(out)});
        QVERIFY2(!trace.crashed, trace.err.constData());
        QVERIFY2(trace.exitCode == 1, "the model was accepted");
        QVERIFY2(trace.err.startsWith("mmfree: error: "), trace.err.constData());
        for (const QByteArray& name : named)
            QVERIFY2(trace.err.contains(name),
                     ("\"" + name + "\" is not named in: " + trace.err).constData());
        QVERIFY(!fs::exists(out));
    }

private slots:
    void damagedModelIsRefusedByName_data()
    {
        QTest::addColumn<QString>("model");
        QTest::addColumn<Damage>("damage");
        QTest::addColumn<QList<QByteArray>>("named");
        headerRows();
        tensorRows();
        configRows();
    }
    void damagedModelIsRefusedByName()
    {
        QFETCH(QString, model);
        QFETCH(Damage, damage);
        QFETCH(QList<QByteArray>, named);
        const TemporaryFolder folder;
        const fs::path modelFolder = makeGoldenModelFolder(model.toStdString(), folder.path());
        damage(modelFolder);
        expectRefusal(modelFolder, named);
    }

    void tokenizerOfAnotherSizeIsRefused()
    {
        const TemporaryFolder folder;
        const fs::path checkpoint = trainTextModel(folder.path()); // 320 pieces
        const fs::path model = folder.path() / "other";
        fs::create_directories(model);
        // A random model of 400 tokens made by a training step, with the tokenizer of 320.
        const fs::path config = writeTinyConfig(folder.path() / "config-400", "hgrn_bit", 400),
                       run = folder.path() / "run-400";
        const CliResult made =
            runCli({"train", "--config", text(config), "--data", text(folder.path() / "text.txt"), "--run",
                    text(run), "--steps", "1", "--batch", "1", "--length", "8", "--quiet"});
        QVERIFY2(made.exitCode == 0, made.err.constData());
        const fs::path other = latestCheckpoint(run);
        fs::copy_file(checkpoint / "tokenizer.model", other / "tokenizer.model",
                      fs::copy_options::overwrite_existing);
        const CliResult result = runCli({"generate", text(other), "--prompt", "a"});
        QCOMPARE(result.exitCode, 1);
        for (const char* named : {"tokenizer.model", "320", "400"})
            QVERIFY2(result.err.contains(named), result.err.constData());
    }

    void damagedPackedFileIsRefused()
    {
        const TemporaryFolder folder;
        const fs::path model = makeGoldenModelFolder("open", folder.path()),
                       packed = folder.path() / "packed.safetensors",
                       damaged = folder.path() / "damaged.safetensors";
        QCOMPARE(runCli({"convert", text(model), text(packed)}).exitCode, 0);
        const QByteArray good = readBytes(packed);
        // Every truncation and every flipped header byte either still opens or is refused, but never crashes.
        for (int part = 0; part < 20; ++part) {
            writeBytes(damaged, good.left(good.size() * part / 20));
            const CliResult result = runCli({"info", text(damaged)});
            QVERIFY2(!result.crashed && result.exitCode == 1, result.err.constData());
        }
        for (int i = 0; i < 60; ++i) {
            QByteArray changed = good;
            const int at = 8 + i * 37;
            changed[at] = static_cast<char>(changed[at] ^ 0x15);
            writeBytes(damaged, changed);
            const CliResult result = runCli({"generate", text(damaged), "--ids", "1,2", "--max-tokens", "2"});
            QVERIFY2(!result.crashed, qPrintable(QString("byte %1").arg(at)));
        }
    }
};

QTEST_GUILESS_MAIN(CliBadModel)
#include "tst_cli_bad_model.moc"
