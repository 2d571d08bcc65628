// The one selection that all pages share: a token clicked in chat is the same token in the explorer. Pages
// publish what the user picks and follow what others publish. Lives in the window's thread.
#pragma once

#include <QObject>
#include <QString>

namespace mmfree::gui
{

// What is picked. Fields that do not apply are empty or -1; a page publishes all it knows and keeps the rest.
struct Selection {
    QString model;           // path of the model's folder or file
    QString checkpoint;      // path of a training checkpoint, when one is looked at instead of `model`
    qint64 conversation = 0; // id in the conversation store; 0: none
    qint64 message = 0;      // id in the conversation store; 0: none
    qint64 token = -1;       // index in the text that `text` or the message holds
    QString text;            // the text the token index belongs to, when it is no stored message
    int layer = -1;
    QString tensor; // name as in the checkpoint, "model.layers.3.attn.f_proj.weight"
    qint64 row = -1, column = -1;
    QString run; // folder of a training run
    qint64 step = -1;

    bool operator==(const Selection&) const = default;
};

class SelectionBus : public QObject
{
    Q_OBJECT
public:
    using QObject::QObject;

    [[nodiscard]] const Selection& current() const { return m_current; }
    // Replaces the selection and tells everybody; nothing happens when it is the same. `origin` is the
    // publisher, so that it can ignore its own change.
    void publish(const Selection& selection, QObject* origin);

signals:
    void changed(const mmfree::gui::Selection& selection, QObject* origin);

private:
    Selection m_current;
};

} // namespace mmfree::gui
