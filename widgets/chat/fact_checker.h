// Holds answers of the bundled model against the table of facts it was taught. The table is read on another
// thread; lives in the window's thread.
#pragma once

#include "widgets/models/conversation.h"

#include <QObject>

#include <memory>

namespace mmfree
{
class FactTable;
}

namespace mmfree::gui
{

struct Verdict {
    QString text; // one sentence; empty: nothing to say
    QString icon; // for themedIcon
};

class FactChecker : public QObject
{
    Q_OBJECT
public:
    // `file`: the table; when it cannot be read nothing is checked. `model`: whose answers it is for.
    FactChecker(const QString& file, QString model, QObject* parent = nullptr);
    ~FactChecker() override;

    [[nodiscard]] bool isReady() const { return m_table != nullptr; }
    // Of an answer to `question`; empty for other models, unfinished answers and before the table is read.
    [[nodiscard]] Verdict verdictOn(const QString& question, const Message& answer) const;

signals:
    void ready();

private:
    QString m_model;
    std::shared_ptr<const FactTable> m_table;
};

} // namespace mmfree::gui
