#include "engine/analysis/sequence_run.h"

#include "engine/model/model_source.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;

namespace mmfree
{

namespace
{

using Clock = std::chrono::steady_clock;
constexpr std::size_t kChunk = 512;

double secondsSince(Clock::time_point start)
{
    return std::chrono::duration<double>(Clock::now() - start).count();
}

TokenId mostLikely(std::span<const float> logits)
{
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

class Fnv
{
public:
    void add(const void* data, std::size_t bytes)
    {
        const auto* at = static_cast<const unsigned char*>(data);
        for (std::size_t i = 0; i < bytes; ++i)
            m_hash = (m_hash ^ at[i]) * 0x100000001B3ull;
    }
    void add(const std::string& text) { add(text.data(), text.size()); }
    [[nodiscard]] std::string text() const
    {
        std::array<char, 20> out{};
        std::snprintf(out.data(), out.size(), "%016llx", static_cast<unsigned long long>(m_hash));
        return out.data();
    }

private:
    std::uint64_t m_hash = 0xCBF29CE484222325ull;
};

// Size, both ends and 64 blocks spread over the file: enough to tell models apart, quick for any size.
void addFile(Fnv& hash, const fs::path& file)
{
    std::error_code error;
    const std::uint64_t size = fs::file_size(file, error);
    hash.add(std::to_string(size));
    std::ifstream in(file, std::ios::binary);
    constexpr std::uint64_t kBlock = 4096, kBlocks = 64;
    std::vector<char> block(kBlock);
    for (std::uint64_t i = 0; i <= kBlocks && in; ++i) {
        const std::uint64_t last = size > kBlock ? size - kBlock : 0;
        in.seekg(static_cast<std::streamoff>(last / kBlocks * i + (i == kBlocks ? last % kBlocks : 0)));
        in.read(block.data(), static_cast<std::streamsize>(kBlock));
        hash.add(block.data(), static_cast<std::size_t>(in.gcount()));
        in.clear();
    }
}

} // namespace

PassOutcome runPass(InferenceExecutor& executor, std::span<const TokenId> prompt, std::int64_t write,
                    PassProgress& progress,
                    const std::function<void(std::int64_t, const InferenceState&)>& afterPosition)
{
    PassOutcome outcome{.timing = {}, .output = {}, .state = executor.createState()};
    InferenceState& state = *outcome.state;
    progress.read = 0;
    progress.written = 0;
    progress.tokenSeconds.assign(static_cast<std::size_t>(write), 0.0);
    outcome.output.reserve(static_cast<std::size_t>(write));
    if (afterPosition)
        afterPosition(0, state);

    std::span<const float> logits;
    double readSeconds = 0.0;
    for (std::size_t first = 0; first < prompt.size(); first += kChunk) {
        const auto start = Clock::now();
        const std::size_t count = std::min(kChunk, prompt.size() - first);
        const bool last = first + count == prompt.size();
        logits = executor
                     .forward({.tokens = prompt.subspan(first, count),
                               .logits = last ? LogitsMode::Last : LogitsMode::None},
                              state)
                     .logits;
        readSeconds += secondsSince(start);
        progress.read = static_cast<std::int64_t>(first + count);
        if (afterPosition)
            afterPosition(state.position(), state);
    }
    outcome.timing.prefillSeconds = readSeconds;
    for (std::int64_t n = 0; n < write; ++n) {
        const auto start = Clock::now();
        const TokenId token = mostLikely(logits);
        logits = executor.forward({.tokens = {&token, 1}, .logits = LogitsMode::Last}, state).logits;
        progress.tokenSeconds[static_cast<std::size_t>(n)] = secondsSince(start);
        progress.written.store(n + 1, std::memory_order_release);
        outcome.output.push_back(token);
        if (afterPosition)
            afterPosition(state.position(), state);
    }
    outcome.timing.tokenSeconds = progress.tokenSeconds;
    return outcome;
}

std::string modelHash(const ModelSource& source, const Contender& contender)
{
    Fnv hash;
    hash.add(modelConfigToJson(source.config()).dump());
    if (source.path().empty()) {
        hash.add("random " + std::to_string(contender.seed));
        return hash.text();
    }
    std::error_code error;
    std::vector<fs::path> files;
    if (fs::is_directory(source.path(), error)) {
        for (const fs::directory_entry& entry : fs::directory_iterator(source.path(), error)) {
            if (entry.is_regular_file(error))
                files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
    } else {
        files.push_back(source.path());
    }
    for (const fs::path& file : files)
        addFile(hash, file);
    return hash.text();
}

TokenTraffic tokenTraffic(const ModelSource& source, const MemoryUse& memory)
{
    TokenTraffic traffic;
    std::size_t embeddingBytes = 0;
    const ModelConfig& config = source.config();
    for (const TensorSpec& spec : tensorSchema(config)) {
        if (spec.role == TensorRole::TernaryWeight || spec.role == TensorRole::DenseWeight)
            traffic.weights += elementCount(spec.shape);
        if (spec.role == TensorRole::Embedding && config.tieEmbeddings)
            traffic.weights += elementCount(spec.shape);
        else if (spec.role == TensorRole::Embedding) // read one row at a time
            embeddingBytes = source.view(spec.name).bytes.size();
    }
    traffic.bytes =
        static_cast<std::int64_t>(memory.weightBytes - std::min(memory.weightBytes, embeddingBytes));
    return traffic;
}

} // namespace mmfree
