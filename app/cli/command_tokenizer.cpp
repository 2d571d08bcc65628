// `mmfree tokenizer --data FILES --vocab N --out FILE`: trains a tokenizer alone, for runs that share one.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "engine/core/atomic_file.h"
#include "engine/core/thread_pool.h"
#include "engine/text/tokenizer.h"
#include "engine/train/trainer.h"

#include <iostream>

namespace mmfree::cli
{

namespace
{

struct TokenizerOptions {
    std::vector<std::string> files, symbols;
    std::int64_t pieces = 4096;
    std::string out;
};

int runTokenizer(const TokenizerOptions& options)
{
    const TextCorpus corpus = readTextCorpus({options.files.begin(), options.files.end()}, 0.0);
    const std::string model = trainTokenizer(corpus.training, {.vocabularySize = options.pieces,
                                                               .userSymbols = options.symbols,
                                                               .byteFallback = true,
                                                               .threads = availableCores()});
    writeFileAtomically(options.out, model);
    std::cout << options.out << ": " << countText(options.pieces) << " pieces, " << bytesText(model.size())
              << '\n';
    return kExitSuccess;
}

} // namespace

void addTokenizerCommand(CommandLine& line)
{
    CLI::App* added = addCommand<TokenizerOptions>(
        line, "tokenizer", "Train a tokenizer from text",
        [](CLI::App& command, TokenizerOptions& options) {
            command.add_option("--data", options.files, "UTF-8 text files")->type_name("FILE")->required();
            command.add_option("--vocab", options.pieces, "Pieces")
                ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24).description("PIECES"));
            command.add_option("--symbol", options.symbols,
                               "Piece kept whole, e.g. <user>; may be given several times");
            command.add_option("--out", options.out, "tokenizer.model to write")
                ->type_name("FILE")
                ->required();
        },
        runTokenizer);
    added->footer("SentencePiece BPE with byte fallback. The same text and flags give the same pieces.\n"
                  "Use it with mmfree train --tokenizer, so that several runs share one vocabulary.");
}

} // namespace mmfree::cli
