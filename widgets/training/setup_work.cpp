#include "widgets/training/setup_work.h"

#include "engine/core/atomic_file.h"
#include "engine/core/checksum.h"
#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <QCoreApplication>
#include <QDir>
#include <QDirIterator>
#include <QElapsedTimer>
#include <QFileInfo>
#include <QHash>

#include <algorithm>
#include <cmath>
#include <lzma.h>
#include <sstream>
#include <unistd.h>

namespace mmfree::gui
{

namespace fs = std::filesystem;

namespace
{

constexpr qint64 kLargestFile = qint64{4} << 30;
constexpr std::size_t kCompressedTail = std::size_t{8} << 20; // bytes of training text that xz may know
constexpr std::size_t kCompressedText = std::size_t{2} << 20; // bytes of validation text that are compressed
constexpr qint64 kProbeMilliseconds = 2000;
constexpr std::int64_t kHeadRows = 512; // tokens whose logits exist at once

QString tr(const char* text)
{
    return QCoreApplication::translate("mmfree::gui", text);
}

fs::path pathOf(const QString& name)
{
    return fs::path(name.toStdU16String());
}

QString encodingOf(const std::string& bytes)
{
    const auto starts = [&](const char* mark, std::size_t count) {
        return bytes.compare(0, count, mark, count) == 0;
    };
    if (bytes.size() >= 3 && starts("\xEF\xBB\xBF", 3))
        return QStringLiteral("UTF-8 (BOM)");
    if (bytes.size() >= 2 && (starts("\xFF\xFE", 2) || starts("\xFE\xFF", 2)))
        return QStringLiteral("UTF-16");
    if (bytes.find('\0') != std::string::npos)
        return tr("binary");
    if (findInvalidUtf8(bytes) != std::string_view::npos)
        return tr("not UTF-8");
    const bool ascii =
        std::all_of(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
    return ascii ? QStringLiteral("ASCII") : QStringLiteral("UTF-8");
}

std::string firstText(const nlohmann::json& object, std::initializer_list<const char*> keys)
{
    for (const char* key : keys) {
        const auto found = object.find(key);
        if (found != object.end() && found->is_string())
            return found->get<std::string>();
    }
    return {};
}

// One conversation of a .jsonl line as text; empty: the line has none.
std::string turnsOfLine(const nlohmann::json& line, const ChatTemplate& markup, qint64& turns)
{
    std::string text;
    const auto add = [&](ChatRole role, const std::string& said) {
        text += renderTurn(markup, {role, said}, text.empty());
        ++turns;
    };
    const auto messages = line.find("messages");
    if (messages != line.end() && messages->is_array()) {
        for (const nlohmann::json& message : *messages) {
            if (!message.is_object())
                continue;
            const std::string role = firstText(message, {"role", "from"});
            const std::string said = firstText(message, {"content", "value", "text"});
            add(role == "assistant" || role == "gpt" ? ChatRole::Assistant
                : role == "system"                   ? ChatRole::System
                                                     : ChatRole::User,
                said);
        }
        return text;
    }
    const std::string question = firstText(line, {"question", "user", "prompt", "instruction", "input"});
    const std::string answer = firstText(line, {"answer", "assistant", "response", "completion", "output"});
    if (question.empty() || answer.empty())
        return {};
    add(ChatRole::User, question);
    add(ChatRole::Assistant, answer);
    return text;
}

// Writes the turns of a .jsonl file as text into the cache and returns that file. Throws Error naming the
// line.
QString textOfTurns(const QString& path, const std::string& bytes, const QString& cache,
                    const ChatTemplate& markup, qint64& turns)
{
    std::istringstream stream(bytes);
    std::string text;
    qint64 number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string::npos)
            continue;
        const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
        const std::string said = object.is_object() ? turnsOfLine(object, markup, turns) : std::string();
        if (said.empty()) {
            throw Error(
                ErrorCode::InvalidText,
                path.toStdString() + ": line " + std::to_string(number) +
                    " has no turns, needed: a JSON object with \"question\" and \"answer\", or \"messages\"");
        }
        text += said;
        if (!said.ends_with('\n'))
            text += '\n';
    }
    const QString file = cache + QStringLiteral("/turns-") + QString::fromStdString(checksumText(text)) +
                         QStringLiteral(".txt");
    QDir().mkpath(cache);
    writeFileAtomically(pathOf(file), text);
    writeFileAtomically(pathOf(turnsTemplateFile(cache)), chatTemplateToJson(markup));
    return file;
}

} // namespace

QString turnsTemplateFile(const QString& cache)
{
    return cache + QStringLiteral("/turns-template.json");
}

QStringList textFilesIn(const QStringList& paths)
{
    static const QStringList kEndings{"txt",  "text", "md",  "rst", "jsonl", "tex",
                                      "html", "csv",  "tsv", "xml", "org"};
    QStringList files;
    for (const QString& path : paths) {
        if (!QFileInfo(path).isDir()) {
            files << path;
            continue;
        }
        QStringList inside;
        QDirIterator walk(path, QDir::Files | QDir::NoDotAndDotDot, QDirIterator::Subdirectories);
        while (walk.hasNext()) {
            walk.next();
            if (kEndings.contains(walk.fileInfo().suffix().toLower()))
                inside << walk.filePath();
        }
        inside.sort();
        files << inside;
    }
    return files;
}

DataReport inspectData(const QStringList& files, double validationShare, const QString& cache,
                       const ChatTemplate& markup, std::stop_token stop)
{
    DataReport report;
    auto corpus = std::make_shared<TextCorpus>();
    QHash<QString, QString> byChecksum;
    for (const QString& path : files) {
        if (stop.stop_requested())
            return report;
        DataFileReport file;
        file.path = file.used = path;
        try {
            std::string bytes = readTextFile(pathOf(path), static_cast<std::uint64_t>(kLargestFile));
            file.bytes = static_cast<qint64>(bytes.size());
            file.encoding = encodingOf(bytes);
            file.lines = std::count(bytes.begin(), bytes.end(), '\n');
            const QString sum = QString::fromStdString(checksumText(bytes));
            if (byChecksum.contains(sum)) {
                file.duplicateOf = byChecksum.value(sum);
                report.files.append(file);
                continue; // the same text once
            }
            if (path.endsWith(QLatin1String(".jsonl"), Qt::CaseInsensitive)) {
                file.used = textOfTurns(path, bytes, cache, markup, file.turns);
                report.hasTurns = true;
            }
            const TextCorpus own = readTextCorpus({pathOf(file.used)}, validationShare);
            corpus->training += own.training;
            corpus->validation += own.validation;
            corpus->files.push_back(pathOf(file.used));
            byChecksum.insert(sum, path);
            const std::vector<RunSource::File> described = describeFiles({pathOf(file.used)});
            report.described.insert(report.described.end(), described.begin(), described.end());
        } catch (const std::exception& error) {
            file.problem = QString::fromUtf8(error.what());
        }
        report.files.append(file);
    }
    if (!corpus->training.empty())
        report.corpus = corpus;
    return report;
}

TokenizerReport prepareTokenizer(std::shared_ptr<const TextCorpus> corpus, const std::string& model,
                                 qint64 pieces, const QStringList& symbols)
{
    TokenizerReport report;
    QElapsedTimer timer;
    timer.start();
    try {
        std::string bytes = model;
        if (bytes.empty()) {
            TokenizerTrainingOptions options{.vocabularySize = pieces, .userSymbols = {}};
            for (const QString& symbol : symbols)
                options.userSymbols.push_back(symbol.toStdString());
            bytes = trainTokenizer(corpus->training, options);
        }
        const auto tokenizer = std::make_shared<const Tokenizer>(bytes);
        std::vector<TokenId> training = encodeTrainingText(*tokenizer, corpus->training, "training text");
        std::vector<TokenId> validation =
            encodeTrainingText(*tokenizer, corpus->validation, "validation text");
        const std::string& judged = corpus->validation.empty() ? corpus->training : corpus->validation;
        const auto tokens = corpus->validation.empty() ? training.size() : validation.size();
        report.bytesPerToken =
            static_cast<double>(judged.size()) / static_cast<double>(std::max<std::size_t>(tokens, 1));
        report.validationBytes = static_cast<qint64>(corpus->validation.size());
        const std::string start = judged.substr(0, std::min<std::size_t>(judged.size(), 65536));
        const std::string whole = start.substr(0, start.find_last_of('\n') + 1);
        report.roundTrip = whole.empty() || tokenizer->decode(tokenizer->encode(whole, false, true)) == whole;
        for (TokenId id = 0; id < tokenizer->size(); ++id) {
            if (!tokenizer->isControl(id) && !tokenizer->isByte(id) && id != tokenizer->unknownId())
                report.pieces << QString::fromStdString(tokenizer->piece(id));
        }
        std::stable_sort(report.pieces.begin(), report.pieces.end(),
                         [](const QString& a, const QString& b) { return a.size() > b.size(); });
        report.pieces = report.pieces.mid(0, 200);
        report.dataset = std::make_shared<const TokenDataset>(std::move(training), std::move(validation));
        report.tokenizer = tokenizer;
    } catch (const std::exception& error) {
        report.problem = QString::fromUtf8(error.what());
    }
    report.seconds = static_cast<double>(timer.elapsed()) / 1000.0;
    return report;
}

namespace
{

// Size of `first` followed by `second` after xz; 0: stopped or out of memory.
double compressedBytes(std::string_view first, std::string_view second, std::stop_token stop)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_easy_encoder(&stream, 9, LZMA_CHECK_NONE) != LZMA_OK)
        return 0.0;
    std::vector<std::uint8_t> out(std::size_t{1} << 16);
    double total = 0.0;
    lzma_ret result = LZMA_OK;
    const auto encode = [&](lzma_action action) {
        do {
            stream.next_out = out.data();
            stream.avail_out = out.size();
            result = lzma_code(&stream, action);
            total += static_cast<double>(out.size() - stream.avail_out);
        } while (result == LZMA_OK && !stop.stop_requested() &&
                 (stream.avail_in > 0 || action == LZMA_FINISH));
    };
    for (std::string_view part : {first, second}) {
        while (!part.empty() && result == LZMA_OK && !stop.stop_requested()) {
            const std::string_view piece = part.substr(0, out.size());
            part.remove_prefix(piece.size());
            stream.next_in = reinterpret_cast<const std::uint8_t*>(piece.data());
            stream.avail_in = piece.size();
            encode(LZMA_RUN);
        }
    }
    if (result == LZMA_OK)
        encode(LZMA_FINISH);
    lzma_end(&stream);
    return result == LZMA_STREAM_END ? total : 0.0;
}

} // namespace

double xzBitsPerByte(const TextCorpus& corpus, std::stop_token stop)
{
    const std::string_view training(corpus.training), validation(corpus.validation);
    if (validation.empty())
        return 0.0;
    const std::string_view known =
        training.substr(training.size() - std::min(training.size(), kCompressedTail));
    const std::string_view text = validation.substr(0, kCompressedText);
    const double alone = compressedBytes(known, {}, stop), together = compressedBytes(known, text, stop);
    return alone > 0.0 && together > alone ? 8.0 * (together - alone) / static_cast<double>(text.size())
                                           : 0.0;
}

ProbeReport probeSpeed(const ModelConfig& config, const TrainingOptions& options, const RunSource& source,
                       std::shared_ptr<const TokenDataset> dataset,
                       const std::vector<std::shared_ptr<const Backend>>& backends, std::stop_token stop)
{
    ProbeReport report;
    try {
        const Backend* chosen = nullptr;
        for (const std::shared_ptr<const Backend>& backend : backends) {
            const auto devices = backend->devices();
            const bool usable =
                std::any_of(devices.begin(), devices.end(), [](const DeviceInfo& d) { return d.usable; });
            if (!chosen && usable && backend->supports(config.architecture, Work::Training) &&
                (source.backend == "auto" || source.backend == backend->name()))
                chosen = backend.get();
        }
        if (!chosen)
            throw Error(ErrorCode::Unavailable,
                        "no backend trains this model here, asked for: " + source.backend);
        validateModelConfig(config, "the model");
        const auto layout = std::make_shared<const ParameterLayout>(config);
        AlignedBuffer<float> initial(static_cast<std::size_t>(layout->size()));
        initializeParameters(*layout, options.seed, initial.span());
        const auto executor = chosen->createTraining(
            layout, initial.span(), {.threads = source.threads, .isa = source.isa, .device = source.device});
        initial = AlignedBuffer<float>();
        std::vector<TokenId> inputs, targets;
        QElapsedTimer timer;
        double measured = 0.0;
        std::int64_t tokens = 0;
        timer.start();
        for (std::int64_t index = 0; !stop.stop_requested(); ++index) {
            dataset->drawBatch(options.seed, index, options.batch, options.length, inputs, targets);
            const qint64 before = timer.nsecsElapsed();
            (void)executor->forwardBackward({options.batch, options.length, inputs, targets});
            executor->applyUpdate({.learningRate = options.learningRate, .step = index + 1});
            if (index > 0) { // the first one allocates
                measured += static_cast<double>(timer.nsecsElapsed() - before) * 1e-9;
                tokens += options.batch * options.length;
            }
            if (index > 0 && timer.elapsed() >= kProbeMilliseconds)
                break;
        }
        report.tokensPerSecond = measured > 0.0 ? static_cast<double>(tokens) / measured : 0.0;
        report.backend = QString::fromStdString(executor->info().description);
        const MemoryUse use = executor->memoryUse();
        report.parameterBytes = static_cast<qint64>(use.weightBytes);
        report.activationBytes = static_cast<qint64>(use.activationBytes);
    } catch (const std::bad_alloc&) {
        report.problem = tr("There is not enough memory for this model.");
    } catch (const std::exception& error) {
        report.problem = QString::fromUtf8(error.what());
    }
    return report;
}

MemoryEstimate estimateMemory(const ModelConfig& config, const TrainingOptions& options)
{
    MemoryEstimate estimate;
    const qint64 parameters = parameterCount(config);
    estimate.weights = 4 * parameters + (config.isTernary() ? parameters : 0); // f32 and the ternary copy
    estimate.gradients = 4 * parameters;
    estimate.moments = 8 * parameters;
    const double tokens = static_cast<double>(options.batch) * static_cast<double>(options.length);
    const auto d = static_cast<double>(config.hiddenSize),
               wide = static_cast<double>(config.intermediateSize);
    const double saved = static_cast<double>(config.layerCount) * (6.0 * d + 2.0 * wide) * tokens;
    const double working = (9.0 * d + 4.0 * wide + std::max(d, wide)) * tokens;
    const double logits = static_cast<double>(config.vocabularySize) * std::min<double>(tokens, kHeadRows);
    estimate.activations = static_cast<qint64>(4.0 * (saved + working + logits));
    return estimate;
}

qint64 machineMemoryBytes()
{
    return static_cast<qint64>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

} // namespace mmfree::gui
