#include "tests/unit/analysis/compare_example.h"

namespace mmfree::test
{

CompareRun exampleRun()
{
    CompareRun run;
    run.setup.workload = {"custom", {{4, 2}}, {}, 1};
    run.setup.repeats = 2;
    Contender ternary, dense, absent;
    ternary.shape = dense.shape = "2,64,128,256";
    ternary.name = "first, \"quoted\"";
    dense.dense = true;
    dense.matched = "parameters as 2,64,128,256";
    absent.model = "/models/none";
    absent.backend = "cuda";
    run.setup.contenders = {ternary, dense, absent};
    run.startedAt = "2026-01-02T03:04:05Z";
    run.commandLine = "mmfree compare";
    run.rounds = 2;
    run.environment.cpuModel = "a processor";
    run.environment.cores = 4;
    run.energy.processorReason = "no counter";
    run.energy.gpuReason = "no driver";

    ContenderResult a{.contender = ternary, .ran = true, .ternary = true};
    a.weightsPerToken = 1000;
    a.weightBytesPerToken = 250;
    a.memory = {.weights = 100, .state = 20, .activations = 30, .other = 40, .rest = 10, .measured = 200};
    a.memoryCurve = {{0, 20, 150}, {6, 20, 200}};
    a.output = {7, 8};
    ContenderResult b = a;
    b.contender = dense;
    b.ternary = false;
    b.emulated = true;
    b.memory = {.weights = 400, .state = 50, .activations = 30, .other = 40, .rest = -20, .measured = 500};
    b.parity.reason = "it runs another model than the baseline";
    ContenderResult c{.contender = absent, .ran = false, .reason = "no cuda device was found"};
    run.contenders = {a, b, c};

    const std::vector<PassTiming> rounds{{0.4, {0.010, 0.020}}, {0.2, {0.030, 0.040}}};
    for (int round = 0; round < 2; ++round) {
        const PassTiming& pass = rounds[static_cast<std::size_t>(round)];
        Repeat repeat{
            .contender = 0, .round = round, .passes = {pass}, .wallSeconds = 1.0, .watchSeconds = 0.002};
        run.repeats.push_back(repeat);
        repeat.contender = 1;
        repeat.passes.front().prefillSeconds *= 2.0;
        for (double& seconds : repeat.passes.front().tokenSeconds)
            seconds *= 2.0;
        run.repeats.push_back(repeat);
    }
    return run;
}

} // namespace mmfree::test
