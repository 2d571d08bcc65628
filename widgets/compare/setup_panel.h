// Who takes part and what they do: cards of contenders, workload, repeats, and the button that runs it all.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QWidget>

#include <vector>

class QComboBox;
class QLabel;
class QPlainTextEdit;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QToolButton;
class QVBoxLayout;

namespace mmfree::gui
{

class SetupPanel : public QWidget
{
    Q_OBJECT
public:
    explicit SetupPanel(QWidget* parent = nullptr);

    void setSetup(const CompareSetup& setup);
    [[nodiscard]] const CompareSetup& setup() const { return m_setup; }
    // A model that "this model" means in the Add menu; empty: none.
    void setModel(const QString& path) { m_model = path; }
    void showPlan(const std::vector<ContenderResult>& results);
    void setRunning(bool running);
    void showProgress(double share, double secondsLeft, const QString& what);
    void addContender(const Contender& contender);
    void usePaperPreset();

signals:
    void setupChanged();
    void runAsked();
    void stopAsked();

private:
    QWidget* buildCards();
    QWidget* buildWorkload();
    QWidget* buildRunRow();
    QWidget* makeCard(int index);
    void rebuildCards();
    void fillAddMenu();
    void edit(int index);
    void addDense(bool byBytes);
    void changeWorkload();
    void showWorkload();
    void changed();
    [[nodiscard]] bool canRun() const;

    CompareSetup m_setup;
    std::vector<ContenderResult> m_plan;
    QString m_model;
    bool m_running = false;
    bool m_showing = false; // controls are being set, not edited
    QVBoxLayout* m_cards = nullptr;
    QToolButton* m_add = nullptr;
    QComboBox* m_workload = nullptr;
    QSpinBox *m_read = nullptr, *m_write = nullptr, *m_repeats = nullptr;
    QPlainTextEdit* m_text = nullptr;
    QLabel *m_readLabel = nullptr, *m_state = nullptr, *m_workloadHint = nullptr;
    QPushButton *m_run = nullptr, *m_stop = nullptr;
    QProgressBar* m_progress = nullptr;
};

} // namespace mmfree::gui
