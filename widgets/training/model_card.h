// The model card: a preset, a shape by hand or a model to train further, with estimates of its size, memory
// and time.
#pragma once

#include "widgets/training/training_setup.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QPushButton;
class QSpinBox;

namespace mmfree::gui
{

class ModelCard : public QWidget
{
    Q_OBJECT
public:
    ModelCard(TrainingSetup* setup, const QString& bundledModel, QWidget* parent = nullptr);

private:
    void applyShape();
    void refresh();

    TrainingSetup* m_setup;
    QComboBox *m_start, *m_preset, *m_architecture, *m_backend;
    QSpinBox *m_layers, *m_hidden, *m_intermediate, *m_threads;
    QLabel *m_parameters, *m_memory, *m_weights, *m_optimizer, *m_activations, *m_speed, *m_time, *m_where;
    QPushButton* m_measure;
};

} // namespace mmfree::gui
