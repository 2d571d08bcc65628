// What a Trainer does about the commands that come through its run directory, between steps.
#include "engine/train/run_directory.h"
#include "engine/train/run_journal.h"
#include "engine/train/trainer.h"

#include <chrono>
#include <thread>

namespace mmfree
{

namespace
{

constexpr std::chrono::milliseconds kPausedLook{15}; // between looks for commands while nothing else is done

std::string joined(const std::vector<std::string>& texts)
{
    std::string all;
    for (const std::string& text : texts)
        all += (all.empty() ? "" : " | ") + text;
    return all;
}

std::string number(double value)
{
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    return text.back() == '.' ? text + "0" : text;
}

} // namespace

bool Trainer::obeyCommands(std::stop_token stop, const TrainerCallbacks& callbacks)
{
    for (;;) {
        std::vector<std::string> problems;
        for (const RunCommand& command : m_journal->takeCommands(problems))
            obey(command, callbacks);
        for (const std::string& problem : problems) {
            if (callbacks.onMessage)
                callbacks.onMessage(problem);
        }
        if (m_stopAsked || stop.stop_requested())
            return false;
        if (!m_paused)
            return true;
        if (m_grantedSteps > 0) {
            --m_grantedSteps;
            return true;
        }
        std::this_thread::sleep_for(kPausedLook);
    }
}

void Trainer::setPaused(bool paused, const std::string& why)
{
    if (paused == m_paused)
        return;
    m_paused = paused;
    m_grantedSteps = 0;
    m_journal->addEvent(m_step, paused ? "paused" : "continued", why);
    m_journal->setStatus(paused ? RunStatus::Paused : RunStatus::Running, m_step, why);
}

void Trainer::obey(const RunCommand& command, const TrainerCallbacks& callbacks)
{
    TrainingOptions& options = m_setup.options;
    switch (command.kind) {
    case RunCommandKind::Pause:
        setPaused(true, {});
        break;
    case RunCommandKind::Resume:
        setPaused(false, {});
        break;
    case RunCommandKind::Step:
        setPaused(true, {});
        ++m_grantedSteps;
        break;
    case RunCommandKind::Stop:
        m_stopAsked = true;
        m_endReason.clear();
        break;
    case RunCommandKind::Checkpoint:
        writeCheckpoint(callbacks);
        break;
    case RunCommandKind::Sample:
        writeSamples(callbacks);
        break;
    case RunCommandKind::LearningRateScale:
        // Kept in run.json, so that a run resumed from before this step makes the same change again.
        std::erase_if(options.learningRateEdits,
                      [this](const LearningRateEdit& edit) { return edit.step >= m_step; });
        options.learningRateEdits.push_back({m_step, command.scale});
        writeRunFile();
        m_journal->addEvent(m_step, "learning rate", "x " + number(command.scale));
        break;
    case RunCommandKind::SamplePrompts:
        options.samplePrompts = command.prompts;
        writeRunFile();
        m_journal->addEvent(m_step, "sample prompts", joined(command.prompts));
        break;
    case RunCommandKind::Cadence: {
        options.evaluateEvery = command.evaluateEvery.value_or(options.evaluateEvery);
        options.checkpointEvery = command.checkpointEvery.value_or(options.checkpointEvery);
        options.sampleEvery = command.sampleEvery.value_or(options.sampleEvery);
        writeRunFile();
        m_journal->addEvent(m_step, "cadence",
                            "validation " + std::to_string(options.evaluateEvery) + ", checkpoint " +
                                std::to_string(options.checkpointEvery) + ", samples " +
                                std::to_string(options.sampleEvery));
        break;
    }
    }
}

} // namespace mmfree
