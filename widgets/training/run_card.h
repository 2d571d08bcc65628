// The run card: name, presets and every hyper-parameter with hint, default and reset; import, export and the
// command line that makes the same run.
#pragma once

#include "widgets/training/training_setup.h"

#include <QWidget>

class QComboBox;
class QGridLayout;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QToolButton;

namespace mmfree::gui
{

class RunCard : public QWidget
{
    Q_OBJECT
public:
    explicit RunCard(TrainingSetup* setup, QWidget* parent = nullptr);

signals:
    void problem(const QString& title, const QString& detail);

private:
    struct Field {
        std::string key; // of trainingOptionsToJson
        QWidget* editor = nullptr;
        QToolButton* reset = nullptr;
    };
    void addField(QGridLayout* grid, int place, const char* key, const QString& name, const QString& hint);
    void setField(const std::string& key, double value);
    void refresh();
    void showCommandLine();
    void importRun();
    void exportRun();

    TrainingSetup* m_setup;
    QLineEdit* m_name;
    QComboBox* m_schedule;
    QPlainTextEdit* m_prompts;
    QList<Field> m_fields;
};

} // namespace mmfree::gui
