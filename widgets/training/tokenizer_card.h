// The tokenizer card: train one on the text, with its statistics, or take a model's.
#pragma once

#include "widgets/training/training_setup.h"

#include <QWidget>

class QButtonGroup;
class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;
class QSpinBox;

namespace mmfree::gui
{

class TokenizerCard : public QWidget
{
    Q_OBJECT
public:
    explicit TokenizerCard(TrainingSetup* setup, QWidget* parent = nullptr);

private:
    void apply();
    void refresh();

    TrainingSetup* m_setup;
    QButtonGroup* m_choice;
    QSpinBox* m_pieces;
    QLineEdit *m_symbols, *m_file;
    QPushButton* m_browse;
    QLabel *m_size, *m_compression, *m_tokens, *m_roundTrip, *m_time;
    QListWidget* m_list;
    const void* m_shown = nullptr; // tokenizer whose pieces are listed
};

} // namespace mmfree::gui
