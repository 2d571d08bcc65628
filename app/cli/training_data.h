// What `mmfree train` learns from: text files with a given, inherited or newly trained tokenizer, or one
// fixed batch of token ids.
#pragma once

#include "engine/model/model_source.h"
#include "engine/train/trainer.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mmfree::cli
{

struct TrainingDataFlags {
    std::vector<std::string> files;
    std::string tokenBatch, tokenizer, chatTemplate;
    std::int64_t vocabulary = 0; // pieces of a tokenizer to train; 0: the config's vocab_size
    std::vector<std::string> symbols;
    bool lossOnAnswers = false; // no loss inside the questions of the chat template
};

struct TrainingData {
    ModelText text;
    std::shared_ptr<const TokenDataset> dataset; // null for a fixed batch
    std::vector<TokenId> fixedBatch;             // [options.batch, options.length]
    std::int64_t validationBytes = 0;            // of the validation text
};

// `inherited`: text of the model trained further; empty for a fresh one. `runTokenizer`: the tokenizer.model
// of the run that is resumed, used when it exists. Sets options.batch and options.length for a fixed batch,
// and config.vocabularySize for --vocab. Throws Error naming file, value found and value needed.
[[nodiscard]] TrainingData prepareTrainingData(const TrainingDataFlags& flags, const ModelText& inherited,
                                               const std::filesystem::path& runTokenizer, ModelConfig& config,
                                               TrainingOptions& options);

} // namespace mmfree::cli
