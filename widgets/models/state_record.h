// Model states as they are kept: in memory by the inference worker, on disk by the conversation store. With
// them a conversation is continued, edited and branched without reading it again.
#pragma once

#include "engine/session/session.h"

#include <QMetaType>
#include <QString>

#include <vector>

namespace mmfree::gui
{

struct StateRecord {
    QString fingerprint;   // of the model it belongs to
    std::uint64_t key = 0; // names the conversation's text up to here, see workers/prompt_plan.h
    SessionSnapshot snapshot;
};

// A state inside an answer; its tokens are the first `position` of the answer's sequence.
struct Checkpoint {
    std::int64_t position = 0; // tokens of the whole sequence that it has read
    std::vector<float> values;
};

// Where in a message a stored state belongs.
enum class StatePoint { Prompt = 0, Answer = 1 }; // before the first, after the last token of an answer

} // namespace mmfree::gui
