#include "app/cli/training_data.h"

#include "app/cli/token_input.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/core/thread_pool.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

#include <iostream>
#include <optional>

namespace mmfree::cli
{

namespace
{

TrainingData fixedBatchData(const std::string& file, const ModelText& inherited, const ModelConfig& config,
                            TrainingOptions& options)
{
    TokenRows rows = readTokenFile(file);
    checkIds(rows.ids, config.vocabularySize, file + ": input_ids");
    if (rows.length < 2) {
        throw Error(ErrorCode::InvalidFile, file + ": input_ids has length " + std::to_string(rows.length) +
                                                ", needed: at least 2, so that there is a next token");
    }
    options.batch = rows.batch;
    options.length = rows.length;
    TrainingData data;
    data.text = inherited;
    data.fixedBatch = std::move(rows.ids);
    return data;
}

// Bytes of the tokenizer to use: of the resumed run, given, of the model trained further, or newly trained.
std::string chosenTokenizer(const TrainingDataFlags& flags, const ModelText& inherited,
                            const std::filesystem::path& runTokenizer, const std::string& trainingText,
                            std::int64_t pieces)
{
    if (!runTokenizer.empty() && std::filesystem::exists(runTokenizer))
        return readTextFile(runTokenizer);
    if (!flags.tokenizer.empty())
        return readTextFile(flags.tokenizer);
    if (!inherited.tokenizerModel.empty())
        return inherited.tokenizerModel;
    std::cerr << "training a tokenizer of " << pieces << " pieces" << std::endl;
    return trainTokenizer(trainingText, {.vocabularySize = pieces,
                                         .userSymbols = flags.symbols,
                                         .byteFallback = true,
                                         .threads = availableCores()});
}

// The pieces that frame a question, from the chat template that goes into the model.
QuestionMarks questionMarks(const ModelText& text, const Tokenizer& tokenizer)
{
    if (text.chatTemplateJson.empty())
        throw Error(ErrorCode::InvalidArgument,
                    "--loss-on answers needs a --chat-template that says where answers begin");
    const ChatTemplate chat = parseChatTemplate(text.chatTemplateJson, "chat template");
    const QuestionMarks marks{tokenizer.specialId(chat.userPrefix),
                              tokenizer.specialId(chat.assistantPrefix)};
    if (marks.begin < 0 || marks.end < 0) {
        const bool user = marks.begin < 0;
        throw Error(ErrorCode::InvalidArgument,
                    "--loss-on answers: the chat template's " +
                        std::string(user ? "user_prefix" : "assistant_prefix") + " is \"" +
                        (user ? chat.userPrefix : chat.assistantPrefix) +
                        "\", needed: one piece of the tokenizer, such as those of --symbol");
    }
    return marks;
}

} // namespace

TrainingData prepareTrainingData(const TrainingDataFlags& flags, const ModelText& inherited,
                                 const std::filesystem::path& runTokenizer, ModelConfig& config,
                                 TrainingOptions& options)
{
    if (!flags.tokenBatch.empty())
        return fixedBatchData(flags.tokenBatch, inherited, config, options);

    const TextCorpus corpus =
        readTextCorpus({flags.files.begin(), flags.files.end()}, options.validationShare);
    const std::int64_t pieces = flags.vocabulary > 0 ? flags.vocabulary : config.vocabularySize;
    TrainingData data;
    data.validationBytes = static_cast<std::int64_t>(corpus.validation.size());
    data.text.chatTemplateJson = inherited.chatTemplateJson;
    data.text.tokenizerModel = chosenTokenizer(flags, inherited, runTokenizer, corpus.training, pieces);
    const Tokenizer tokenizer(data.text.tokenizerModel,
                              flags.tokenizer.empty() ? "tokenizer.model" : flags.tokenizer);
    if (flags.vocabulary > 0)
        config.vocabularySize = pieces;
    if (tokenizer.size() != config.vocabularySize) {
        const std::string name = flags.tokenizer.empty() ? "the tokenizer" : flags.tokenizer;
        throw Error(ErrorCode::InvalidConfig, name + " has " + std::to_string(tokenizer.size()) +
                                                  " pieces, needed: vocab_size " +
                                                  std::to_string(config.vocabularySize));
    }
    if (!flags.chatTemplate.empty()) {
        data.text.chatTemplateJson = readTextFile(flags.chatTemplate);
        (void)parseChatTemplate(data.text.chatTemplateJson, flags.chatTemplate); // throws when it is not one
    }
    const auto encoded = [&](const std::string& text) {
        return encodeTrainingText(tokenizer, text, "--data");
    };
    std::optional<QuestionMarks> questions;
    if (flags.lossOnAnswers)
        questions = questionMarks(data.text, tokenizer);
    data.dataset =
        std::make_shared<TokenDataset>(encoded(corpus.training), encoded(corpus.validation), questions);
    return data;
}

} // namespace mmfree::cli
