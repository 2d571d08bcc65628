// Edits one contender: model or shape, backend, device, threads, packing. Says at once what is wrong.
#pragma once

#include "engine/analysis/compare_types.h"

#include <QDialog>

class QCheckBox;
class QComboBox;
class QDialogButtonBox;
class QLabel;
class QLineEdit;
class QSpinBox;

namespace mmfree::gui
{

class ContenderDialog : public QDialog
{
    Q_OBJECT
public:
    explicit ContenderDialog(const Contender& contender, QWidget* parent = nullptr);
    [[nodiscard]] Contender contender() const;

private:
    void check();
    void chooseModel();

    Contender m_given;
    QLineEdit *m_name, *m_what, *m_isa;
    QComboBox *m_kind, *m_backend, *m_packing;
    QSpinBox *m_threads, *m_device, *m_seed;
    QLabel* m_problem;
    QDialogButtonBox* m_buttons;
};

} // namespace mmfree::gui
