#include "widgets/chat/fact_checker.h"

#include "engine/analysis/fact_table.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QPointer>
#include <QThreadPool>

namespace mmfree::gui
{

FactChecker::FactChecker(const QString& file, QString model, QObject* parent)
    : QObject(parent)
    , m_model(std::move(model))
{
    if (m_model.isEmpty() || !QFileInfo(file).isFile())
        return;
    QThreadPool::globalInstance()->start([self = QPointer<FactChecker>(this), path = file.toStdString()] {
        std::shared_ptr<const FactTable> table;
        try {
            table = std::make_shared<const FactTable>(FactTable::open(path));
        } catch (const std::exception&) {
            return; // answers go unchecked; the file is the program's own
        }
        QMetaObject::invokeMethod(qApp, [self, table] {
            if (!self)
                return;
            self->m_table = table;
            emit self->ready();
        });
    });
}

FactChecker::~FactChecker() = default;

Verdict FactChecker::verdictOn(const QString& question, const Message& answer) const
{
    if (!m_table || answer.role != ChatRole::Assistant || answer.status != MessageStatus::Complete ||
        !answer.stats || answer.stats->modelPath != m_model || answer.stats->continuesText)
        return {};
    switch (m_table->check(question.toStdString(), answer.text.toStdString())) {
    case FactVerdict::Matches:
        return {tr("Agrees with my list of facts"), QStringLiteral("check")};
    case FactVerdict::Differs:
        return {tr("Differs from my list of facts"), QStringLiteral("warning")};
    case FactVerdict::NotInList:
        break;
    }
    return {tr("Not in my list of facts"), QStringLiteral("info")};
}

} // namespace mmfree::gui
