// F1: how to use the window, and every shortcut. Reads the action registry.
#pragma once

#include <QDialog>

namespace mmfree::gui
{

class ActionRegistry;

class ShortcutsDialog : public QDialog
{
    Q_OBJECT
public:
    ShortcutsDialog(const ActionRegistry& registry, QWidget* parent);
};

} // namespace mmfree::gui
