#include "widgets/views/shortcuts_dialog.h"

#include "widgets/actions/action_registry.h"
#include "widgets/theme/theme.h"

#include <QDialogButtonBox>
#include <QGridLayout>
#include <QLabel>
#include <QScrollArea>
#include <QVBoxLayout>

namespace mmfree::gui
{

namespace
{

struct FixedKey {
    QString text;
    QString keys;
};

QLabel* keyLabel(const QString& keys, QWidget* parent)
{
    auto* label = new QLabel(keys, parent);
    label->setObjectName(QStringLiteral("keyCap"));
    return label;
}

void addSection(QGridLayout* grid, const QString& title, const QList<FixedKey>& entries, QWidget* parent)
{
    auto* heading = new QLabel(title, parent);
    setTextRole(heading, TextRole::Section);
    const int first = grid->rowCount();
    grid->setRowMinimumHeight(first, 4 * kGrid);
    grid->addWidget(heading, first, 0, 1, 2, Qt::AlignBottom);
    int row = first + 1;
    for (const FixedKey& entry : entries) {
        grid->addWidget(new QLabel(entry.text, parent), row, 0);
        grid->addWidget(keyLabel(entry.keys, parent), row, 1, Qt::AlignRight);
        ++row;
    }
}

} // namespace

ShortcutsDialog::ShortcutsDialog(const ActionRegistry& registry, QWidget* parent)
    : QDialog(parent)
{
    setObjectName(QStringLiteral("shortcutsDialog"));
    setWindowTitle(tr("Help"));
    auto* content = new QWidget;
    content->setObjectName(QStringLiteral("scrollContent"));
    auto* intro =
        new QLabel(tr("Open a model: a folder with <b>config.json</b> and safetensors files, or one packed "
                      "file. You can also drop it on the window. Then write below and press Enter. "
                      "Chats are kept as they are written."),
                   content);
    intro->setWordWrap(true);
    auto* grid = new QGridLayout;
    grid->setColumnStretch(0, 1);
    grid->setVerticalSpacing(kGrid / 2);
    addSection(
        grid, tr("Writing"),
        {{tr("Send"), tr("Enter")}, {tr("New line"), tr("Shift+Enter")}, {tr("Leave editing"), tr("Esc")}},
        content);

    QStringList categories;
    for (const QAction* action : registry.actions()) {
        if (!categories.contains(ActionRegistry::category(action)))
            categories << ActionRegistry::category(action);
    }
    for (const QString& category : categories) {
        QList<FixedKey> entries;
        for (const QAction* action : registry.actions()) {
            if (ActionRegistry::category(action) == category && !action->shortcut().isEmpty())
                entries.append({ActionRegistry::plainText(action),
                                action->shortcut().toString(QKeySequence::NativeText)});
        }
        if (!entries.isEmpty())
            addSection(grid, category, entries, content);
    }
    auto* inner = new QVBoxLayout(content);
    inner->setContentsMargins(3 * kGrid, 2 * kGrid, 3 * kGrid, 2 * kGrid);
    inner->addWidget(intro);
    inner->addLayout(grid);
    inner->addStretch(1);

    auto* area = new QScrollArea(this);
    area->setWidgetResizable(true);
    area->setWidget(content);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Close, this);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 2 * kGrid);
    layout->addWidget(area, 1);
    auto* bottom = new QHBoxLayout;
    bottom->setContentsMargins(3 * kGrid, 0, 3 * kGrid, 0);
    bottom->addWidget(buttons);
    layout->addLayout(bottom);
    resize(520, 600);
}

} // namespace mmfree::gui
