#include "tests/gui/small_model.h"

#include "engine/model/parameters.h"
#include "engine/text/tokenizer.h"

namespace mmfree::test
{

void writeSmallModel(const QString& folder, int vocabularySize)
{
    std::string text;
    for (int line = 0; line < 200; ++line)
        text += "the fox number " + std::to_string(line * 37 % 101) + " runs over the hill\n";
    TokenizerTrainingOptions options;
    options.vocabularySize = vocabularySize;
    options.threads = 1;
    ModelText modelText;
    modelText.tokenizerModel = trainTokenizer(text, options);
    ModelConfig config;
    config.vocabularySize = Tokenizer(modelText.tokenizerModel).size();
    config.hiddenSize = 64;
    config.layerCount = 2;
    config.intermediateSize = 128;
    const ParameterLayout layout(config);
    std::vector<float> values(static_cast<std::size_t>(layout.size()));
    initializeParameters(layout, 7, values);
    writeModelFolder(layout, values, modelText, folder.toStdString());
}

} // namespace mmfree::test
