#include "engine/train/ternary_statistics.h"

#include "engine/model/ternary_tensor.h"

#include <nlohmann/json.hpp>

#include <array>
#include <fstream>

namespace mmfree
{

using nlohmann::json;

TernaryObserver::TernaryObserver(const ParameterLayout& layout)
    : m_layout(layout)
{
}

TernaryStatistics TernaryObserver::look(std::int64_t step, std::span<const float> parameters)
{
    TernaryStatistics statistics{
        .step = step, .sinceStep = m_beforeStep < 0 ? step : m_beforeStep, .tensors = {}};
    const bool first = m_beforeStep < 0;
    std::size_t index = 0;
    for (const ParameterSlot& slot : m_layout.entries()) {
        if (slot.spec.role != TensorRole::TernaryWeight)
            continue;
        const auto count = static_cast<std::size_t>(slot.count);
        m_codes.resize(count);
        (void)quantizeTernary(parameters.subspan(static_cast<std::size_t>(slot.offset), count), m_codes);
        if (first)
            m_before.emplace_back(m_codes);
        std::vector<std::int8_t>& before = m_before[index++];
        // Pairs (before, now) counted: [3 * (before + 1) + now + 1].
        std::array<std::int64_t, 9> pairs{};
        for (std::size_t i = 0; i < count; ++i)
            ++pairs[static_cast<std::size_t>(3 * (before[i] + 1) + m_codes[i] + 1)];
        const auto share = [&](std::int64_t part) {
            return static_cast<double>(part) / static_cast<double>(count);
        };
        statistics.tensors.push_back(
            {.tensor = slot.spec.name,
             .layer = slot.spec.layer,
             .zeroShare = share(pairs[1] + pairs[4] + pairs[7]),
             .balance = share(pairs[2] + pairs[5] + pairs[8] - pairs[0] - pairs[3] - pairs[6]),
             .signFlipShare = share(pairs[2] + pairs[6]),
             .zeroCrossingShare = share(pairs[1] + pairs[3] + pairs[5] + pairs[7])});
        before.swap(m_codes);
    }
    m_beforeStep = step;
    return statistics;
}

json ternaryStatisticsToJson(const TernaryStatistics& statistics)
{
    json tensors = json::array();
    for (const TernaryTensorStatistics& t : statistics.tensors) {
        tensors.push_back({{"tensor", t.tensor},
                           {"layer", t.layer},
                           {"zero", t.zeroShare},
                           {"balance", t.balance},
                           {"signFlips", t.signFlipShare},
                           {"zeroCrossings", t.zeroCrossingShare}});
    }
    return {{"step", statistics.step}, {"since", statistics.sinceStep}, {"tensors", tensors}};
}

std::optional<TernaryStatistics> ternaryStatisticsFromJson(const json& entry)
{
    try {
        TernaryStatistics statistics{
            entry.at("step").get<std::int64_t>(), entry.at("since").get<std::int64_t>(), {}};
        for (const json& t : entry.at("tensors")) {
            statistics.tensors.push_back({.tensor = t.at("tensor").get<std::string>(),
                                          .layer = t.at("layer").get<std::int64_t>(),
                                          .zeroShare = t.at("zero").get<double>(),
                                          .balance = t.at("balance").get<double>(),
                                          .signFlipShare = t.at("signFlips").get<double>(),
                                          .zeroCrossingShare = t.at("zeroCrossings").get<double>()});
        }
        return statistics;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

std::vector<TernaryStatistics> readTernaryStatistics(const std::filesystem::path& runDirectory)
{
    std::vector<TernaryStatistics> all;
    std::ifstream stream(runDirectory / "layers.jsonl");
    for (std::string line; std::getline(stream, line);) {
        if (auto statistics = ternaryStatisticsFromJson(json::parse(line, nullptr, false)))
            all.push_back(std::move(*statistics));
    }
    return all;
}

} // namespace mmfree
