// Runs a comparison: a worker process for each contender, warm-up, interleaved rounds, parity, ceilings.
// Called by `mmfree compare` and by the page's worker thread; knows neither of them and no concrete backend.
#pragma once

#include "engine/analysis/compare_types.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

// How worker processes are started, and what this program can offer them.
struct CompareHost {
    std::filesystem::path program; // calls runCompareWorker() when started with `arguments`
    std::vector<std::string> arguments;
    std::vector<std::shared_ptr<const Backend>> backends;
};

struct CompareEvent {
    enum class Kind {
        Planned,   // results hold plans and reasons
        Loading,   // contender
        Loaded,    // contender; its result holds the model's description
        RunBegins, // contender, round (-1: warm-up number `warmUp`)
        Progress,  // at most ten times a second: position, token times since the last one, measured memory
        RunDone,   // contender; its result holds memory after the first run
        Failed,    // contender, text
        Checking,  // parity and ceilings
    };
    Kind kind = Kind::Planned;
    int contender = -1, round = -1, warmUp = 0;
    std::int64_t position = 0;        // tokens in the sequence now
    std::int64_t firstPosition = 0;   // position of tokenSeconds[0]
    std::vector<double> tokenSeconds; // of tokens written since the last event
    std::int64_t measuredBytes = 0;
    double share = 0.0;        // of the whole comparison, 0..1
    double secondsLeft = -1.0; // -1: not known yet
    std::string text;
    const CompareRun* run = nullptr; // as far as it is; valid during the call
};
using CompareObserver = std::function<void(const CompareEvent&)>;

// Throws InvalidArgument for a setup that says nothing runnable, Io when worker processes cannot be started.
// A stop request ends running work at once; what complete rounds gave is returned with `stopped` set. Faults
// of one contender end that contender only.
[[nodiscard]] CompareRun runComparison(const CompareSetup& setup, const CompareHost& host,
                                       const std::stop_token& stop = {}, const CompareObserver& observer = {},
                                       bool watch = true);

// `mmfree compare ...` with every word that makes the same comparison.
[[nodiscard]] std::string compareCommandLine(const CompareSetup& setup);

} // namespace mmfree
