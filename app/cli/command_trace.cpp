// `mmfree trace MODEL`: logits, every layer's input, the final state and the loss of given tokens as a
// safetensors file, for comparison with other implementations.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "app/cli/token_input.h"
#include "engine/core/error.h"
#include "engine/model/safetensors.h"
#include "engine/session/session.h"

#include <algorithm>
#include <iostream>
#include <optional>

namespace mmfree::cli
{

namespace
{

struct TraceOptions {
    std::string model, tokensFile, ids, prompt, out;
    ExecutionFlags execution;
    bool json = false;
};

// What is written: all arrays f32, rows of the batch one after the other.
struct Trace {
    TokenRows tokens;
    std::vector<float> logits;                    // [batch, length, V]
    std::vector<std::vector<float>> hiddenStates; // L + 1 of [batch, length, d]
    std::vector<float> finalState;                // [layer, batch, d]; empty for a Transformer
    std::optional<float> loss;                    // nats; mean over batch * (length - 1) next tokens
};

TokenRows chosenTokens(const TraceOptions& options, const OpenedModel& model)
{
    if (!options.tokensFile.empty())
        return readTokenFile(options.tokensFile);
    TokenRows rows{1, 0, {}};
    if (!options.ids.empty()) {
        rows.ids = parseIds(options.ids);
    } else {
        const Tokenizer& tokenizer = requireTokenizer(model, "for --prompt");
        rows.ids = encodeAfterBos(tokenizer, options.prompt, "--prompt", true);
    }
    if (rows.ids.empty())
        throw Error(ErrorCode::InvalidArgument, "--prompt gives no tokens, needed: at least 1");
    rows.length = static_cast<std::int64_t>(rows.ids.size());
    return rows;
}

void traceRow(InferenceExecutor& executor, const ProbeRequest& probe, std::int64_t row, Trace& trace,
              double& lossSum)
{
    const ModelConfig& config = executor.config();
    const auto length = static_cast<std::size_t>(trace.tokens.length);
    const auto vocabulary = static_cast<std::size_t>(config.vocabularySize);
    const std::span<const TokenId> tokens(trace.tokens.ids.data() + static_cast<std::size_t>(row) * length,
                                          length);
    const auto state = executor.createState();
    const ForwardResult result =
        executor.forward({.tokens = tokens, .logits = LogitsMode::All, .probe = &probe}, *state);
    trace.logits.insert(trace.logits.end(), result.logits.begin(), result.logits.end());
    for (std::size_t t = 0; t + 1 < length; ++t)
        lossSum += tokenLossNats(result.logits.subspan(t * vocabulary, vocabulary), tokens[t + 1]);
    for (std::size_t point = 0; point < probe.points.size(); ++point) {
        const std::vector<float>& values = result.trace->entries.at(probe.points[point]).values;
        trace.hiddenStates[point].insert(trace.hiddenStates[point].end(), values.begin(), values.end());
    }
    if (!config.isTernary())
        return;
    // The executor's state is [layers, d]; the file's is [layer, batch, d].
    const StateSnapshot snapshot = executor.snapshot(*state);
    const auto width = static_cast<std::size_t>(config.hiddenSize);
    const auto layers = static_cast<std::size_t>(config.layerCount);
    const auto batch = static_cast<std::size_t>(trace.tokens.batch);
    trace.finalState.resize(layers * batch * width);
    for (std::size_t layer = 0; layer < layers; ++layer) {
        std::copy_n(snapshot.values.data() + layer * width, width,
                    trace.finalState.data() + (layer * batch + static_cast<std::size_t>(row)) * width);
    }
}

void writeTrace(const Trace& trace, const ModelConfig& config, const std::filesystem::path& out)
{
    const std::int64_t batch = trace.tokens.batch, length = trace.tokens.length;
    SafetensorsWriter writer(out);
    for (std::size_t n = 0; n < trace.hiddenStates.size(); ++n)
        writer.declare("hidden_states." + std::to_string(n), DType::F32, {batch, length, config.hiddenSize});
    writer.declare("logits", DType::F32, {batch, length, config.vocabularySize});
    if (!trace.finalState.empty())
        writer.declare("final_state", DType::F32, {config.layerCount, batch, config.hiddenSize});
    if (trace.loss)
        writer.declare("loss", DType::F32, {1});
    writer.declare("input_ids", DType::I32, {batch, length});
    for (const std::vector<float>& states : trace.hiddenStates)
        writer.writeFloats(states);
    writer.writeFloats(trace.logits);
    if (!trace.finalState.empty())
        writer.writeFloats(trace.finalState);
    if (trace.loss)
        writer.writeFloats({&*trace.loss, 1});
    writer.write(std::as_bytes(std::span(trace.tokens.ids)));
    writer.finish();
}

int runTrace(const TraceOptions& options)
{
    const OpenedModel model = openForUse(options.model);
    const ModelConfig& config = model.source->config();
    Trace trace{.tokens = chosenTokens(options, model),
                .logits = {},
                .hiddenStates = {},
                .finalState = {},
                .loss = {}};
    const std::string origin = !options.tokensFile.empty() ? options.tokensFile + ": input_ids"
                               : !options.ids.empty()      ? "--ids"
                                                           : "--prompt";
    checkIds(trace.tokens.ids, config.vocabularySize, origin);
    const auto executor = createExecutor(model.source, options.execution);
    ProbeRequest probe = ProbeRequest::everyLayer(config.layerCount, {Quantity::BlockInput});
    probe.points.emplace_back(config.layerCount, Quantity::FinalNorm);
    trace.hiddenStates.resize(probe.points.size());

    double lossSum = 0.0;
    {
        const InterruptScope interrupt;
        ProgressLine progress("tracing");
        for (std::int64_t row = 0; row < trace.tokens.batch; ++row) {
            if (interrupt.interrupted())
                return kExitInterrupted;
            progress.update(static_cast<double>(row) / static_cast<double>(trace.tokens.batch));
            traceRow(*executor, probe, row, trace, lossSum);
        }
    }
    if (trace.tokens.length > 1)
        trace.loss =
            static_cast<float>(lossSum / static_cast<double>(trace.tokens.batch * (trace.tokens.length - 1)));
    writeTrace(trace, config, options.out);
    if (options.json) {
        printJson({{"out", options.out},
                   {"backend", executor->info().backend},
                   {"batch", trace.tokens.batch},
                   {"length", trace.tokens.length},
                   {"loss", trace.loss ? nlohmann::ordered_json(*trace.loss) : nlohmann::ordered_json()}});
    } else {
        std::cout << options.out << ": " << trace.tokens.batch << " x " << trace.tokens.length << " tokens";
        if (trace.loss)
            std::cout << ", loss " << numberText(*trace.loss, 6) << " nats per token";
        std::cout << '\n';
    }
    return kExitSuccess;
}

} // namespace

void addTraceCommand(CommandLine& line)
{
    CLI::App* added = addCommand<TraceOptions>(
        line, "trace", "Write logits, layer inputs, final state and loss of given tokens",
        [](CLI::App& command, TraceOptions& options) {
            addModelArgument(command, options.model);
            CLI::Option_group* input = command.add_option_group("Tokens (one of)");
            input
                ->add_option("--tokens", options.tokensFile,
                             "Safetensors file with input_ids [batch, length], I32 or I64")
                ->check(notEmpty())
                ->type_name("FILE");
            input->add_option("--ids", options.ids, "Token ids separated by commas; batch 1")
                ->check(notEmpty())
                ->type_name("IDS");
            input->add_option("--prompt", options.prompt, "Text, read after the BOS token; batch 1");
            input->require_option(1);
            command
                .add_option("--out", options.out,
                            "Safetensors file to write: logits, hidden_states.0 to .L, final_state, loss")
                ->type_name("FILE")
                ->required();
            addExecutionFlags(command, options.execution);
            command.add_flag("--json", options.json, "Print a summary as JSON");
        },
        runTrace);
    added->footer(
        "hidden_states.n is the input of layer n; the last one is the final norm's output. All are f32,\n"
        "[batch, length, ...]; final_state is [layer, batch, hidden size] (MatMul-free models only); loss is "
        "the\n"
        "mean cross entropy of the next token in nats.");
}

} // namespace mmfree::cli
