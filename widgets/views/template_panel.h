// The chat template as text, and what the model would read with it, special tokens as chips. Parsing and
// tokenizing happen on another thread, shortly after the last key and with a time limit; while the text is
// not a template the last good one stays in use.
#pragma once

#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "widgets/models/chat_settings.h"

#include <QThreadPool>
#include <QTimer>
#include <QWidget>

#include <memory>
#include <vector>

class QLabel;
class QPlainTextEdit;

namespace mmfree::gui
{

class SettingMarker;
class TokenStrip;
struct StripToken;

class TemplatePanel : public QWidget
{
    Q_OBJECT
public:
    explicit TemplatePanel(QWidget* parent = nullptr);
    ~TemplatePanel() override;

    void setLayers(const SettingLayers& layers);
    void setTokenizer(std::shared_ptr<const Tokenizer> tokenizer); // null: the preview is empty
    void setTurns(std::vector<ChatTurn> turns); // what the preview renders; empty: an example
    [[nodiscard]] bool isWorking() const { return m_waiting != 0; }

signals:
    void templateChanged(const QString& json); // a good one, typed here
    void resetRequested();

private:
    struct Preview {
        std::vector<StripToken> tokens;
        QString error;
        bool cut = false; // longer than is shown
    };
    static Preview preview(const std::string& json, const std::string& systemPrompt,
                           const std::shared_ptr<const Tokenizer>& tokenizer, std::vector<ChatTurn> turns);
    void parse();
    void take(quint64 job, const QString& json, bool typed, const Preview& preview);
    void showError(const QString& text);

    SettingMarker* m_marker;
    QPlainTextEdit* m_editor;
    QLabel *m_error, *m_title;
    TokenStrip* m_strip;
    QTimer m_debounce, m_limit;
    QThreadPool m_pool;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::vector<ChatTurn> m_turns;
    SettingLayers m_layers;
    quint64 m_job = 0, m_waiting = 0; // the newest; the one being waited for, 0: none
    bool m_typed = false, m_showing = false;
};

} // namespace mmfree::gui
