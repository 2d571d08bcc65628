// `mmfree convert MODEL OUT`: writes the packed single-file form of a model.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <filesystem>
#include <iostream>
#include <map>

namespace mmfree::cli
{

namespace
{

struct ConvertOptions {
    std::string model, out, chatTemplate, tokenizer;
    TernaryPacking packing = TernaryPacking::TwoBit;
    bool json = false;
};

struct ConvertProgress {
    ProgressLine line{"packing"};
    const InterruptScope* interrupt = nullptr;

    static bool report(void* context, double share)
    {
        auto* self = static_cast<ConvertProgress*>(context);
        self->line.update(share);
        return !self->interrupt->interrupted();
    }
};

ModelText chosenText(const ConvertOptions& options, const ModelSource& source)
{
    ModelText text = source.text();
    if (!options.tokenizer.empty()) {
        text.tokenizerModel = readTextFile(options.tokenizer);
        const Tokenizer tokenizer(text.tokenizerModel, options.tokenizer);
        if (tokenizer.size() != source.config().vocabularySize) {
            throw Error(ErrorCode::InvalidFile,
                        options.tokenizer + " has " + std::to_string(tokenizer.size()) +
                            " pieces, needed: vocab_size " + std::to_string(source.config().vocabularySize));
        }
    }
    if (!options.chatTemplate.empty()) {
        text.chatTemplateJson = readTextFile(options.chatTemplate);
        (void)parseChatTemplate(text.chatTemplateJson, options.chatTemplate); // throws when it is not one
    }
    return text;
}

int runConvert(const ConvertOptions& options)
{
    if (std::filesystem::is_directory(options.out))
        throw Error(ErrorCode::Io, options.out + " is a folder, needed: the name of a file to write");
    const OpenedModel model = openForUse(options.model);
    const ModelText text = chosenText(options, *model.source);
    const InterruptScope interrupt;
    bool complete = false;
    {
        ConvertProgress progress;
        progress.interrupt = &interrupt;
        complete = writePackedModel(*model.source, options.out, options.packing, text,
                                    &ConvertProgress::report, &progress);
    }
    if (!complete) {
        std::cerr << "mmfree: interrupted; " << options.out << " was not written" << std::endl;
        return kExitInterrupted;
    }
    const std::uint64_t before = model.source->fileBytes(), after = std::filesystem::file_size(options.out);
    if (options.json)
        printJson({{"out", options.out}, {"sourceBytes", before}, {"bytes", after}});
    else
        std::cout << options.out << ": " << bytesText(after) << " (from " << bytesText(before) << ")\n";
    return kExitSuccess;
}

} // namespace

void addConvertCommand(CommandLine& line)
{
    const std::map<std::string, TernaryPacking> packings{{"2bit", TernaryPacking::TwoBit},
                                                         {"base3", TernaryPacking::Base3}};
    CLI::App* added = addCommand<ConvertOptions>(
        line, "convert", "Write a model as one packed file that opens at once",
        [packings](CLI::App& command, ConvertOptions& options) {
            addModelArgument(command, options.model);
            command
                .add_option("OUT", options.out,
                            "File to write, e.g. model.safetensors; replaced when complete")
                ->required();
            command
                .add_option("--packing", options.packing,
                            "Ternary weights in the file: 2bit, or base3 (1.6 bits a weight)")
                ->transform(CLI::CheckedTransformer(packings, CLI::ignore_case).description(""))
                ->default_str("2bit");
            command
                .add_option("--chat-template", options.chatTemplate,
                            "JSON file that replaces the model's chat template")
                ->type_name("FILE");
            command
                .add_option("--tokenizer", options.tokenizer,
                            "SentencePiece file that replaces the model's tokenizer")
                ->type_name("FILE");
            command.add_flag("--json", options.json, "Print a summary as JSON");
        },
        runConvert);
    added->footer("The packed file holds config, tokenizer, chat template and weights. It runs and chats, "
                  "but training needs\n"
                  "the full-precision weights of the source.");
}

} // namespace mmfree::cli
