// `mmfree info MODEL`: what a model is, without running it.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/model_options.h"

#include <iostream>

namespace mmfree::cli
{

namespace
{

struct InfoOptions {
    std::string model;
    bool json = false;
};

// Elements of the tensors by role, and the bytes a sequence's state takes.
struct Sizes {
    std::int64_t parameters = 0, ternaryWeights = 0, denseWeights = 0, embedding = 0;
    std::int64_t tensors = 0;
    std::int64_t stateBytes = 0; // for a Transformer: per token of context
};

Sizes measure(const ModelConfig& config)
{
    Sizes sizes;
    for (const TensorSpec& spec : tensorSchema(config)) {
        const std::int64_t count = elementCount(spec.shape);
        ++sizes.tensors;
        sizes.parameters += count;
        sizes.ternaryWeights += spec.role == TensorRole::TernaryWeight ? count : 0;
        sizes.denseWeights += spec.role == TensorRole::DenseWeight ? count : 0;
        sizes.embedding += spec.role == TensorRole::Embedding ? count : 0;
    }
    const std::int64_t width =
        config.isTernary() ? config.hiddenSize : 2 * config.keyValueHeadCount * config.headSize();
    sizes.stateBytes = config.layerCount * width * static_cast<std::int64_t>(sizeof(float));
    return sizes;
}

nlohmann::ordered_json infoJson(const OpenedModel& model, const Sizes& sizes)
{
    const ModelConfig& config = model.source->config();
    const ChatTemplate chat = chatTemplateOf(*model.source);
    nlohmann::ordered_json json{
        {"name", model.source->name()},
        {"path", model.source->path().string()},
        {"architecture", config.isTernary() ? "matmul-free" : "transformer"},
        {"config", modelConfigToJson(config)},
        {"parameters", sizes.parameters},
        {"ternaryWeights", sizes.ternaryWeights},
        {"denseWeights", sizes.denseWeights},
        {"tensors", sizes.tensors},
        {"fileBytes", model.source->fileBytes()},
        {"latentWeights", model.source->hasLatentWeights()},
        {config.isTernary() ? "stateBytes" : "stateBytesPerToken", sizes.stateBytes},
        {"tokenizer", nullptr},
        {"chatTemplate", model.source->text().chatTemplateJson.empty() ? nlohmann::ordered_json()
                                                                       : nlohmann::ordered_json(chat.name)},
    };
    if (model.tokenizer)
        json["tokenizer"] = {{"pieces", model.tokenizer->size()},
                             {"bos", model.tokenizer->bosId()},
                             {"eos", model.tokenizer->eosId()}};
    return json;
}

void printInfo(const OpenedModel& model, const Sizes& sizes)
{
    const ModelConfig& config = model.source->config();
    std::cout << "Name            " << model.source->name() << '\n'
              << "Architecture    "
              << (config.isTernary() ? "MatMul-free (MLGRU and GLU, ternary weights)"
                                     : "Transformer++ (dense)")
              << '\n'
              << "Shape           " << config.layerCount << " layers, hidden size " << config.hiddenSize
              << ", GLU width " << config.intermediateSize << ", vocabulary " << config.vocabularySize;
    if (!config.isTernary())
        std::cout << ", " << config.headCount << " heads, " << config.maxPositions << " positions";
    std::cout << "\nParameters      " << countText(sizes.parameters) << " in " << sizes.tensors << " tensors";
    if (config.isTernary())
        std::cout << ", " << countText(sizes.ternaryWeights) << " of them ternary";
    std::cout << "\nOn disk         " << bytesText(model.source->fileBytes()) << ", "
              << (model.source->hasLatentWeights() ? "full-precision weights (can be trained further)"
                                                   : "packed ternary weights")
              << "\nState           " << bytesText(static_cast<std::uint64_t>(sizes.stateBytes))
              << (config.isTernary() ? " per sequence, whatever its length" : " per token of context")
              << "\nTokenizer       ";
    if (model.tokenizer)
        std::cout << countText(model.tokenizer->size()) << " SentencePiece pieces";
    else
        std::cout << "none: only token ids can be given";
    std::cout << "\nChat template   "
              << (model.source->text().chatTemplateJson.empty() ? "none: text is continued as it is"
                                                                : chatTemplateOf(*model.source).name)
              << '\n';
}

int runInfo(const InfoOptions& options)
{
    const OpenedModel model = openForUse(options.model);
    const Sizes sizes = measure(model.source->config());
    if (options.json)
        printJson(infoJson(model, sizes));
    else
        printInfo(model, sizes);
    return kExitSuccess;
}

} // namespace

void addInfoCommand(CommandLine& line)
{
    addCommand<InfoOptions>(
        line, "info", "Show a model's shape, size, tokenizer and chat template",
        [](CLI::App& command, InfoOptions& options) {
            addModelArgument(command, options.model);
            command.add_flag("--json", options.json, "Print JSON");
        },
        runInfo);
}

} // namespace mmfree::cli
