// How the next answers are drawn, beside the chat: preset, sampling, seed, length, system prompt, stop
// strings. Every control says whether its value is the model's, the preset's or this chat's own. Shows layers
// and asks for changes; keeping them is the chat controller's business.
#pragma once

#include "widgets/models/chat_settings.h"

#include <QTimer>
#include <QWidget>

#include <vector>

class QAbstractSpinBox;
class QComboBox;
class QDoubleSpinBox;
class QHBoxLayout;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;
class QSlider;
class QSpinBox;
class QToolButton;
class QVBoxLayout;

namespace mmfree::gui
{

class SettingMarker;

class SamplingPanel : public QWidget
{
    Q_OBJECT
public:
    explicit SamplingPanel(QWidget* parent = nullptr);

    void setLayers(const SettingLayers& layers);
    void setPresets(const QStringList& names, const QString& current);
    void setLatestSeed(quint64 seed); // of the newest answer: what the lock keeps
    void setTokenBytes(qint64 bytes); // stored token data of all chats

signals:
    void valueChanged(const QString& field, const QJsonValue& value); // undefined: as the preset or model has
    void presetChosen(const QString& name);                           // empty: none
    void savePresetRequested(const QString& name);
    void deletePresetRequested(const QString& name);
    void resetRequested();

private:
    struct Field {
        QString name;
        SettingMarker* marker = nullptr;
        QDoubleSpinBox* real = nullptr;
        QSpinBox* whole = nullptr;
        QSlider* slider = nullptr;
        QPlainTextEdit* text = nullptr;
    };

    QHBoxLayout* addHeading(QVBoxLayout* layout, const QString& field, const QString& name,
                            const QString& hint, SettingMarker*& marker);
    void addReal(QVBoxLayout* layout, const QString& field, const QString& name, const QString& hint,
                 double minimum, double maximum, double step);
    void addWhole(QVBoxLayout* layout, const QString& field, const QString& name, const QString& hint,
                  int minimum, int maximum);
    void addText(QVBoxLayout* layout, const QString& field, const QString& name, const QString& hint,
                 const QString& placeholder, int lines);
    void addSeed(QVBoxLayout* layout);
    void addPresets(QVBoxLayout* layout);
    void showLayers();
    void sendTexts();
    void askPresetName();

    SettingLayers m_layers;
    std::vector<Field> m_fields;
    QComboBox* m_presets;
    QToolButton* m_deletePreset;
    SettingMarker* m_seedMarker;
    QLineEdit* m_seed;
    QToolButton *m_dice, *m_lock;
    QPushButton* m_reset;
    QTimer m_textTimer;
    quint64 m_latestSeed = 0;
    bool m_showing = false;
};

} // namespace mmfree::gui
