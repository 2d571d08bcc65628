// The data card: files dropped or taken from the shelf, what is in them, and how the model will see them.
#pragma once

#include "widgets/training/training_setup.h"

#include <QWidget>

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;
class QStackedWidget;
class QTabBar;
class QTreeWidget;

namespace mmfree::gui
{

class TokenStrip;

class DataCard : public QWidget
{
    Q_OBJECT
public:
    explicit DataCard(TrainingSetup* setup, QWidget* parent = nullptr);

private:
    void chooseFiles();
    void chooseFolder();
    void refresh();
    void refreshFiles();
    void refreshPreview();
    void fillShelf();

    TrainingSetup* m_setup;
    QTreeWidget* m_files;
    QComboBox* m_shelf;
    QPushButton *m_remove, *m_removeUnusable;
    QDoubleSpinBox* m_share;
    QLabel *m_split, *m_previewLine;
    QTabBar* m_previewKind;
    QStackedWidget* m_previews;
    QPlainTextEdit* m_text;
    TokenStrip *m_tokens, *m_batch;
    QSpinBox* m_row;
    const void *m_shownCorpus = nullptr, *m_shownTokenizer = nullptr; // what the previews show
    qint64 m_shownShape = 0;
};

} // namespace mmfree::gui
