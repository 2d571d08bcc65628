// How the ternary weights of a model in training are distributed and how often they change: per weight
// matrix, between one look and the next.
#pragma once

#include "engine/model/parameters.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mmfree
{

struct TernaryTensorStatistics {
    std::string tensor;      // "model.layers.0.attn.i_proj.weight"
    std::int64_t layer = -1; // -1: the head
    double zeroShare = 0.0;  // of all weights
    double balance = 0.0;    // (plus - minus) / all, -1..1
    // Since the look before, as shares of all weights; 0 at the first look.
    double signFlipShare = 0.0;     // from - to + or back
    double zeroCrossingShare = 0.0; // to or from 0
};

struct TernaryStatistics {
    std::int64_t step = 0;
    std::int64_t sinceStep = 0; // the look before; the same as `step`: there was none
    std::vector<TernaryTensorStatistics> tensors;
};

[[nodiscard]] nlohmann::json ternaryStatisticsToJson(const TernaryStatistics& statistics);
[[nodiscard]] std::optional<TernaryStatistics>
ternaryStatisticsFromJson(const nlohmann::json& json); // nothing: damaged
// Every complete line of DIR/layers.jsonl; damaged lines are left out.
[[nodiscard]] std::vector<TernaryStatistics> readTernaryStatistics(const std::filesystem::path& runDirectory);

class TernaryObserver
{
public:
    explicit TernaryObserver(const ParameterLayout& layout);

    // `parameters`: all latent ones in layout order. Not for models without ternary weights (no tensors
    // then).
    [[nodiscard]] TernaryStatistics look(std::int64_t step, std::span<const float> parameters);

private:
    const ParameterLayout& m_layout;
    std::vector<std::vector<std::int8_t>> m_before; // codes of each ternary tensor at the look before
    std::vector<std::int8_t> m_codes;
    std::int64_t m_beforeStep = -1; // -1: none
};

} // namespace mmfree
