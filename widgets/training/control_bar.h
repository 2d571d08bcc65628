// The bar under a run: what can be done now, how far it is, and how long it takes. Buttons carry the page's
// actions; the bar decides which make sense.
#pragma once

#include "widgets/training/run_reader.h"

#include <QFrame>

class QAction;
class QCheckBox;
class QHBoxLayout;
class QLabel;
class QProgressBar;

namespace mmfree::gui
{

struct RunActions {
    QAction *start = nullptr, *pause = nullptr, *step = nullptr, *stop = nullptr;
    QAction *checkpoint = nullptr, *sample = nullptr, *chat = nullptr, *explore = nullptr;
};

class ControlBar : public QFrame
{
    Q_OBJECT
public:
    explicit ControlBar(const RunActions& actions, QWidget* parent = nullptr);

    // `setupReady`: a new run can start; `settingUp`: the set-up is in sight, so Start means a new run.
    void show(const RunReader* reader, bool settingUp, bool setupReady, bool starting);
    [[nodiscard]] bool keepsRunning() const;
    void setKeepsRunning(bool keep);

private:
    void addButton(QHBoxLayout* layout, QAction* action);
    void addStartButton(QHBoxLayout* layout, QAction* action);

    RunActions m_actions;
    QLabel* m_text;
    QProgressBar* m_progress;
    QCheckBox* m_keep;
    QList<QWidget*> m_runButtons; // of no use before a run exists
};

} // namespace mmfree::gui
