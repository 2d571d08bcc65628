#include "tests/cli/text_model.h"

#include "tests/cli/cli_runner.h"

#include <nlohmann/json.hpp>

#include <array>

namespace mmfree::test
{

namespace fs = std::filesystem;

std::string sampleText(int sentences)
{
    const std::array<const char*, 6> subjects{"The cat",      "A small dog", "My friend",
                                              "The old ship", "Nobody",      "The rain"};
    const std::array<const char*, 5> verbs{"sees", "follows", "likes", "remembers", "leaves"};
    const std::array<const char*, 7> objects{"the garden", "a red door", "the sea",  "an empty street",
                                             "the café",   "two birds",  "the light"};
    std::string text;
    unsigned number = 12345;
    const auto next = [&number](std::size_t bound) {
        number = number * 1664525u + 1013904223u;
        return static_cast<std::size_t>(number >> 16) % bound;
    };
    for (int i = 0; i < sentences; ++i) {
        text += std::string(subjects[next(subjects.size())]) + " " + verbs[next(verbs.size())] + " " +
                objects[next(objects.size())];
        text += i % 5 == 4 ? ".\n" : ". ";
    }
    return text;
}

fs::path writeTinyConfig(const fs::path& folder, const std::string& architecture, int vocabulary)
{
    nlohmann::json config{{"model_type", architecture},
                          {"vocab_size", vocabulary},
                          {"hidden_size", 32},
                          {"num_hidden_layers", 2},
                          {"intermediate_size", 64},
                          {"rms_norm_eps", 1e-6},
                          {"bos_token_id", 1},
                          {"eos_token_id", 2},
                          {"tie_word_embeddings", false},
                          {"torch_dtype", "float32"},
                          {"max_position_embeddings", 64}};
    if (architecture == "llama") {
        config.update({{"hidden_act", "silu"},
                       {"num_attention_heads", 2},
                       {"num_key_value_heads", 2},
                       {"rope_theta", 10000.0}});
    } else {
        config.update({{"hidden_act", "swish"},
                       {"num_heads", 1},
                       {"expand_ratio", 1},
                       {"hidden_ratio", 4},
                       {"use_lower_bound", true},
                       {"use_short_conv", false}});
    }
    fs::create_directories(folder);
    const fs::path file = folder / "config.json";
    writeBytes(file, QByteArray::fromStdString(config.dump(2)));
    return file;
}

fs::path trainTextModel(const fs::path& folder, const std::string& architecture)
{
    const fs::path config = writeTinyConfig(folder / ("config-" + architecture), architecture, 320);
    const fs::path data = folder / "text.txt";
    writeBytes(data, QByteArray::fromStdString(sampleText(400)));
    const fs::path run = folder / ("run-" + architecture);
    const CliResult result =
        runCli({"train", "--config", text(config), "--data", text(data), "--run", text(run), "--steps", "12",
                "--batch", "4", "--length", "32", "--learning-rate", "5e-3", "--threads", "2"});
    if (result.exitCode != 0)
        qFatal("training the test model failed: %s", result.err.constData());
    return latestCheckpoint(run);
}

fs::path latestCheckpoint(const fs::path& run)
{
    const QByteArray name = readBytes(run / "checkpoints" / "latest").trimmed();
    const fs::path named = name.toStdString();
    return named.is_absolute() ? named : run / "checkpoints" / named.filename();
}

} // namespace mmfree::test
