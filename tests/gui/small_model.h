// A small untrained model folder with a tokenizer: its text means nothing, but everything it passes through
// is real.
#pragma once

#include <QString>

namespace mmfree::test
{

void writeSmallModel(const QString& folder, int vocabularySize = 320);

} // namespace mmfree::test
