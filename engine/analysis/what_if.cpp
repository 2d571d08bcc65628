#include "engine/analysis/what_if.h"

#include "engine/core/error.h"
#include "engine/core/random.h"
#include "engine/session/session.h"

#include <algorithm>

namespace mmfree
{

namespace
{

void requireInside(const TernaryTensor& tensor, const std::string& name, const CellRange& range)
{
    const bool inside = range.row >= 0 && range.col >= 0 && range.rows >= 1 && range.cols >= 1 &&
                        range.rows <= tensor.rows - range.row && range.cols <= tensor.cols - range.col;
    if (!inside)
        throw Error(ErrorCode::InvalidArgument,
                    name + ": cells from (" + std::to_string(range.row) + ", " + std::to_string(range.col) +
                        "), " + std::to_string(range.rows) + " x " + std::to_string(range.cols) +
                        ", needed: inside " + shapeText({tensor.rows, tensor.cols}));
}

template <class NewValue>
WeightEdit editCells(const TernaryTensor& tensor, const std::string& name, const CellRange& range,
                     NewValue&& value)
{
    requireInside(tensor, name, range);
    WeightEdit edit{name, {}};
    for (std::int64_t row = range.row; row < range.row + range.rows; ++row) {
        for (std::int64_t col = range.col; col < range.col + range.cols; ++col) {
            const int before = tensor.at(row, col);
            const int after = value(row, col, before);
            if (after != before)
                edit.cells.push_back(
                    {row, col, static_cast<std::int8_t>(before), static_cast<std::int8_t>(after)});
        }
    }
    return edit;
}

} // namespace

WeightEdit setCells(const TernaryTensor& tensor, const std::string& name, const CellRange& range, int value)
{
    return editCells(tensor, name, range, [value](std::int64_t, std::int64_t, int) { return value; });
}

WeightEdit cycleCell(const TernaryTensor& tensor, const std::string& name, std::int64_t row, std::int64_t col)
{
    return editCells(tensor, name, {row, col, 1, 1},
                     [](std::int64_t, std::int64_t, int before) { return before == 1 ? -1 : before + 1; });
}

WeightEdit invertCells(const TernaryTensor& tensor, const std::string& name, const CellRange& range)
{
    return editCells(tensor, name, range, [](std::int64_t, std::int64_t, int before) { return -before; });
}

WeightEdit randomizeCells(const TernaryTensor& tensor, const std::string& name, const CellRange& range,
                          double share, std::uint64_t seed)
{
    if (!(share >= 0.0 && share <= 1.0))
        throw Error(ErrorCode::InvalidArgument,
                    "share to randomise is " + std::to_string(share) + ", needed: 0 to 1");
    Random random(seed);
    return editCells(tensor, name, range, [&](std::int64_t, std::int64_t, int before) {
        if (random.uniform() >= share)
            return before;
        const int step = 1 + static_cast<int>(random.below(2)); // to one of the two others
        return (before + 1 + step) % 3 - 1;
    });
}

EditedSource::EditedSource(std::shared_ptr<const ModelSource> base)
    : m_base(std::move(base))
{
}

std::shared_ptr<const EditedSource> EditedSource::copy() const
{
    auto result = std::make_shared<EditedSource>(m_base);
    for (const auto& [name, edited] : m_edited) {
        auto other = std::make_shared<Edited>();
        other->tensor.rows = edited->tensor.rows;
        other->tensor.cols = edited->tensor.cols;
        other->tensor.scale = edited->tensor.scale;
        other->tensor.storage = AlignedBuffer<std::uint8_t>(edited->tensor.codes.size());
        std::copy(edited->tensor.codes.begin(), edited->tensor.codes.end(), other->tensor.storage.data());
        other->tensor.codes = other->tensor.storage.span();
        other->original = edited->original;
        result->m_edited.emplace(name, std::move(other));
    }
    return result;
}

EditedSource::Edited& EditedSource::edited(const std::string& name)
{
    std::shared_ptr<Edited>& entry = m_edited[name];
    if (!entry) {
        const TernaryTensor base = m_base->ternary(name);
        entry = std::make_shared<Edited>();
        entry->tensor.rows = base.rows;
        entry->tensor.cols = base.cols;
        entry->tensor.scale = base.scale;
        entry->tensor.storage = AlignedBuffer<std::uint8_t>(base.codes.size());
        std::copy(base.codes.begin(), base.codes.end(), entry->tensor.storage.data());
        entry->tensor.codes = entry->tensor.storage.span();
    }
    return *entry;
}

void EditedSource::set(Edited& edited, std::int64_t row, std::int64_t col, int value)
{
    TernaryTensor& tensor = edited.tensor;
    if (row < 0 || col < 0 || row >= tensor.rows || col >= tensor.cols)
        throw Error(ErrorCode::InvalidArgument, "cell (" + std::to_string(row) + ", " + std::to_string(col) +
                                                    "), needed: inside " +
                                                    shapeText({tensor.rows, tensor.cols}));
    const int before = tensor.at(row, col);
    std::uint8_t& byte = tensor.storage[static_cast<std::size_t>(row * tensor.rowBytes() + col / 4)];
    const auto shift = static_cast<unsigned>(2 * (col % 4));
    byte = static_cast<std::uint8_t>((byte & ~(3u << shift)) | (static_cast<unsigned>(value + 1) << shift));
    const auto [place, added] =
        edited.original.emplace(std::pair(row, col), static_cast<std::int8_t>(before));
    if (!added && place->second == value)
        edited.original.erase(place); // back to what it was
    else if (added && before == value)
        edited.original.erase(place);
}

void EditedSource::apply(const WeightEdit& edit)
{
    Edited& target = edited(edit.tensor);
    for (const CellEdit& cell : edit.cells)
        set(target, cell.row, cell.col, cell.after);
}

void EditedSource::revert(const WeightEdit& edit)
{
    Edited& target = edited(edit.tensor);
    for (const CellEdit& cell : edit.cells)
        set(target, cell.row, cell.col, cell.before);
}

std::int64_t EditedSource::changedCells() const
{
    std::int64_t count = 0;
    for (const auto& [name, edited] : m_edited)
        count += static_cast<std::int64_t>(edited->original.size());
    return count;
}

TernaryTensor EditedSource::ternary(const std::string& name) const
{
    const auto entry = m_edited.find(name);
    if (entry == m_edited.end())
        return m_base->ternary(name);
    const TernaryTensor& tensor = entry->second->tensor;
    TernaryTensor copy;
    copy.rows = tensor.rows;
    copy.cols = tensor.cols;
    copy.scale = tensor.scale;
    copy.storage = AlignedBuffer<std::uint8_t>(tensor.codes.size());
    std::copy(tensor.codes.begin(), tensor.codes.end(), copy.storage.data());
    copy.codes = copy.storage.span();
    return copy;
}

namespace
{

void checkEdits(const ModelConfig& config, const std::vector<StateEdit>& edits)
{
    if (!config.isTernary())
        throw Error(ErrorCode::InvalidArgument,
                    "the model is a Transformer, needed: a MatMul-free model, whose state has channels");
    for (const StateEdit& edit : edits) {
        if (edit.layer < 0 || edit.layer >= config.layerCount)
            throw Error(ErrorCode::InvalidArgument, "layer is " + std::to_string(edit.layer) +
                                                        ", needed: 0 to " +
                                                        std::to_string(config.layerCount - 1));
        for (const std::int32_t channel : edit.channels) {
            if (channel < 0 || channel >= config.hiddenSize)
                throw Error(ErrorCode::InvalidArgument, "channel is " + std::to_string(channel) +
                                                            ", needed: 0 to " +
                                                            std::to_string(config.hiddenSize - 1));
        }
    }
}

// What tokens after `position` get as their past. `frozen` holds the values to keep, filled when the edit
// begins.
bool editState(const std::vector<StateEdit>& edits, std::int64_t position, std::int64_t width,
               StateSnapshot& state, std::vector<std::vector<float>>& frozen)
{
    bool changed = false;
    for (std::size_t i = 0; i < edits.size(); ++i) {
        const StateEdit& edit = edits[i];
        if (position < edit.from)
            continue;
        const bool begins = frozen[i].empty();
        for (std::size_t k = 0; k < edit.channels.size(); ++k) {
            float& value = state.values[static_cast<std::size_t>(edit.layer * width + edit.channels[k])];
            if (edit.action == StateAction::Forget)
                value = 0.0f;
            else if (begins)
                frozen[i].push_back(value);
            else
                value = frozen[i][k];
        }
        changed = changed || edit.action == StateAction::Forget || !begins;
    }
    return changed;
}

} // namespace

SteeredRun runSteered(InferenceExecutor& executor, std::span<const TokenId> tokens,
                      const std::vector<StateEdit>& edits, std::int64_t continuation,
                      const std::stop_token& stop)
{
    checkEdits(executor.config(), edits);
    if (tokens.empty())
        throw Error(ErrorCode::InvalidArgument, "the text has 0 tokens, needed: at least 1");
    const auto state = executor.createState();
    std::vector<std::vector<float>> frozen(edits.size());
    SteeredRun run;
    run.tokens.assign(tokens.begin(), tokens.end());
    double loss = 0.0;
    for (std::size_t t = 0; t < run.tokens.size(); ++t) {
        if (stop.stop_requested())
            return {};
        const ForwardResult forward =
            executor.forward({.tokens = {&run.tokens[t], 1}, .logits = LogitsMode::Last}, *state);
        if (t + 1 < tokens.size())
            loss += tokenLossNats(forward.logits, tokens[t + 1]);
        if (t + 1 == tokens.size())
            run.logits.assign(forward.logits.begin(), forward.logits.end());
        if (t + 1 >= tokens.size() &&
            static_cast<std::int64_t>(run.tokens.size() - tokens.size()) < continuation)
            run.tokens.push_back(static_cast<TokenId>(
                std::max_element(forward.logits.begin(), forward.logits.end()) - forward.logits.begin()));
        if (!edits.empty()) {
            StateSnapshot snapshot = executor.snapshot(*state);
            if (editState(edits, static_cast<std::int64_t>(t), executor.config().hiddenSize, snapshot,
                          frozen))
                executor.restore(snapshot, *state);
        }
    }
    run.lossNats = tokens.size() > 1 ? loss / static_cast<double>(tokens.size() - 1) : 0.0;
    return run;
}

} // namespace mmfree
