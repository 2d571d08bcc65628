#include "engine/analysis/compare_plan.h"

#include "engine/analysis/compare_setup.h"
#include "engine/core/error.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <new>

namespace mmfree
{

namespace
{

constexpr std::int64_t kChunk = 512;             // tokens of one forward call, as everywhere in the program
constexpr std::int64_t kProcessBytes = 32 << 20; // program code and libraries of a worker process
constexpr std::int64_t kKernelCompilerBytes = 192 << 20; // an OpenCL driver's compiler in the process

std::int64_t roundUp(std::int64_t value, std::int64_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

std::int64_t ternaryBytes(const TensorSpec& spec, const Contender& contender)
{
    const std::int64_t rows = roundUp(spec.shape[0], 32);
    if (contender.backend == "reference")
        return spec.shape[0] * spec.shape[1];
    if (contender.options.packing == WeightPacking::Base3)
        return rows / 32 * 80 * (roundUp(spec.shape[1], 12) / 12);
    return rows * roundUp(spec.shape[1], 16) / 4;
}

// Stored bytes of an element: of the file, or BF16 for random weights.
std::int64_t storedBytes(const ModelSource& source, const TensorSpec& spec)
{
    if (source.path().empty())
        return 2;
    return static_cast<std::int64_t>(dtypeSize(source.view(spec.name).dtype));
}

} // namespace

std::string sizeText(std::int64_t bytes)
{
    const std::array<const char*, 5> units{"bytes", "kB", "MB", "GB", "TB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (std::abs(value) >= 1000.0 && unit + 1 < units.size()) {
        value /= 1000.0;
        ++unit;
    }
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(),
                  unit == 0   ? "%.0f %s"
                  : unit == 3 ? "%.2f %s"
                              : "%.1f %s",
                  value, units[unit]);
    return text.data();
}

std::int64_t cacheCapacity(const Pass& pass)
{
    std::int64_t capacity = 0;
    const auto reserve = [&](std::int64_t needed) {
        if (needed > capacity)
            capacity = std::max<std::int64_t>({needed, 2 * capacity, 64});
    };
    for (std::int64_t read = 0; read < pass.prompt; read += kChunk)
        reserve(std::min(pass.prompt, read + kChunk));
    while (capacity < pass.prompt + pass.write)
        reserve(capacity + 1);
    return capacity;
}

MemoryPlan planMemory(const ModelSource& source, const Contender& contender, const Workload& workload)
{
    const ModelConfig& config = source.config();
    MemoryPlan plan;
    std::int64_t largest = 0;
    for (const TensorSpec& spec : tensorSchema(config)) {
        const std::int64_t count = elementCount(spec.shape);
        switch (spec.role) {
        case TensorRole::TernaryWeight:
            plan.weights += ternaryBytes(spec, contender);
            // While it opens: the tensor's codes, and its latent values where the model has them.
            largest = std::max(largest, source.hasLatentWeights() ? 3 * count : count / 4);
            break;
        case TensorRole::Norm:
        case TensorRole::LowerBounds:
            plan.weights += 4 * count;
            break;
        default:
            plan.weights += storedBytes(source, spec) * count;
        }
    }
    std::int64_t chunk = 1;
    for (const Pass& pass : workload.passes) {
        chunk = std::max(chunk, std::min(kChunk, pass.prompt));
        const std::int64_t state = config.isTernary() ? 4 * config.layerCount * config.hiddenSize
                                                      : 8 * config.layerCount * config.keyValueHeadCount *
                                                            config.headSize() * cacheCapacity(pass);
        plan.state = std::max(plan.state, state);
    }
    const std::int64_t widths = config.isTernary() ? 8 * config.hiddenSize + 3 * config.intermediateSize
                                                   : 4 * config.hiddenSize + 3 * config.intermediateSize;
    plan.activations = 4 * (widths * chunk + 2 * config.vocabularySize + config.hiddenSize);
    plan.loading = largest + kProcessBytes + (contender.backend == "opencl" ? kKernelCompilerBytes : 0);
    return plan;
}

Fit fitMemory(const MemoryPlan& plan, const MemoryBudget& budget, bool ternary)
{
    const auto allowed = static_cast<std::int64_t>(static_cast<double>(budget.free) * budget.share);
    Fit fit;
    fit.fits = plan.total() <= allowed - budget.taken;
    fit.arithmetic = "weights " + sizeText(plan.weights) + (ternary ? " + state " : " + KV cache ") +
                     sizeText(plan.state) + " + activations " + sizeText(plan.activations) +
                     " + process and loading " + sizeText(plan.loading) + " = " + sizeText(plan.total()) +
                     (fit.fits ? ", fits: " : ", does not fit: ") + sizeText(budget.free) + " of " +
                     sizeText(budget.total) + " are free, " +
                     std::to_string(std::lround(budget.share * 100.0)) + " % may be used";
    if (budget.taken > 0)
        fit.arithmetic += ", " + sizeText(budget.taken) + " are taken by contenders beside it";
    return fit;
}

std::vector<ContenderResult> planComparison(const CompareSetup& setup,
                                            const std::vector<std::shared_ptr<const Backend>>& backends,
                                            const Environment& environment)
{
    std::vector<ContenderResult> results;
    std::map<std::string, std::int64_t> taken; // by group and kind of memory
    for (const Contender& contender : setup.contenders) {
        ContenderResult result{.contender = contender};
        try {
            const std::shared_ptr<const ModelSource> source = openContender(contender);
            const ModelConfig& config = source->config();
            result.modelName = source->name();
            result.ternary = config.isTernary();
            result.parameters = parameterCount(config);
            const Availability availability = availabilityOf(contender, result.ternary, backends);
            result.emulated = availability.emulated;
            result.device = availability.device;
            result.reason = availability.reason;
            result.plan = planMemory(*source, contender, setup.workload);

            const bool onDevice = contender.backend == "cuda";
            std::int64_t deviceBytes = 0;
            for (const auto& backend : backends) {
                if (onDevice && availability.usable && backend->name() == contender.backend)
                    deviceBytes = static_cast<std::int64_t>(
                        backend->devices()[static_cast<std::size_t>(contender.options.device)].memoryBytes);
            }
            std::int64_t& beside = taken[contender.group + (onDevice ? "\ndevice" : "\nhost")];
            const MemoryBudget budget{
                .total = onDevice ? deviceBytes : static_cast<std::int64_t>(environment.memoryBytes),
                .free = onDevice ? deviceBytes : static_cast<std::int64_t>(environment.availableMemoryBytes),
                .share = setup.memoryShare,
                .taken = beside};
            const Fit fit = fitMemory(result.plan, budget, result.ternary);
            result.arithmetic = fit.arithmetic;
            const std::int64_t positions = config.maxPositions;
            if (result.reason.empty() && !fit.fits)
                result.reason = "skipped: " + fit.arithmetic;
            else if (result.reason.empty() && positions > 0 && setup.workload.longestSequence() > positions)
                result.reason = "the model has " + std::to_string(positions) +
                                " positions, needed: " + std::to_string(setup.workload.longestSequence());
            result.ran = result.reason.empty();
            if (result.ran)
                beside += result.plan.total();
        } catch (const Error& error) {
            result.reason = error.what();
        } catch (const std::bad_alloc&) {
            result.reason = "not enough memory to open the model";
        }
        results.push_back(std::move(result));
    }
    return results;
}

} // namespace mmfree
