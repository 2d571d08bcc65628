// What may change while a run is loaded: the learning rate, the prompts of its samples, and how often it
// validates, saves and samples. Each change is a command to the run, and marked on its curves.
#pragma once

#include "widgets/training/run_reader.h"

#include <QWidget>

class QDoubleSpinBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;

namespace mmfree::gui
{

class AdjustPanel : public QWidget
{
    Q_OBJECT
public:
    explicit AdjustPanel(QWidget* parent = nullptr);

    void show(const RunReader* reader); // null: nothing; borrowed during the call only

signals:
    void commandAsked(const mmfree::RunCommand& command);

private:
    QLabel* m_state;
    QDoubleSpinBox* m_scale;
    QPlainTextEdit* m_prompts;
    QSpinBox *m_evaluate, *m_checkpoint, *m_sample;
    QList<QPushButton*> m_buttons;
    QString m_folder;
    std::vector<std::string> m_shownPrompts;
};

} // namespace mmfree::gui
