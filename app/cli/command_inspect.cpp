// `mmfree inspect MODEL`: the explorer's numbers for scripts: statistics of tensors, one matrix, traces of a
// text with hold maps, half-lives and next tokens by layer, as JSON, CSV and NPY.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "app/cli/token_input.h"
#include "engine/analysis/inspection.h"
#include "engine/analysis/logit_lens.h"
#include "engine/analysis/npy_file.h"
#include "engine/analysis/tensor_statistics.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <algorithm>
#include <charconv>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace mmfree::cli
{

namespace
{

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct InspectOptions {
    std::string model, reference, tensor, npy, ids, prompt, layers, quantities, out, csv;
    int bins = 64, lens = 0;
    bool hold = false, json = false;
    ExecutionFlags execution;
};

// "0-2,5": sorted, without repeats. Throws InvalidArgument naming the entry.
std::vector<std::int64_t> parseLayers(const std::string& text, std::int64_t layerCount)
{
    std::vector<std::int64_t> layers;
    if (text.empty()) {
        for (std::int64_t layer = 0; layer < layerCount; ++layer)
            layers.push_back(layer);
        return layers;
    }
    std::stringstream entries(text);
    for (std::string entry; std::getline(entries, entry, ',');) {
        std::int64_t first = -1, last = -1;
        const char* end = entry.data() + entry.size();
        auto [rest, error] = std::from_chars(entry.data(), end, first);
        last = first;
        bool good = error == std::errc{};
        if (good && rest != end && *rest == '-') {
            const auto second = std::from_chars(rest + 1, end, last);
            good = second.ec == std::errc{};
            rest = second.ptr;
        }
        if (!good || rest != end || first < 0 || last < first || last >= layerCount)
            throw Error(ErrorCode::InvalidArgument, "--layers: \"" + entry + "\", needed: layers from 0 to " +
                                                        std::to_string(layerCount - 1) +
                                                        ", for example 0-2,5");
        for (std::int64_t layer = first; layer <= last; ++layer)
            layers.push_back(layer);
    }
    std::sort(layers.begin(), layers.end());
    layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
    return layers;
}

std::vector<Quantity> parseQuantities(const std::string& text, Architecture architecture)
{
    std::vector<Quantity> quantities;
    std::string known;
    for (int i = 0; i < kQuantityCount; ++i) {
        const auto quantity = static_cast<Quantity>(i);
        if (quantityExists(quantity, architecture) && quantity != Quantity::FinalNorm)
            known.append(known.empty() ? "" : ", ").append(quantityName(quantity));
    }
    std::stringstream entries(text);
    for (std::string entry; std::getline(entries, entry, ',');) {
        const auto quantity = quantityFromName(entry);
        if (!quantity || !quantityExists(*quantity, architecture) || *quantity == Quantity::FinalNorm)
            throw Error(ErrorCode::InvalidArgument,
                        "--quantities: \"" + entry + "\", needed: some of " + known);
        quantities.push_back(*quantity);
    }
    return quantities;
}

// ---- statistics ----

void writeCsv(const std::vector<TensorStatistics>& all, const fs::path& file)
{
    std::ostringstream csv;
    csv << "name,role,layer,shape,parameters,bytes,bits_per_weight,minus,zero,plus,entropy_bits,scale,dead_"
           "rows,"
           "dead_cols,mean,deviation,least,greatest,changed\n"
        << std::setprecision(9);
    for (const TensorStatistics& tensor : all) {
        std::string shape;
        for (const std::int64_t size : tensor.shape)
            shape.append(shape.empty() ? "" : "x").append(std::to_string(size));
        csv << tensor.name << ',' << tensorRoleName(tensor.role) << ',' << tensor.layer << ',' << shape << ','
            << tensor.parameters << ',' << tensor.bytes << ',' << tensor.bitsPerWeight() << ','
            << tensor.counts.minus << ',' << tensor.counts.zero << ',' << tensor.counts.plus << ','
            << tensor.counts.entropyBits() << ',' << tensor.scale << ',' << tensor.deadRows << ','
            << tensor.deadCols << ',' << tensor.mean << ',' << tensor.deviation << ',' << tensor.least << ','
            << tensor.greatest << ',';
        if (tensor.changed >= 0)
            csv << tensor.changed;
        csv << '\n';
    }
    writeFileAtomically(file, csv.str());
}

std::string percent(std::int64_t part, std::int64_t whole)
{
    std::ostringstream text;
    text << std::fixed << std::setprecision(1)
         << (whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0) << " %";
    return text.str();
}

void printTable(const std::vector<TensorStatistics>& all, bool compared)
{
    std::size_t width = 6;
    for (const TensorStatistics& tensor : all)
        width = std::max(width, tensor.name.size());
    std::cout << std::left << std::setw(static_cast<int>(width)) << "tensor" << std::right << std::setw(16)
              << "shape" << std::setw(9) << "bits/w" << std::setw(9) << "-1" << std::setw(9) << "0"
              << std::setw(9) << "+1" << std::setw(11) << "scale" << std::setw(7) << "dead"
              << (compared ? "    changed" : "") << '\n';
    for (const TensorStatistics& tensor : all) {
        std::cout << std::left << std::setw(static_cast<int>(width)) << tensor.name << std::right
                  << std::setw(16) << shapeText(tensor.shape) << std::setw(9)
                  << numberText(tensor.bitsPerWeight(), 3);
        if (tensor.role == TensorRole::TernaryWeight)
            std::cout << std::setw(9) << percent(tensor.counts.minus, tensor.parameters) << std::setw(9)
                      << percent(tensor.counts.zero, tensor.parameters) << std::setw(9)
                      << percent(tensor.counts.plus, tensor.parameters) << std::setw(11)
                      << numberText(tensor.scale, 4) << std::setw(7) << tensor.deadRows;
        else
            std::cout << std::setw(45) << ' ';
        if (compared)
            std::cout << std::setw(11) << percent(tensor.changed, tensor.parameters);
        std::cout << '\n';
    }
}

int inspectTensors(const InspectOptions& options, const OpenedModel& model)
{
    std::shared_ptr<const ModelSource> reference;
    if (!options.reference.empty())
        reference = openModel(options.reference);
    const InterruptScope interrupt;
    ProgressLine progress("measuring");
    std::stop_source stop;
    const std::size_t count = tensorSchema(model.source->config()).size();
    const std::vector<TensorStatistics> all = measureModel(
        *model.source, reference.get(), stop.get_token(),
        [&](const TensorStatistics& tensor, std::size_t index) {
            progress.update(static_cast<double>(index + 1) / static_cast<double>(count), tensor.name);
            if (interrupt.interrupted())
                stop.request_stop();
        });
    progress.clear();
    if (stop.stop_requested())
        return kExitInterrupted;
    if (!options.csv.empty())
        writeCsv(all, options.csv);
    if (options.json) {
        ordered_json list = ordered_json::array();
        for (const TensorStatistics& tensor : all)
            list.push_back(statisticsToJson(tensor));
        printJson({{"model", model.source->name()},
                   {"reference", reference ? ordered_json(reference->name()) : ordered_json()},
                   {"tensors", std::move(list)}});
    } else if (options.csv.empty()) {
        printTable(all, reference != nullptr);
    }
    return kExitSuccess;
}

// ---- one tensor ----

void writeTensor(const ModelSource& source, const TensorSpec& spec, const fs::path& file)
{
    if (spec.role == TensorRole::TernaryWeight) {
        const TernaryTensor tensor = source.ternary(spec.name);
        NpyWriter writer(file, DType::I8, spec.shape);
        std::vector<std::int8_t> row(static_cast<std::size_t>(tensor.cols));
        for (std::int64_t r = 0; r < tensor.rows; ++r) {
            tensor.unpackRow(r, row);
            writer.write(row);
        }
        writer.finish();
        return;
    }
    std::vector<float> values(static_cast<std::size_t>(elementCount(spec.shape)));
    source.floats(spec.name, values);
    NpyWriter writer(file, DType::F32, spec.shape);
    writer.write(values);
    writer.finish();
}

int inspectOne(const InspectOptions& options, const OpenedModel& model)
{
    const ModelSource& source = *model.source;
    const std::vector<TensorSpec> schema = tensorSchema(source.config());
    const auto spec = std::find_if(schema.begin(), schema.end(), [&](const TensorSpec& candidate) {
        return candidate.name == options.tensor;
    });
    if (spec == schema.end())
        throw Error(ErrorCode::InvalidArgument, "--tensor is \"" + options.tensor +
                                                    "\", needed: a tensor of the model, for example " +
                                                    schema.front().name);
    std::shared_ptr<const ModelSource> reference;
    if (!options.reference.empty()) {
        reference = openModel(options.reference);
        requireSameShape(source, *reference);
    }
    ordered_json json = statisticsToJson(measureTensor(source, *spec, reference.get()));
    if (spec->role == TensorRole::TernaryWeight) {
        const TernaryTensor tensor = source.ternary(spec->name);
        const TernaryProfile profile = profileOf(tensor);
        json["rowBalance"] = profile.rowBalance;
        json["rowZeros"] = profile.rowZeros;
        json["colBalance"] = profile.colBalance;
        json["colZeros"] = profile.colZeros;
        if (reference)
            json["transitions"] = countTransitions(reference->ternary(spec->name), tensor);
    }
    if (spec->role != TensorRole::TernaryWeight || source.hasLatentWeights()) {
        const Histogram histogram = latentHistogram(source.view(spec->name), options.bins, spec->name);
        json["histogram"] = {{"low", histogram.low}, {"high", histogram.high}, {"counts", histogram.counts}};
        if (spec->role == TensorRole::TernaryWeight)
            json["histogram"]["edge"] = roundingEdge(json["scale"].get<double>());
    }
    if (!options.npy.empty())
        writeTensor(source, *spec, options.npy);
    printJson(json);
    return kExitSuccess;
}

// ---- traces of a text ----

void writeMatrix(const fs::path& file, std::span<const float> values, std::int64_t rows, std::int64_t cols)
{
    NpyWriter writer(file, DType::F32, {rows, cols});
    writer.write(values);
    writer.finish();
}

std::string layerFile(std::int64_t layer, const std::string& what)
{
    std::ostringstream name;
    name << "layer" << std::setw(3) << std::setfill('0') << layer << '.' << what << ".npy";
    return name.str();
}

ordered_json lensOf(const InspectOptions& options, const OpenedModel& model, const Capture& captured,
                    std::int64_t layer)
{
    const LogitLens lens(model.source);
    const std::vector<float>& rows = captured.trace.entries.at({layer, Quantity::BlockOutput}).values;
    const auto width = static_cast<std::size_t>(model.source->config().hiddenSize);
    const auto vocabulary = static_cast<std::size_t>(model.source->config().vocabularySize);
    ordered_json tokens = ordered_json::array();
    for (std::size_t first = 0; first < rows.size(); first += 32 * width) { // logits of 32 tokens at once
        const std::vector<float> logits =
            lens.logits(std::span(rows).subspan(first, std::min(32 * width, rows.size() - first)));
        for (std::size_t row = 0; row * vocabulary < logits.size(); ++row) {
            ordered_json list = ordered_json::array();
            for (const RankedToken& token : topTokens(std::span(logits).subspan(row * vocabulary, vocabulary),
                                                      static_cast<std::size_t>(options.lens))) {
                ordered_json entry{{"id", token.id}, {"probability", token.probability}};
                if (model.tokenizer)
                    entry["piece"] = model.tokenizer->piece(token.id);
                list.push_back(std::move(entry));
            }
            tokens.push_back(std::move(list));
        }
    }
    return tokens;
}

ordered_json halfLivesOf(const GateTrace& gates)
{
    ordered_json list = ordered_json::array();
    for (const float gate : meanForgetGate(gates)) {
        const double tokens = halfLife(gate);
        list.push_back(std::isfinite(tokens) ? ordered_json(tokens) : ordered_json()); // null: never
    }
    return list;
}

int inspectText(const InspectOptions& options, const OpenedModel& model)
{
    const ModelConfig& config = model.source->config();
    std::vector<TokenId> tokens =
        !options.ids.empty()
            ? parseIds(options.ids)
            : encodeAfterBos(requireTokenizer(model, "for --prompt"), options.prompt, "--prompt", true);
    if (tokens.empty())
        throw Error(ErrorCode::InvalidArgument, "--prompt gives no tokens, needed: at least 1");
    checkIds(tokens, config.vocabularySize, options.ids.empty() ? "--prompt" : "--ids");
    if (options.hold && !config.isTernary())
        throw Error(ErrorCode::InvalidArgument, "--hold needs a MatMul-free model; a Transformer has "
                                                "--quantities attention_weights");
    const std::vector<std::int64_t> layers = parseLayers(options.layers, config.layerCount);
    const std::vector<Quantity> quantities = parseQuantities(options.quantities, config.architecture);
    ProbeRequest request;
    const auto want = [&](std::int64_t layer, Quantity quantity) {
        if (!request.wants(layer, quantity))
            request.points.emplace_back(layer, quantity);
    };
    for (const std::int64_t layer : layers) {
        for (const Quantity quantity : quantities)
            want(layer, quantity);
        if (options.hold) {
            want(layer, Quantity::ForgetGate);
            want(layer, Quantity::Candidate);
        }
        if (options.lens > 0)
            want(layer, Quantity::BlockOutput);
    }
    const auto executor = createExecutor(model.source, options.execution);
    const InterruptScope interrupt;
    std::stop_source stop;
    std::optional<Capture> captured;
    {
        ProgressLine progress("reading");
        captured = capture(*executor, tokens, request, stop.get_token(), [&](double share) {
            progress.update(share);
            if (interrupt.interrupted())
                stop.request_stop();
        });
    }
    if (!captured)
        return kExitInterrupted;
    const bool files = !options.out.empty();
    if (files)
        fs::create_directories(options.out);
    const auto count = static_cast<std::int64_t>(tokens.size());
    ordered_json written = ordered_json::array(), perLayer = ordered_json::array();
    for (const std::int64_t layer : layers) {
        ordered_json entry{{"layer", layer}};
        for (const Quantity quantity : quantities) {
            const TracedQuantity& traced = captured->trace.entries.at({layer, quantity});
            if (!files)
                continue;
            const std::string name = layerFile(layer, quantityName(quantity));
            writeMatrix(fs::path(options.out) / name, traced.values, traced.tokens, traced.width);
            written.push_back(name);
        }
        if (options.hold) {
            const GateTrace gates = gatesOf(*captured, layer);
            entry["halfLives"] = halfLivesOf(gates);
            entry["holdOfLastToken"] = holdShares(gates, count - 1);
            if (files) {
                writeMatrix(fs::path(options.out) / layerFile(layer, "hold_map"), holdMap(gates, {}, {}),
                            count, count);
                written.push_back(layerFile(layer, "hold_map"));
            }
        }
        if (options.lens > 0)
            entry["nextTokens"] = lensOf(options, model, *captured, layer);
        perLayer.push_back(std::move(entry));
    }
    ordered_json json{{"model", model.source->name()},
                      {"backend", executor->info().backend},
                      {"tokens", tokens},
                      {"lossNatsPerToken", count > 1 ? ordered_json(captured->lossNats) : ordered_json()},
                      {"captureBytes", captureBytes(request, config, count)},
                      {"layers", std::move(perLayer)},
                      {"files", std::move(written)}};
    if (files)
        writeFileAtomically(fs::path(options.out) / "summary.json", json.dump(2) + "\n");
    if (options.json || !files)
        printJson(json);
    else
        std::cout << options.out << ": " << json["files"].size() << " matrices of " << count
                  << " tokens, loss " << numberText(captured->lossNats, 6) << " nats per token\n";
    return kExitSuccess;
}

int runInspect(const InspectOptions& options)
{
    const bool text = !options.ids.empty() || !options.prompt.empty();
    if (!text && (!options.quantities.empty() || options.hold || options.lens > 0 || !options.out.empty()))
        throw Error(ErrorCode::InvalidArgument,
                    "--quantities, --hold, --lens and --out need a text, needed: --prompt or --ids");
    if (options.tensor.empty() && !options.npy.empty())
        throw Error(ErrorCode::InvalidArgument, "--npy needs a matrix, needed: --tensor NAME");
    const OpenedModel model = openForUse(options.model);
    if (text)
        return inspectText(options, model);
    return options.tensor.empty() ? inspectTensors(options, model) : inspectOne(options, model);
}

} // namespace

void addInspectCommand(CommandLine& line)
{
    CLI::App* added = addCommand<InspectOptions>(
        line, "inspect", "Statistics of weights, traces of a text, hold maps and next tokens by layer",
        [](CLI::App& command, InspectOptions& options) {
            addModelArgument(command, options.model);
            command
                .add_option("--reference", options.reference, "Model of the same shape to count changes from")
                ->type_name("MODEL");
            command.add_option("--csv", options.csv, "Write the statistics of all tensors there")
                ->type_name("FILE");
            CLI::Option* tensor = command
                                      .add_option("--tensor", options.tensor,
                                                  "One tensor: balance of rows and columns, histogram")
                                      ->check(notEmpty())
                                      ->type_name("NAME");
            command.add_option("--npy", options.npy, "Write that tensor: int8 -1/0/+1, others f32")
                ->type_name("FILE");
            command.add_option("--bins", options.bins, "Bins of the histogram")
                ->check(CLI::Range(1, 100'000))
                ->capture_default_str();
            CLI::Option* ids =
                command.add_option("--ids", options.ids, "Text as token ids separated by commas")
                    ->check(notEmpty())
                    ->type_name("IDS");
            CLI::Option* prompt =
                command.add_option("--prompt", options.prompt, "Text, read after the BOS token")
                    ->check(notEmpty());
            ids->excludes(prompt)->excludes(tensor);
            prompt->excludes(tensor);
            command.add_option("--layers", options.layers, "Layers to look at, for example 0-2,5 (all)")
                ->type_name("LIST");
            command.add_option("--quantities", options.quantities, "What to write, separated by commas")
                ->type_name("LIST");
            command.add_flag("--hold", options.hold,
                             "Shares of earlier tokens in the state at each token, and half-lives");
            command.add_option("--lens", options.lens, "The N most probable next tokens behind every layer")
                ->check(CLI::Range(0, 1000));
            command
                .add_option("--out", options.out, "Folder for .npy matrices [tokens, width] and summary.json")
                ->type_name("DIR");
            addExecutionFlags(command, options.execution);
            command.add_flag("--json", options.json, "Print JSON");
        },
        runInspect);
    added->footer(
        "Quantities: block_input, quantized_input, forget_gate, candidate, hidden_state, output_gate,\n"
        "mixer_output, mixer_residual, glu_activation, block_output; attention_weights for a Transformer.\n"
        "Hold maps are [token, earlier token]; a row sums to 1. Half-lives are in tokens; null never "
        "forgets.");
}

} // namespace mmfree::cli
