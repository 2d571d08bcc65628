// `mmfree evaluate-dictionary MODEL`: every number of the bundled model's report
// (resources/docs/bundled-model.md).
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/token_input.h"
#include "app/cli/worker_executors.h"
#include "engine/analysis/dictionary_evaluation.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"
#include "engine/core/thread_pool.h"
#include "engine/model/model_config.h"

#include <filesystem>
#include <iomanip>
#include <iostream>

namespace mmfree::cli
{

namespace
{

using Json = nlohmann::ordered_json;

struct DictionaryFlags {
    std::string model, questions, facts, who = "model";
    std::vector<std::string> books;
    DictionaryOptions options;
    std::int64_t window = 0;
    double factBits = 0.0;
    ExecutionFlags execution;
    bool json = false;
};

struct BookResult {
    std::string file;
    ScoreResult score;
};

Json estimateJson(const Estimate& estimate)
{
    return {
        {"value", estimate.value}, {"low", estimate.low}, {"high", estimate.high}, {"words", estimate.count}};
}

std::vector<std::unique_ptr<AnswerSource>> chosenSources(const DictionaryFlags& flags,
                                                         const OpenedModel& model)
{
    std::vector<std::unique_ptr<AnswerSource>> sources;
    if (flags.who == "model" || flags.who == "untrained") {
        const auto source = flags.who == "model"
                                ? model.source
                                : makeRandomModel(model.source->config(), flags.options.seed, "untrained");
        for (const auto& executor : createWorkerExecutors(source, flags.execution))
            sources.push_back(makeModelAnswers(executor, model.tokenizer, chatTemplateOf(*model.source)));
        return sources;
    }
    if (flags.facts.empty())
        throw Error(ErrorCode::InvalidArgument,
                    "--who " + flags.who + " needs --facts, the table it answers from");
    const FactTable facts = FactTable::open(flags.facts);
    const int workers =
        flags.execution.options.threads > 0 ? flags.execution.options.threads : availableCores();
    for (int worker = 0; worker < workers; ++worker)
        sources.push_back(flags.who == "nearest" ? makeNearestWordAnswers(facts)
                                                 : makeFrequentGlossAnswers(facts));
    return sources;
}

std::vector<BookResult> scoreBooks(const DictionaryFlags& flags, const OpenedModel& model,
                                   const InterruptScope& interrupt)
{
    std::vector<BookResult> results;
    if (flags.books.empty())
        return results;
    const auto executor = createExecutor(model.source, flags.execution);
    for (const std::string& book : flags.books) {
        const std::string text = readTextFile(book);
        const std::vector<TokenId> tokens = encodeAfterBos(*model.tokenizer, text, book, false);
        ProgressLine progress("reading " + std::filesystem::path(book).filename().string());
        const ScoreResult score = scoreTokens(*executor, tokens, flags.window, text.size(), interrupt.token(),
                                              [&](double share) { progress.update(share); });
        if (interrupt.interrupted())
            break;
        results.push_back({book, score});
    }
    return results;
}

// Summary numbers that span sets; none when a set they need was not asked.
struct Summary {
    std::optional<double> phrasingGap, falseAnswers, falseRefusals, knownBitsPerWeight;
};

Summary summarize(const DictionaryReport& report, const DictionaryFlags& flags, const ModelConfig& config)
{
    Summary summary;
    const DictionarySetResult* unseen = report.find("gloss-unseen");
    const DictionarySetResult* trained = report.find("gloss-trained");
    const DictionarySetResult* real = report.find("unknown-real");
    const DictionarySetResult* invented = report.find("unknown-invented");
    if (unseen && trained)
        summary.phrasingGap = trained->exact.value - unseen->exact.value;
    if (real && invented) {
        const auto a = static_cast<double>(real->questions), b = static_cast<double>(invented->questions);
        summary.falseAnswers = 1.0 - (a * real->refusals.value + b * invented->refusals.value) / (a + b);
    }
    if (unseen)
        summary.falseRefusals = unseen->refusals.value;
    if (unseen && flags.factBits > 0.0)
        summary.knownBitsPerWeight =
            flags.factBits * unseen->exact.value / static_cast<double>(parameterCount(config));
    return summary;
}

void printTable(const DictionaryReport& report)
{
    const auto share = [](const Estimate& estimate) {
        std::ostringstream text;
        text << std::fixed << std::setprecision(1) << std::setw(6) << 100.0 * estimate.value << " ["
             << std::setw(5) << 100.0 * estimate.low << ", " << std::setw(5) << 100.0 * estimate.high << "]";
        return text.str();
    };
    std::cout
        << "set                questions   exact match, %           token F1, %              refusals, %\n";
    for (const DictionarySetResult& set : report.sets) {
        std::cout << std::left << std::setw(18) << set.name << std::right << std::setw(10) << set.questions
                  << "   " << share(set.exact) << "   " << share(set.f1) << "   " << share(set.refusals)
                  << '\n';
    }
}

void printResults(const DictionaryReport& report, const Summary& summary,
                  const std::vector<BookResult>& books)
{
    printTable(report);
    const auto line = [](const char* name, const std::optional<double>& value, double scale,
                         const char* unit) {
        if (value)
            std::cout << name << numberText(*value * scale) << unit << '\n';
    };
    line("Trained minus unseen phrasings, exact match   ", summary.phrasingGap, 100.0, " points");
    line("False answers on unknown words                ", summary.falseAnswers, 100.0, " %");
    line("False refusals on known words                 ", summary.falseRefusals, 100.0, " %");
    line("Known bits per parameter, at least            ", summary.knownBitsPerWeight, 1.0, "");
    for (const BookResult& book : books)
        std::cout << book.file << ": " << numberText(book.score.bitsPerByte) << " bits per byte\n";
    for (const std::string& example : report.wrongExamples)
        std::cout << "wrong  " << example << '\n';
}

Json reportJson(const DictionaryReport& report, const Summary& summary, const std::vector<BookResult>& books,
                const DictionaryFlags& flags)
{
    Json output = {{"model", flags.model}, {"who", flags.who}, {"subset", flags.options.subset}};
    output["sets"] = Json::array();
    for (const DictionarySetResult& set : report.sets)
        output["sets"].push_back({{"name", set.name},
                                  {"questions", set.questions},
                                  {"exact", estimateJson(set.exact)},
                                  {"f1", estimateJson(set.f1)},
                                  {"refusals", estimateJson(set.refusals)}});
    const auto put = [&](const char* name, const std::optional<double>& value) {
        if (value)
            output[name] = *value;
    };
    put("phrasingGap", summary.phrasingGap);
    put("falseAnswers", summary.falseAnswers);
    put("falseRefusals", summary.falseRefusals);
    put("knownBitsPerParameter", summary.knownBitsPerWeight);
    output["books"] = Json::array();
    for (const BookResult& book : books)
        output["books"].push_back({{"file", book.file}, {"bitsPerByte", book.score.bitsPerByte}});
    output["wrong"] = report.wrongExamples;
    return output;
}

int runEvaluateDictionary(const DictionaryFlags& flags)
{
    const DictionaryQuestions questions = readDictionaryQuestions(flags.questions);
    const OpenedModel model = openForUse(flags.model);
    (void)requireTokenizer(model, "to read questions");
    const InterruptScope interrupt;
    DictionaryReport report;
    {
        const auto sources = chosenSources(flags, model);
        ProgressLine progress("asking");
        report = evaluateDictionary(questions, sources, flags.options, interrupt.token(),
                                    [&](double share) { progress.update(share); });
    }
    const std::vector<BookResult> books = scoreBooks(flags, model, interrupt);
    if (interrupt.interrupted()) {
        std::cerr << "mmfree: interrupted before every question was asked; no result" << std::endl;
        return kExitInterrupted;
    }
    const Summary summary = summarize(report, flags, model.source->config());
    if (flags.json)
        printJson(reportJson(report, summary, books, flags));
    else
        printResults(report, summary, books);
    return kExitSuccess;
}

void declareFlags(CLI::App& command, DictionaryFlags& flags)
{
    const auto count = CLI::Range(std::int64_t{0}, std::int64_t{1} << 40).description("COUNT");
    addModelArgument(command, flags.model);
    command
        .add_option("--questions", flags.questions, "Frozen questions, e.g. resources/demo/questions.jsonl")
        ->type_name("FILE")
        ->required();
    command.add_option("--books", flags.books, "Held-out texts: bits per byte of each")->type_name("FILE");
    command.add_option("--window", flags.window, "Tokens of a book read with one state; 0: the whole book")
        ->check(count);
    command
        .add_option(
            "--who", flags.who,
            "Who answers: model, or a control: untrained (same shape, random weights), nearest (the gloss of "
            "the word spelled most alike), frequent (the commonest gloss)")
        ->check(CLI::IsMember({"model", "untrained", "nearest", "frequent"}).description(""))
        ->type_name("NAME");
    command.add_option("--facts", flags.facts, "Fact table for the controls, e.g. resources/demo/facts.tsv")
        ->type_name("FILE");
    command
        .add_option("--fact-bits", flags.factBits,
                    "Compressed size of all glosses in bits (summary.json), for known bits per parameter")
        ->check(CLI::Range(0.0, 1e15).description("BITS"));
    command.add_option("--set", flags.options.onlySets, "Ask only this set; may be given several times")
        ->type_name("NAME");
    command.add_option("--subset", flags.options.subset, "Entries of each set, chosen by --seed; 0: all")
        ->check(count);
    command.add_option("--seed", flags.options.seed, "Seed of --subset and of untrained weights");
    command.add_option("--wrong", flags.options.wrongExamples, "Show this many wrong answers")->check(count);
    addExecutionFlags(command, flags.execution);
    command.add_flag("--json", flags.json, "Print JSON");
}

} // namespace

void addEvaluateDictionaryCommand(CommandLine& line)
{
    CLI::App* added = addCommand<DictionaryFlags>(line, "evaluate-dictionary",
                                                  "Measure the bundled dictionary on its frozen questions",
                                                  declareFlags, runEvaluateDictionary);
    added->footer(
        "Answers are decoded greedily. Intervals are of 95 %; questions about one word count as one\n"
        "observation. Token F1 of a definition is of the gloss, without the headword.");
}

} // namespace mmfree::cli
