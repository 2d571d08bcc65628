#include "widgets/chat/answer_stats.h"

#include <QCoreApplication>

namespace mmfree::gui
{

MessageStatus statusFor(StopReason reason)
{
    switch (reason) {
    case StopReason::Cancelled:
        return MessageStatus::Stopped;
    case StopReason::MaxTokens:
        return MessageStatus::LengthLimit;
    case StopReason::ContextFull:
        return MessageStatus::ContextFull;
    case StopReason::EndOfSequence:
    case StopReason::StopString:
        break;
    }
    return MessageStatus::Complete;
}

AnswerStats answerStats(AnswerStats settings, const GenerationOutcome& outcome, const ModelInfo& model)
{
    const GenerationStats& measured = outcome.stats;
    AnswerStats stats = std::move(settings);
    stats.promptTokens = measured.promptTokens;
    stats.runTokens = stats.generatedTokens = measured.generatedTokens;
    stats.timeToFirstTokenSeconds = measured.timeToFirstTokenSeconds;
    stats.prefillTokensPerSecond = measured.promptTokens > 0 ? measured.prefillTokensPerSecond() : 0.0;
    stats.decodeTokensPerSecond = measured.decodeTokensPerSecond();
    stats.prefillSeconds = measured.prefillSeconds;
    stats.decodeSeconds = measured.decodeSeconds;
    stats.tokenSecondsMedian = measured.tokenSecondsQuantile(0.5);
    stats.tokenSecondsP95 = measured.tokenSecondsQuantile(0.95);
    for (const double seconds : measured.tokenSeconds)
        stats.tokenMilliseconds.push_back(static_cast<float>(seconds * 1000.0));
    stats.sequenceTokens = outcome.sequenceTokens;
    stats.stateBytes = static_cast<qint64>(outcome.memory.stateBytes);
    stats.weightBytes = static_cast<qint64>(outcome.memory.weightBytes);
    stats.activationBytes = static_cast<qint64>(outcome.memory.activationBytes);
    stats.model = model.name;
    stats.modelPath = model.path;
    stats.continuesText = model.continuesText();
    stats.backend = outcome.backend;
    stats.device = outcome.device;
    stats.build = QCoreApplication::applicationVersion();
    return stats;
}

} // namespace mmfree::gui
