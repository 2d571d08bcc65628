#include "widgets/store/conversation_export.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>
#include <QPageLayout>
#include <QPageSize>
#include <QPdfWriter>
#include <QTextDocument>

namespace mmfree::gui
{

namespace
{

constexpr const char* kFormat = "mmfree-chats";
constexpr int kVersion = 1;
constexpr qsizetype kMostMessages = 1'000'000;

QString tr(const char* text)
{
    return QCoreApplication::translate("mmfree::gui", text);
}

QString authorOf(const Message& message)
{
    switch (message.role) {
    case ChatRole::System:
        return tr("System");
    case ChatRole::User:
        return tr("You");
    case ChatRole::Assistant:
        break;
    }
    return message.stats && !message.stats->model.isEmpty() ? message.stats->model : tr("Model");
}

bool isMarkdown(const Message& message)
{
    return message.role == ChatRole::Assistant && !(message.stats && message.stats->continuesText);
}

const char* roleName(ChatRole role)
{
    switch (role) {
    case ChatRole::System:
        return "system";
    case ChatRole::Assistant:
        return "assistant";
    case ChatRole::User:
        break;
    }
    return "user";
}

QString htmlOf(const Message& message)
{
    if (!isMarkdown(message))
        return QStringLiteral("<p style=\"white-space: pre-wrap\">%1</p>").arg(message.text.toHtmlEscaped());
    QTextDocument document;
    document.setMarkdown(message.text, QTextDocument::MarkdownFeatures(QTextDocument::MarkdownDialectGitHub) |
                                           QTextDocument::MarkdownNoHTML);
    const QString html = document.toHtml();
    const qsizetype begin = html.indexOf(QLatin1Char('>'), html.indexOf(QLatin1String("<body"))) + 1;
    return html.mid(begin, html.indexOf(QLatin1String("</body>")) - begin);
}

QJsonObject messageToJson(const Message& message)
{
    QJsonObject object{{"parent", message.parent},
                       {"role", QLatin1String(roleName(message.role))},
                       {"text", message.text},
                       {"status", static_cast<int>(message.status)},
                       {"created", message.created.toUTC().toString(Qt::ISODateWithMs)}};
    if (message.stats)
        object.insert("stats", statsToObject(*message.stats));
    return object;
}

[[noreturn]] void fail(const QString& what, const QString& found, const QString& needed)
{
    throw ImportError(tr("%1 is %2, needed: %3").arg(what, found, needed));
}

QString shown(const QJsonValue& value)
{
    if (value.isUndefined())
        return tr("absent");
    QString text = QString::fromUtf8(QJsonDocument(QJsonArray{value}).toJson(QJsonDocument::Compact)).mid(1);
    text.chop(1);
    return text.size() > 60 ? text.left(60) + QChar(0x2026) : text;
}

QString textField(const QJsonObject& object, const char* field, const QString& where)
{
    const QJsonValue value = object.value(QLatin1String(field));
    if (!value.isString())
        fail(where + QLatin1String(field), shown(value), tr("text"));
    return value.toString();
}

Message messageFromJson(const QJsonObject& object, MessageId id, const QString& where)
{
    Message message;
    message.id = id;
    const QJsonValue parent = object["parent"];
    message.parent = parent.toInteger(-1);
    if (message.parent < 0 || message.parent >= id)
        fail(where + QStringLiteral("parent"), shown(parent),
             tr("the number of an earlier message, or 0 for the first"));
    const QString role = textField(object, "role", where);
    if (role == QLatin1String("user"))
        message.role = ChatRole::User;
    else if (role == QLatin1String("assistant"))
        message.role = ChatRole::Assistant;
    else if (role == QLatin1String("system"))
        message.role = ChatRole::System;
    else
        fail(where + QStringLiteral("role"), shown(role), tr("user, assistant or system"));
    message.text = textField(object, "text", where);
    const int status = object["status"].toInt(0);
    if (status < 0 || status > static_cast<int>(MessageStatus::ContextFull))
        fail(where + QStringLiteral("status"), QString::number(status), QStringLiteral("0 .. 5"));
    message.status = static_cast<MessageStatus>(status);
    if (message.status == MessageStatus::Streaming)
        message.status = MessageStatus::Interrupted;
    message.created = QDateTime::fromString(object["created"].toString(), Qt::ISODateWithMs).toLocalTime();
    if (object["stats"].isObject())
        message.stats = statsFromObject(object["stats"].toObject());
    return message;
}

} // namespace

ExportedConversation exportable(ConversationSummary summary, QByteArray settings,
                                std::vector<Message> messages, MessageId leaf)
{
    ExportedConversation exported{std::move(summary), std::move(settings), std::move(messages), 0};
    QHash<MessageId, MessageId> numbers;
    for (Message& message : exported.messages) {
        const MessageId number = numbers.size() + 1;
        numbers.insert(message.id, number);
        message.id = number;
        message.parent = numbers.value(message.parent, 0);
    }
    exported.leaf = numbers.value(leaf, 0);
    return exported;
}

QString toMarkdown(const QString& title, const std::vector<Message>& messages)
{
    QString text = QStringLiteral("# %1\n").arg(title);
    for (const Message& message : messages)
        text += QStringLiteral("\n## %1\n\n%2\n").arg(authorOf(message), message.text.trimmed());
    return text;
}

QString toHtml(const QString& title, const std::vector<Message>& messages)
{
    QString body;
    for (const Message& message : messages) {
        const bool own = message.role == ChatRole::User;
        body += QStringLiteral("<div class=\"%1\"><h2>%2</h2>%3</div>\n")
                    .arg(own ? QStringLiteral("own") : QStringLiteral("answer"),
                         authorOf(message).toHtmlEscaped(), htmlOf(message));
    }
    return QStringLiteral(
               "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>%1</title>\n<style>"
               "body { font-family: sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; "
               "line-height: 1.4; color: #1a1e23; background: #ffffff; }"
               "h2 { font-size: 0.85em; color: #56606c; margin: 0 0 0.4em 0; }"
               "div.own { background: #eceff2; border-radius: 8px; }"
               "div.own, div.answer { padding: 0.8em 1em; margin: 0.6em 0; }"
               "pre { background: #eef1f4; padding: 0.6em; white-space: pre-wrap; }"
               "</style></head>\n<body><h1>%1</h1>\n%2</body></html>\n")
        .arg(title.toHtmlEscaped(), body);
}

QByteArray toPdf(const QString& title, const std::vector<Message>& messages)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    {
        QPdfWriter writer(&buffer);
        writer.setTitle(title);
        writer.setCreator(QStringLiteral("MatMul-Free Studio"));
        writer.setPageLayout(QPageLayout(QPageSize(QPageSize::A4), QPageLayout::Portrait,
                                         QMarginsF(18, 18, 18, 18), QPageLayout::Millimeter));
        writer.setResolution(300);
        QTextDocument document;
        QFont font(QStringLiteral("DejaVu Sans"));
        font.setPointSizeF(10.0);
        document.setDefaultFont(font);
        document.documentLayout();
        document.setHtml(toHtml(title, messages));
        document.print(&writer);
    }
    return bytes;
}

QByteArray conversationsToJson(const std::vector<ExportedConversation>& conversations)
{
    QJsonArray list;
    for (const ExportedConversation& conversation : conversations) {
        QJsonArray messages;
        for (const Message& message : conversation.messages)
            messages.append(messageToJson(message));
        list.append(QJsonObject{{"title", conversation.summary.title},
                                {"updated", conversation.summary.updated.toUTC().toString(Qt::ISODateWithMs)},
                                {"pinned", conversation.summary.pinned},
                                {"folder", conversation.summary.folder},
                                {"settings", QJsonDocument::fromJson(conversation.settings).object()},
                                {"shown", conversation.leaf},
                                {"messages", messages}});
    }
    return QJsonDocument(QJsonObject{{"format", QLatin1String(kFormat)},
                                     {"version", kVersion},
                                     {"conversations", list}})
        .toJson();
}

std::vector<ExportedConversation> conversationsFromJson(const QByteArray& json)
{
    QJsonParseError problem;
    const QJsonDocument document = QJsonDocument::fromJson(json, &problem);
    if (!document.isObject())
        throw ImportError(
            problem.error == QJsonParseError::NoError
                ? tr("The file is a JSON list or value, needed: an object")
                : tr("The file is not JSON: %1 at byte %2").arg(problem.errorString()).arg(problem.offset));
    const QJsonObject root = document.object();
    if (root["format"].toString() != QLatin1String(kFormat))
        fail(QStringLiteral("format"), shown(root["format"]), QStringLiteral("\"%1\"").arg(kFormat));
    if (root["version"].toInt(-1) != kVersion)
        fail(QStringLiteral("version"), shown(root["version"]), QString::number(kVersion));
    if (!root["conversations"].isArray())
        fail(QStringLiteral("conversations"), shown(root["conversations"]), tr("a list"));

    std::vector<ExportedConversation> conversations;
    const QJsonArray list = root["conversations"].toArray();
    for (qsizetype index = 0; index < list.size(); ++index) {
        const QString where = QStringLiteral("conversations[%1].").arg(index);
        if (!list[index].isObject())
            fail(where.chopped(1), shown(list[index]), tr("an object"));
        const QJsonObject object = list[index].toObject();
        ExportedConversation conversation;
        conversation.summary.title = textField(object, "title", where).simplified().left(200);
        conversation.summary.updated =
            QDateTime::fromString(object["updated"].toString(), Qt::ISODateWithMs).toLocalTime();
        conversation.summary.pinned = object["pinned"].toBool();
        conversation.summary.folder = object["folder"].toString().simplified().left(200);
        if (object["settings"].isObject() && !object["settings"].toObject().isEmpty())
            conversation.settings =
                QJsonDocument(object["settings"].toObject()).toJson(QJsonDocument::Compact);
        if (!object["messages"].isArray() || object["messages"].toArray().size() > kMostMessages)
            fail(where + QStringLiteral("messages"), shown(object["messages"]),
                 tr("a list of at most %1 messages").arg(kMostMessages));
        const QJsonArray messages = object["messages"].toArray();
        for (qsizetype number = 0; number < messages.size(); ++number)
            conversation.messages.push_back(
                messageFromJson(messages[number].toObject(), number + 1,
                                where + QStringLiteral("messages[%1].").arg(number)));
        conversation.leaf = object["shown"].toInteger(messages.size());
        if (conversation.leaf < 0 || conversation.leaf > messages.size())
            fail(where + QStringLiteral("shown"), shown(object["shown"]),
                 QStringLiteral("0 .. %1").arg(messages.size()));
        conversations.push_back(std::move(conversation));
    }
    if (conversations.empty())
        throw ImportError(tr("The file holds no chats, needed: at least one"));
    return conversations;
}

} // namespace mmfree::gui
