// From what the engine measured to what is stored with an answer.
#pragma once

#include "widgets/models/conversation.h"
#include "widgets/workers/inference_types.h"

namespace mmfree::gui
{

[[nodiscard]] MessageStatus statusFor(StopReason reason);

// `settings` holds how it was drawn; measurements and where it ran are filled in.
[[nodiscard]] AnswerStats answerStats(AnswerStats settings, const GenerationOutcome& outcome,
                                      const ModelInfo& model);

} // namespace mmfree::gui
