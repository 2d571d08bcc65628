// How the next answers are drawn: temperature, top-k, top-p, min-p, repetition penalty, seed, length.
#pragma once

#include "engine/session/session.h"

#include <QWidget>

#include <vector>

class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSlider;
class QSpinBox;
class QToolButton;
class QVBoxLayout;

namespace mmfree::gui
{

struct SamplingSettings {
    SamplingOptions options;
    int maxTokens = 256;
    bool seedLocked = false; // false: every answer draws a new seed
    friend bool operator==(const SamplingSettings&, const SamplingSettings&) = default;
};

class SamplingPanel : public QWidget
{
    Q_OBJECT
public:
    explicit SamplingPanel(QWidget* parent = nullptr);

    [[nodiscard]] const SamplingSettings& settings() const { return m_settings; }
    void setSettings(const SamplingSettings& settings);
    void rollSeed(); // a new random seed, shown

signals:
    void settingsChanged(const mmfree::gui::SamplingSettings& settings);

private:
    struct Row {
        QSlider* slider = nullptr;
        QDoubleSpinBox* box = nullptr;
        double SamplingOptions::*field = nullptr;
    };

    void addRealRow(QVBoxLayout* layout, const QString& name, const QString& hint, double minimum,
                    double maximum, double step, double SamplingOptions::*field);
    QSpinBox* addIntegerRow(QVBoxLayout* layout, const QString& objectName, const QString& name,
                            const QString& hint, int minimum, int maximum);
    void addSeedRow(QVBoxLayout* layout);
    void showSettings();
    void changed();

    SamplingSettings m_settings;
    std::vector<Row> m_rows;
    QSpinBox *m_topK, *m_maxTokens;
    QLineEdit* m_seed;
    QToolButton *m_dice, *m_lock;
    QPushButton* m_reset;
    bool m_showing = false;
};

} // namespace mmfree::gui
