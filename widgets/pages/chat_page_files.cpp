// Import, export and the clipboard of the chat page.
#include "widgets/pages/chat_page.h"

#include "engine/core/atomic_file.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/models/conversation_list_model.h"
#include "widgets/store/conversation_export.h"
#include "widgets/store/conversation_store.h"
#include "widgets/views/message_bar.h"

#include <QClipboard>
#include <QDir>
#include <QFile>
#include <QFileDialog>
#include <QGuiApplication>
#include <QRegularExpression>

namespace mmfree::gui
{

namespace
{

constexpr int kNoticeMilliseconds = 6000;
constexpr qint64 kLargestImport = 512LL << 20;

QString fileNameFrom(QString title, const QString& suffix)
{
    title.replace(
        QRegularExpression(QStringLiteral("[^\\w\\- ]+"), QRegularExpression::UseUnicodePropertiesOption),
        QStringLiteral("_"));
    return (title.simplified().left(60).trimmed().isEmpty() ? QStringLiteral("chat")
                                                            : title.simplified().left(60).trimmed()) +
           QLatin1Char('.') + suffix;
}

} // namespace

void ChatPage::copyText(const QString& text)
{
    QGuiApplication::clipboard()->setText(text);
}

void ChatPage::copyReproduce(qint64 message)
{
    QString reason;
    const QString command = m_controller->reproduceCommand(message, &reason);
    if (command.isEmpty()) {
        m_messages->showMessage(MessageBar::Severity::Warning, tr("This answer cannot be reproduced"),
                                reason);
        return;
    }
    copyText(command);
    m_messages->showMessage(MessageBar::Severity::Information, tr("The command line was copied"), command,
                            kNoticeMilliseconds);
}

void ChatPage::exportChat(const QString& format, bool all)
{
    ConversationStore* store = m_controller->store();
    const ConversationId id = m_controller->currentConversation();
    QByteArray bytes;
    QString title = tr("All chats");
    try {
        std::vector<ExportedConversation> exported;
        const auto add = [&](const ConversationSummary& summary) {
            exported.push_back(exportable(summary, store->settings(summary.id),
                                          store->allMessages(summary.id), store->shownLeaf(summary.id)));
        };
        if (all) {
            for (const ConversationSummary& summary : store->conversations())
                add(summary);
        } else {
            if (id == 0)
                return;
            title = store->conversation(id).title;
            add(store->conversation(id));
        }
        const std::vector<Message>& shown = m_controller->messages();
        if (format == QLatin1String("json"))
            bytes = conversationsToJson(exported);
        else if (format == QLatin1String("html"))
            bytes = toHtml(title, shown).toUtf8();
        else if (format == QLatin1String("pdf"))
            bytes = toPdf(title, shown);
        else
            bytes = toMarkdown(title, shown).toUtf8();
    } catch (const std::exception& error) {
        m_messages->showMessage(MessageBar::Severity::Error, tr("The chat was not exported"),
                                QString::fromStdString(error.what()));
        return;
    }
    auto* dialog = new QFileDialog(this, tr("Export"), QDir::homePath());
    dialog->setObjectName(QStringLiteral("exportDialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(format);
    dialog->setNameFilters({tr("%1 files (*.%2)").arg(format.toUpper(), format), tr("All files (*)")});
    dialog->selectFile(fileNameFrom(title, format));
    connect(dialog, &QFileDialog::fileSelected, this,
            [this, bytes](const QString& file) { writeExport(file, bytes); });
    dialog->open();
}

void ChatPage::writeExport(const QString& file, const QByteArray& bytes)
{
    try {
        writeFileAtomically(file.toStdString(),
                            std::string_view(bytes.constData(), static_cast<std::size_t>(bytes.size())));
        m_messages->showMessage(MessageBar::Severity::Information, tr("Exported"), file, kNoticeMilliseconds);
    } catch (const std::exception& error) {
        m_messages->showMessage(MessageBar::Severity::Error, tr("The chat was not exported"),
                                QString::fromStdString(error.what()));
    }
}

void ChatPage::importChats()
{
    auto* dialog = new QFileDialog(this, tr("Import chats"), QDir::homePath());
    dialog->setObjectName(QStringLiteral("importDialog"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    dialog->setNameFilters({tr("JSON files (*.json)"), tr("All files (*)")});
    connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& path) {
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly) || file.size() > kLargestImport) {
            m_messages->showMessage(
                MessageBar::Severity::Error, tr("The chats could not be imported"),
                file.isOpen()
                    ? tr("%1 has %2 bytes, needed: at most %3").arg(path).arg(file.size()).arg(kLargestImport)
                    : tr("%1: %2").arg(path, file.errorString()));
            return;
        }
        m_controller->importConversations(file.readAll());
    });
    dialog->open();
}

} // namespace mmfree::gui
