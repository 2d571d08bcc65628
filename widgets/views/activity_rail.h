// The narrow bar at the left: one button a page.
#pragma once

#include <QWidget>

class QAction;
class QButtonGroup;
class QVBoxLayout;

namespace mmfree::gui
{

class ActivityRail : public QWidget
{
    Q_OBJECT
public:
    explicit ActivityRail(QWidget* parent = nullptr);
    void addPage(QAction* action); // checkable; its icon and text make the button

private:
    QVBoxLayout* m_layout;
    int m_count = 0;
};

} // namespace mmfree::gui
