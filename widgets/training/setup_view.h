// The four cards of a run to be: a row of headers that say what is there or what is wrong, and the chosen
// card's controls below.
#pragma once

#include "widgets/training/training_setup.h"

#include <QWidget>

#include <functional>

class QButtonGroup;
class QLabel;
class QStackedWidget;
class QToolButton;

namespace mmfree::gui
{

class SetupHeader;

class SetupView : public QWidget
{
    Q_OBJECT
public:
    // `openBundled`: path of a model that came along, offered as a start; may be empty.
    SetupView(TrainingSetup* setup, const QString& bundledModel, QWidget* parent = nullptr);

    void showPart(SetupPart part);
    [[nodiscard]] SetupPart part() const;

signals:
    void problem(const QString& title, const QString& detail);

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    void refresh();

    TrainingSetup* m_setup;
    QList<SetupHeader*> m_headers;
    QStackedWidget* m_bodies;
};

} // namespace mmfree::gui
