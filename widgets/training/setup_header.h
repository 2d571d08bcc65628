// The head of one set-up card: number, title, a sign of its state and one line of what is there or wrong.
#pragma once

#include "widgets/training/training_setup.h"

#include <QAbstractButton>

namespace mmfree::gui
{

class SetupHeader : public QAbstractButton
{
    Q_OBJECT
public:
    SetupHeader(int number, const QString& title, QWidget* parent = nullptr);

    void setStatus(const PartStatus& status);
    [[nodiscard]] const PartStatus& status() const { return m_status; }
    [[nodiscard]] QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

private:
    int m_number;
    QString m_title;
    PartStatus m_status;
};

} // namespace mmfree::gui
