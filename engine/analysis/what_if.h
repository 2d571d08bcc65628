// Experiments on copies: a source whose ternary weights are edited, and runs in which channels of the
// recurrent state are emptied or held. Nothing is changed on disk.
#pragma once

#include "engine/runtime/backend.h"

#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace mmfree
{

struct CellEdit {
    std::int64_t row = 0, col = 0;
    std::int8_t before = 0, after = 0; // -1, 0, +1
};

// One step that can be undone. Cells that an edit leaves as they are, are not in it.
struct WeightEdit {
    std::string tensor;
    std::vector<CellEdit> cells;
};

// Edits that make a rectangle of a matrix what they say. Throw InvalidArgument for a rectangle outside it or
// a share outside 0..1.
struct CellRange {
    std::int64_t row = 0, col = 0, rows = 1, cols = 1;
};
[[nodiscard]] WeightEdit setCells(const TernaryTensor& tensor, const std::string& name,
                                  const CellRange& range, int value);
[[nodiscard]] WeightEdit cycleCell(const TernaryTensor& tensor, const std::string& name, std::int64_t row,
                                   std::int64_t col); // - -> 0 -> + -> -
[[nodiscard]] WeightEdit invertCells(const TernaryTensor& tensor, const std::string& name,
                                     const CellRange& range);
// Each cell with probability `share` becomes one of the two other values.
[[nodiscard]] WeightEdit randomizeCells(const TernaryTensor& tensor, const std::string& name,
                                        const CellRange& range, double share, std::uint64_t seed);

// Another source with some ternary tensors replaced. apply() changes the copy; executors made before keep
// what they have. Not thread-safe while being edited.
class EditedSource final : public ModelSource
{
public:
    explicit EditedSource(std::shared_ptr<const ModelSource> base);
    // A snapshot that stays as it is while this one is edited further.
    [[nodiscard]] std::shared_ptr<const EditedSource> copy() const;

    void apply(const WeightEdit& edit);              // before -> after
    void revert(const WeightEdit& edit);             // after -> before
    [[nodiscard]] std::int64_t changedCells() const; // that differ from the base

    [[nodiscard]] const ModelConfig& config() const override { return m_base->config(); }
    [[nodiscard]] const ModelText& text() const override { return m_base->text(); }
    [[nodiscard]] std::string name() const override { return m_base->name(); }
    [[nodiscard]] std::filesystem::path path() const override { return {}; }
    [[nodiscard]] std::uint64_t fileBytes() const override { return 0; }
    [[nodiscard]] TernaryTensor ternary(const std::string& name) const override;
    void floats(const std::string& name, std::span<float> out) const override { m_base->floats(name, out); }
    [[nodiscard]] TensorView view(const std::string& name) const override { return m_base->view(name); }
    [[nodiscard]] bool hasLatentWeights() const override
    {
        return false;
    } // they would not be the edited ones
    void release(const std::string& name) const override { m_base->release(name); }

private:
    struct Edited {
        TernaryTensor tensor;
        std::map<std::pair<std::int64_t, std::int64_t>, std::int8_t> original; // cells that differ
    };
    Edited& edited(const std::string& name);
    void set(Edited& edited, std::int64_t row, std::int64_t col, int value);

    std::shared_ptr<const ModelSource> m_base;
    std::map<std::string, std::shared_ptr<Edited>> m_edited;
};

// ---- the recurrent state ----

enum class StateAction {
    Forget, // nothing is carried over from earlier tokens: h_t = c_t
    Freeze, // what is carried over stays as it was after token `from`
};
struct StateEdit {
    std::int64_t layer = 0;
    std::vector<std::int32_t> channels;
    StateAction action = StateAction::Forget;
    std::int64_t from = 0; // token index from which on it acts
};

struct SteeredRun {
    std::vector<float> logits;   // [V] after the last token
    double lossNats = 0.0;       // mean over the tokens after the first
    std::vector<TokenId> tokens; // the text and what was written behind it
};
// Reads the text token by token with the edits at work, then writes `continuation` tokens, always the most
// probable. MatMul-free models only. Throws InvalidArgument for layers and channels that do not exist. Empty
// logits when stopped.
[[nodiscard]] SteeredRun runSteered(InferenceExecutor& executor, std::span<const TokenId> tokens,
                                    const std::vector<StateEdit>& edits, std::int64_t continuation,
                                    const std::stop_token& stop);

} // namespace mmfree
