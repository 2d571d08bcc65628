// One token of an answer: what else the model could have said, as bars, with the sampler stage that removed
// each. The same widget is the popover over the token face and the inspector's Token tab. With other sampling
// options the stages are worked out again from the kept alternatives, without the model.
#pragma once

#include "widgets/models/token_trace.h"

#include <QFrame>

#include <optional>

class QLabel;
class QPushButton;
class QTreeWidget;

namespace mmfree::gui
{

class TokenDetails : public QFrame
{
    Q_OBJECT
public:
    enum class Kind { Popover, Panel };
    explicit TokenDetails(Kind kind, QWidget* parent = nullptr);

    void setToken(const TokenTrace& trace, int token); // -1: none
    // Panel: what these options would have done with the same alternatives; nothing: as it was drawn.
    void setOptions(const std::optional<SamplingOptions>& options);
    void setPinned(bool pinned); // Popover: takes the keyboard and shows the actions
    [[nodiscard]] bool isPinned() const { return m_pinned; }
    void setCanBranch(bool can);
    void moveAlternative(int step);
    void chooseAlternative(TokenId id); // puts the keyboard on its row
    [[nodiscard]] int token() const { return m_token; }
    [[nodiscard]] TokenId chosenAlternative() const; // the row the keyboard is on

signals:
    void continueRequested(int token, mmfree::TokenId alternative, bool writeOn);
    void exploreRequested(int token);
    void closeRequested();

protected:
    void keyPressEvent(QKeyEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void showToken();
    void updateButtons();

    Kind m_kind;
    TokenTrace m_trace; // of the one token
    int m_token = -1;
    TokenId m_written = 0;
    std::optional<SamplingOptions> m_options;
    bool m_pinned = false, m_canBranch = true;
    QLabel *m_title, *m_facts, *m_note;
    QTreeWidget* m_list;
    QWidget* m_actions;
    QPushButton *m_continue, *m_force, *m_explore;
};

// Marks what `options` would have done with kept alternatives; the repetition penalty is left as it was.
[[nodiscard]] std::vector<TokenAlternative> resampled(const std::vector<TokenAlternative>& alternatives,
                                                      const SamplingOptions& options);

[[nodiscard]] QString stageText(SamplerStage stage); // "removed by top-k"; Kept: empty

} // namespace mmfree::gui
