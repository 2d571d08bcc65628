#include "widgets/views/template_panel.h"

#include "widgets/theme/theme.h"
#include "widgets/views/setting_marker.h"
#include "widgets/views/token_strip.h"
#include "widgets/workers/prompt_plan.h"

#include <QCoreApplication>
#include <QFontDatabase>
#include <QHBoxLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPointer>
#include <QScrollArea>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

constexpr int kDebounceMilliseconds = 200;
constexpr int kLimitMilliseconds = 2000;
constexpr qsizetype kLongestTemplate = 1 << 20; // characters
constexpr std::size_t kMostTokens = 600;        // shown in the preview
constexpr std::size_t kMostTurns = 6;

std::vector<ChatTurn> exampleTurns()
{
    const auto text = [](const char* source) {
        return QCoreApplication::translate("TemplatePanel", source).toStdString();
    };
    return {{ChatRole::User, text(QT_TRANSLATE_NOOP("TemplatePanel", "A question"))},
            {ChatRole::Assistant, text(QT_TRANSLATE_NOOP("TemplatePanel", "An answer"))},
            {ChatRole::User, text(QT_TRANSLATE_NOOP("TemplatePanel", "Another question"))}};
}

} // namespace

TemplatePanel::TemplatePanel(QWidget* parent)
    : QWidget(parent)
    , m_marker(new SettingMarker(tr("Chat template"), this))
    , m_editor(new QPlainTextEdit(this))
    , m_error(new QLabel(this))
    , m_title(new QLabel(tr("What the model reads"), this))
    , m_strip(new TokenStrip(TokenStrip::Layout::Flowing, this))
{
    auto* heading = new QLabel(tr("Chat template"), this);
    m_editor->setObjectName(QStringLiteral("templateEditor"));
    m_editor->setAccessibleName(tr("Chat template"));
    m_editor->setAccessibleDescription(
        tr("A JSON object with the texts around each turn: begin, user_prefix, user_suffix and so on"));
    m_editor->setTabChangesFocus(true);
    m_editor->setLineWrapMode(QPlainTextEdit::WidgetWidth);
    QFont fixed = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    fixed.setPointSizeF(9.0);
    m_editor->setFont(fixed);
    m_error->setObjectName(QStringLiteral("templateError"));
    m_error->setWordWrap(true);
    m_error->setTextFormat(Qt::PlainText);
    setTextRole(m_error, TextRole::Small);
    m_error->hide();
    setTextRole(m_title, TextRole::Section);
    m_strip->setObjectName(QStringLiteral("templatePreview"));
    m_strip->setAccessibleName(tr("What the model reads"));
    m_strip->setEmptyText(tr("No model with a tokenizer is open."));

    auto* row = new QHBoxLayout;
    row->setSpacing(kGrid / 2);
    row->addWidget(heading);
    row->addWidget(m_marker);
    row->addStretch(1);
    auto* area = new QScrollArea(this);
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setFocusPolicy(Qt::NoFocus);
    auto* content = new QWidget;
    content->setObjectName(QStringLiteral("scrollContent"));
    auto* inner = new QVBoxLayout(content);
    inner->setContentsMargins(0, 0, 0, 0);
    inner->addWidget(m_strip);
    inner->addStretch(1);
    area->setWidget(content);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(2 * kGrid, 2 * kGrid, 2 * kGrid, 2 * kGrid);
    layout->setSpacing(kGrid);
    layout->addLayout(row);
    layout->addWidget(m_editor, 3);
    layout->addWidget(m_error);
    layout->addWidget(m_title);
    layout->addWidget(area, 2);

    m_pool.setMaxThreadCount(1);
    m_debounce.setSingleShot(true);
    m_debounce.setInterval(kDebounceMilliseconds);
    m_limit.setSingleShot(true);
    m_limit.setInterval(kLimitMilliseconds);
    connect(&m_debounce, &QTimer::timeout, this, &TemplatePanel::parse);
    connect(&m_limit, &QTimer::timeout, this, [this] {
        m_waiting = 0; // its result is not wanted any more
        showError(tr("The template takes longer than %1 seconds to read; the last good one stays in use.")
                      .arg(kLimitMilliseconds / 1000));
    });
    connect(m_editor, &QPlainTextEdit::textChanged, this, [this] {
        if (m_showing)
            return;
        m_typed = true;
        m_debounce.start();
    });
    connect(m_marker, &SettingMarker::resetRequested, this, [this] {
        m_typed = false;
        emit resetRequested();
    });
}

TemplatePanel::~TemplatePanel()
{
    m_pool.clear();
    m_pool.waitForDone();
}

void TemplatePanel::setLayers(const SettingLayers& layers)
{
    m_layers = layers;
    m_marker->setOrigin(layers.originOf(QStringLiteral("chatTemplate")), layers.presetName);
    const QString json = layers.value(QStringLiteral("chatTemplate")).toString();
    // What is being typed is not replaced under the cursor.
    if (!m_typed && m_editor->toPlainText() != json) {
        m_showing = true;
        m_editor->setPlainText(json);
        m_showing = false;
    }
    m_debounce.start();
}

void TemplatePanel::setTokenizer(std::shared_ptr<const Tokenizer> tokenizer)
{
    m_tokenizer = std::move(tokenizer);
    m_debounce.start();
}

void TemplatePanel::setTurns(std::vector<ChatTurn> turns)
{
    m_turns = std::move(turns);
    m_debounce.start();
}

void TemplatePanel::parse()
{
    const QString json = m_editor->toPlainText();
    if (json.size() > kLongestTemplate) {
        showError(
            tr("The template has %1 characters, needed: at most %2").arg(json.size()).arg(kLongestTemplate));
        return;
    }
    const quint64 job = ++m_job;
    m_waiting = job;
    m_limit.start();
    const bool typed = m_typed;
    const EffectiveSettings effective = effectiveSettings(m_layers);
    const std::vector<ChatTurn> turns = m_turns.empty() ? exampleTurns() : m_turns;
    m_pool.clear(); // an older one that has not begun is not needed
    m_pool.start([self = QPointer<TemplatePanel>(this), job, json, typed, turns, tokenizer = m_tokenizer,
                  prompt = effective.chatTemplate.systemPrompt] {
        const Preview result = preview(json.toStdString(), prompt, tokenizer, turns);
        if (self) // outlives the pool's threads, see the destructor
            QMetaObject::invokeMethod(self.data(), [self, job, json, typed, result] {
                if (self)
                    self->take(job, json, typed, result);
            });
    });
}

TemplatePanel::Preview TemplatePanel::preview(const std::string& json, const std::string& systemPrompt,
                                              const std::shared_ptr<const Tokenizer>& tokenizer,
                                              std::vector<ChatTurn> turns)
{
    Preview result;
    try {
        ChatTemplate chatTemplate = parseChatTemplate(json, tr("chat template").toStdString());
        if (!systemPrompt.empty())
            chatTemplate.systemPrompt = systemPrompt;
        if (!tokenizer)
            return result;
        if (turns.size() > kMostTurns)
            turns.erase(turns.begin(), turns.end() - static_cast<std::ptrdiff_t>(kMostTurns));
        if (tokenizer->bosId() >= 0)
            result.tokens.push_back({QString::fromStdString(tokenizer->piece(tokenizer->bosId())), true});
        for (const PromptPiece& piece : planPrompt(chatTemplate, turns).pieces) {
            for (const TokenId id : tokenizer->encode(piece.text, piece.parseSpecial)) {
                if (result.tokens.size() >= kMostTokens) {
                    result.cut = true;
                    return result;
                }
                const bool special = tokenizer->isControl(id) || tokenizer->isUserDefined(id);
                const std::string text = special ? tokenizer->piece(id) : tokenizer->bytesOf(id);
                StripToken token;
                token.text = QString::fromStdString(text);
                token.special = special;
                token.note = tr("id %1").arg(id);
                result.tokens.push_back(token);
            }
        }
    } catch (const std::exception& error) {
        result.error = QString::fromStdString(error.what());
    }
    return result;
}

void TemplatePanel::take(quint64 job, const QString& json, bool typed, const Preview& preview)
{
    if (job != m_waiting)
        return;
    m_waiting = 0;
    m_limit.stop();
    if (!preview.error.isEmpty()) {
        showError(preview.error);
        return;
    }
    m_error->hide();
    m_strip->setTokens(preview.tokens);
    m_title->setText(preview.cut ? tr("What the model reads (the beginning)") : tr("What the model reads"));
    if (typed && json == m_editor->toPlainText()) {
        m_typed = false;
        if (json != m_layers.value(QStringLiteral("chatTemplate")).toString())
            emit templateChanged(json);
    }
}

void TemplatePanel::showError(const QString& text)
{
    m_error->setText(tr("%1\nThe last good template stays in use.").arg(text));
    m_error->show();
}

} // namespace mmfree::gui
