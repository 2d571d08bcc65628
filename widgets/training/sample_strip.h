// Sample texts of a run as a film strip: a row for each prompt, a card for each step at which it was
// continued.
#pragma once

#include "widgets/training/run_reader.h"

#include <QScrollArea>

class QGridLayout;

namespace mmfree::gui
{

class SampleStrip : public QScrollArea
{
    Q_OBJECT
public:
    explicit SampleStrip(QWidget* parent = nullptr);

    void show(const RunReader* reader); // null: nothing; borrowed during the call only
    void goTo(qint64 step);             // scrolls to the samples nearest to it

private:
    void addCard(const RunSample& sample, int row, int column);

    QWidget* m_content;
    QGridLayout* m_grid;
    QString m_folder;
    std::size_t m_shown = 0;
    QStringList m_prompts;
    QList<qint64> m_steps;
    QList<QWidget*> m_cards;
};

} // namespace mmfree::gui
