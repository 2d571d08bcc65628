// Runs a tiny model of odd sizes on OpenCL device 0 and compares it with the reference: the program that
// tst_opencl_oclgrind runs under Oclgrind, small enough for a simulator. Prints "agrees" and exits with 0.
#include "engine/reference/reference_backend.h"
#include "fpga/host/opencl_backend.h"

#include <cmath>
#include <exception>
#include <iostream>

int main()
{
    using namespace mmfree;
    try {
        ModelConfig config;
        config.layerCount = 2;
        config.hiddenSize = 19;
        config.intermediateSize = 37;
        config.vocabularySize = 23;
        const auto source = makeRandomModel(config, 7, "tiny");
        const auto executor = opencl::OpenClBackend().createInference(source, {});
        const auto oracle = reference::ReferenceBackend().createInference(source, {});
        const auto state = executor->createState(), expectedState = oracle->createState();
        const std::vector<TokenId> prompt{3, 1, 4, 1, 5}, next{9};
        double difference = 0.0, norm = 0.0;
        for (const auto& tokens : {prompt, next}) {
            const auto found =
                executor->forward({.tokens = tokens, .logits = LogitsMode::All}, *state).logits;
            const auto expected =
                oracle->forward({.tokens = tokens, .logits = LogitsMode::All}, *expectedState).logits;
            for (std::size_t i = 0; i < expected.size(); ++i) {
                difference += std::pow(found[i] - expected[i], 2);
                norm += std::pow(expected[i], 2);
            }
        }
        std::cout << executor->info().description << ", NMSE " << difference / norm << '\n';
        if (!(difference / norm < 1e-2)) // a few rounding flips weigh much in so narrow a model
            return 1;
        std::cout << "agrees\n";
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
