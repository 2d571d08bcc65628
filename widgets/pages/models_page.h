// What the open model is made of, where it runs, and how to open another: configuration, sizes, memory,
// tokenizer, every backend with its devices and the reasons why some cannot be used.
#pragma once

#include "widgets/pages/page.h"
#include "widgets/workers/inference_types.h"

class QAction;
class QFormLayout;
class QLabel;
class QListWidget;
class QStackedLayout;
class QTreeWidget;
class QVBoxLayout;

namespace mmfree::gui
{

class EmptyState;
class InferenceService;
struct PageContext;

class ModelsPage : public Page
{
    Q_OBJECT
public:
    explicit ModelsPage(const PageContext& context, QWidget* parent = nullptr);

    [[nodiscard]] QString id() const override { return QStringLiteral("models"); }
    [[nodiscard]] QString title() const override { return tr("Models"); }
    [[nodiscard]] QString iconName() const override { return QStringLiteral("models"); }
    [[nodiscard]] QList<QWidget*> panes() const override;

    void setActions(QAction* openFolder, QAction* openFile);
    void setRecentModels(const QStringList& paths);

signals:
    void modelChosen(const QString& path);
    void backendChosen(const QString& backend); // open the model again there

private:
    QWidget* buildSidePanel();
    QWidget* buildDetails();
    QFormLayout* addCard(QVBoxLayout* layout, const QString& title);
    void showModel();
    void showBackends();
    void showTensors(const ModelConfig& config);

    InferenceService* m_service;
    QVBoxLayout* m_buttons;
    QListWidget* m_recent;
    QLabel* m_noRecent; // in place of an empty list
    QStackedLayout* m_stack;
    EmptyState* m_empty;
    QLabel *m_name, *m_path;
    QFormLayout *m_shape, *m_memory;
    QTreeWidget *m_backends, *m_tensors;
};

} // namespace mmfree::gui
