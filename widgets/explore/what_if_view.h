// The What if tab: weights edited on a copy with undo, channels of the state emptied or held, and at once
// what it does to the next token and to the loss. Nothing on disk changes unless the copy is saved under
// another name.
#pragma once

#include "engine/analysis/what_if.h"
#include "widgets/explore/explorer_session.h"

#include <QTimer>
#include <QUndoStack>
#include <QWidget>

class QComboBox;
class QDoubleSpinBox;
class QFrame;
class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;
class QTableWidget;
class QToolButton;

namespace mmfree::gui
{

class MatrixPanel;

class WhatIfView : public QWidget
{
    Q_OBJECT
public:
    explicit WhatIfView(ExplorerSession* session, QWidget* parent = nullptr);
    ~WhatIfView() override;

    [[nodiscard]] MatrixPanel* matrix() const { return m_matrix; }
    [[nodiscard]] QUndoStack* undoStack() { return &m_undo; }
    [[nodiscard]] QTableWidget* table() const { return m_table; }
    [[nodiscard]] double divergence() const { return m_divergence; } // KL in nats of the last comparison
    [[nodiscard]] double lossBefore() const { return m_before.lossNats; }
    [[nodiscard]] double lossAfter() const { return m_after.lossNats; }
    void cycleCell(qint64 row, qint64 col);
    void zeroRows();
    void invertRows();
    void randomize(double share);
    void addStateEdit(const QString& channels,
                      StateAction action); // of the picked layer, from the picked token on
    void saveTo(const QString& path);
    void discard();
    [[nodiscard]] bool isSettled() const;

signals:
    void problem(const QString& title, const QString& detail);
    void saved(const QString& path);

protected:
    void showEvent(QShowEvent* event) override;

private:
    class EditCommand;
    QWidget* buildResults();
    QWidget* buildStateEdits();
    void showTensor();
    void guarded(const std::function<void()>& act);
    void push(const QString& text, WeightEdit edit);
    void changed(); // the copy or the state edits
    void compare();
    void showResults();
    void showBanner();
    [[nodiscard]] bool hasTernary() const;
    [[nodiscard]] CellRange chosenRows() const; // rows of the selection, or of the cursor
    [[nodiscard]] std::string tensorName() const;

    ExplorerSession* m_session;
    QFrame* m_frame;
    MatrixPanel* m_matrix;
    QLabel *m_title, *m_banner, *m_numbers, *m_texts;
    QToolButton *m_zero, *m_invert, *m_random, *m_undoButton, *m_redoButton, *m_save, *m_discard;
    QDoubleSpinBox* m_share;
    QTableWidget* m_table;
    QLineEdit* m_channels;
    QComboBox* m_action;
    QListWidget* m_stateList;
    std::unique_ptr<EditedSource> m_edited;
    std::vector<StateEdit> m_stateEdits;
    QUndoStack m_undo;
    QTimer m_delay;
    SteeredRun m_before, m_after;
    std::vector<TokenId> m_beforeOf; // tokens that m_before belongs to
    double m_divergence = 0.0;
    quint64 m_seed = 1;
    bool m_stale = true;
    JobId m_job = 0, m_saveJob = 0;
};

// "3, 17-20": sorted, without repeats; throws Error naming the entry.
[[nodiscard]] std::vector<std::int32_t> parseChannels(const QString& text, std::int64_t width);

} // namespace mmfree::gui
