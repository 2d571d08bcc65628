#include "app/cli/model_options.h"

#include "app/backend_catalog.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/session/session.h"

#include <iostream>
#include <iterator>
#include <map>

namespace mmfree::cli
{

void addExecutionFlags(CLI::App& command, ExecutionFlags& flags)
{
    const std::string group = "Where it runs";
    command
        .add_option("--backend", flags.backend,
                    "cuda, cpu, opencl, reference, or auto: the first usable (see `mmfree devices`)")
        ->type_name("NAME")
        ->group(group);
    command
        .add_option("--device", flags.options.device,
                    "Device of the backend, counted from 0 as `mmfree devices` lists them")
        ->check(CLI::NonNegativeNumber)
        ->group(group);
    command.add_option("--threads", flags.options.threads, "CPU threads; 0: all cores this process may use")
        ->check(CLI::Range(0, 1024))
        ->group(group);
    command
        .add_option("--isa", flags.options.isa,
                    "CPU instruction set as `mmfree devices` names it; empty: the best")
        ->type_name("NAME")
        ->group(group);
    const std::map<std::string, WeightPacking> packings{
        {"auto", WeightPacking::Automatic}, {"2bit", WeightPacking::TwoBit}, {"base3", WeightPacking::Base3}};
    command
        .add_option("--weight-packing", flags.options.packing,
                    "Ternary weights in memory: auto, 2bit or base3 (1.6 bits)")
        ->transform(CLI::CheckedTransformer(packings, CLI::ignore_case).description(""))
        ->default_str("auto")
        ->group(group);
}

CLI::Option* addActivationsFlag(CLI::App& command, ExecutorOptions& options)
{
    const std::map<std::string, TrainingActivations> choices{{"auto", TrainingActivations::Automatic},
                                                             {"keep", TrainingActivations::Keep},
                                                             {"recompute", TrainingActivations::Recompute}};
    return command
        .add_option("--activations", options.activations,
                    "On a GPU: keep all of the forward pass, or recompute it from each layer's input in the "
                    "backward pass (less memory, same results); auto: keep while it fits")
        ->transform(CLI::CheckedTransformer(choices, CLI::ignore_case).description(""))
        ->default_str("auto");
}

void addModelArgument(CLI::App& command, std::string& model)
{
    command.add_option("MODEL", model, "Model: Hugging Face folder, packed file or checkpoint folder")
        ->required();
}

OpenedModel openForUse(const std::string& path)
{
    OpenedModel model;
    model.source = openModel(path);
    const std::string& bytes = model.source->text().tokenizerModel;
    if (bytes.empty())
        return model;
    model.tokenizer = std::make_shared<Tokenizer>(bytes, model.source->name() + ": tokenizer.model");
    checkTokenizerMatches(*model.tokenizer, model.source->config(), path + ": tokenizer.model");
    return model;
}

const Tokenizer& requireTokenizer(const OpenedModel& model, const std::string& purpose)
{
    if (!model.tokenizer) {
        throw Error(ErrorCode::InvalidArgument, model.source->path().string() +
                                                    ": tokenizer.model is absent, needed: a tokenizer " +
                                                    purpose);
    }
    return *model.tokenizer;
}

ChatTemplate chatTemplateOf(const ModelSource& source)
{
    const std::string& json = source.text().chatTemplateJson;
    return json.empty() ? plainChatTemplate() : parseChatTemplate(json, source.name() + ": chat template");
}

std::shared_ptr<InferenceExecutor> createExecutor(const std::shared_ptr<const ModelSource>& source,
                                                  const ExecutionFlags& flags)
{
    return findBackend(flags.backend, source->config().architecture)->createInference(source, flags.options);
}

std::string readTextArgument(const std::string& file, std::uint64_t limitBytes)
{
    if (file != "-")
        return readTextFile(file, limitBytes);
    return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

} // namespace mmfree::cli
