// A model for window tests: a real tokenizer and chat template over an executor that answers from a script,
// one token when the test lets it. Its state is the tokens it has read, so snapshots and prefixes behave as
// in a real model.
#pragma once

#include "widgets/workers/inference_types.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>

namespace mmfree::test
{

// Shared between the test and the executor on its thread.
class FakeControl
{
public:
    void hold() { setPermits(0); }                       // every further decode step waits
    void release() { setPermits(-1); }                   // unlimited
    void allow(int steps);                               // lets this many more decode steps pass
    void failAfter(int steps);                           // the decode step after so many throws; -1: never
    void setAnswer(int turn, const std::string& answer); // answer to the n-th user turn, from 0
    void setDefaultAnswer(const std::string& answer);
    [[nodiscard]] std::string answer(int turn) const;

    void step(); // called by the executor before each decode step; may wait, may throw
    void noteRead(std::int64_t tokens);
    [[nodiscard]] std::int64_t tokensRead() const; // by the prefill calls so far
    [[nodiscard]] int decodeSteps() const;

private:
    void setPermits(int permits);

    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    std::map<int, std::string> m_answers;
    std::string m_default = "This is an answer.";
    int m_permits = -1;
    int m_failAfter = -1;
    int m_decodeSteps = 0;
    std::int64_t m_tokensRead = 0;
};

// What opening does: names that end in "plain" continue text, "broken" throws InvalidConfig, "silent" has no
// tokenizer, anything else is a chat model.
[[nodiscard]] gui::OpenFunction fakeOpen(std::shared_ptr<FakeControl> control);
[[nodiscard]] gui::ListBackendsFunction fakeBackends();

} // namespace mmfree::test
