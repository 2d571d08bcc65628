#include "widgets/selection/selection_bus.h"

namespace mmfree::gui
{

void SelectionBus::publish(const Selection& selection, QObject* origin)
{
    if (selection == m_current)
        return;
    m_current = selection;
    emit changed(m_current, origin);
}

} // namespace mmfree::gui
