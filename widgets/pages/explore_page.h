// The model explorer: tree of tensors, tabs over one picked tensor, layer and token, and one text that all of
// them look at. Wires views to a session of its own; the chat's model keeps running beside it.
#pragma once

#include "widgets/pages/page.h"
#include "widgets/pages/page_context.h"
#include "widgets/selection/selection_bus.h"

#include <QTimer>

class QLabel;
class QLineEdit;
class QMenu;
class QProgressBar;
class QSplitter;
class QStackedLayout;
class QTabWidget;
class QToolButton;

namespace mmfree::gui
{

class ActivationsView;
class DistributionView;
class EmptyState;
class ExplorerSession;
class FlowView;
class StateView;
class TensorTree;
class TokenStrip;
class WeightsView;
class WhatIfView;

class ExplorePage : public Page
{
    Q_OBJECT
public:
    explicit ExplorePage(const PageContext& context, QWidget* parent = nullptr);
    ~ExplorePage() override;

    [[nodiscard]] QString id() const override { return QStringLiteral("explore"); }
    [[nodiscard]] QString title() const override { return tr("Explore"); }
    [[nodiscard]] QString iconName() const override { return QStringLiteral("explore"); }
    [[nodiscard]] QList<QWidget*> panes() const override;
    [[nodiscard]] QStringList menuActions() const override;
    [[nodiscard]] QByteArray saveLayout() const override;
    void restoreLayout(const QByteArray& layout) override;
    bool showView(const QString& name) override; // "weights", "state", ...
    [[nodiscard]] bool isSettled() const override;
    void startWorking() override;
    void stopRunning();

    [[nodiscard]] ExplorerSession* session() const { return m_session; }
    [[nodiscard]] TokenStrip* strip() const { return m_strip; }
    [[nodiscard]] WeightsView* weights() const { return m_weights; }
    [[nodiscard]] DistributionView* distribution() const { return m_distribution; }
    [[nodiscard]] ActivationsView* activations() const { return m_activations; }
    [[nodiscard]] StateView* state() const { return m_state; }
    [[nodiscard]] FlowView* flow() const { return m_flow; }
    [[nodiscard]] WhatIfView* whatIf() const { return m_whatIf; }
    [[nodiscard]] TensorTree* tree() const { return m_tree; }

protected:
    void showEvent(QShowEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    QWidget* buildMain();
    QWidget* buildTextPanel();
    void addActions();
    void connectSession();
    void openServiceModel();
    void showModel();
    void fillStrip();
    void fillMessages();
    void applyText();
    void read(const QString& text);
    void follow(const Selection& selection, QObject* origin);
    void publish();
    void updateBusy();
    void chooseReference(bool folder);
    void report(const QString& title, const QString& detail);

    PageContext m_context;
    ExplorerSession* m_session;
    QStackedLayout* m_stack;
    EmptyState* m_empty;
    QWidget* m_content = nullptr;
    QSplitter* m_splitter = nullptr;
    TensorTree* m_tree = nullptr;
    QTabWidget* m_tabs = nullptr;
    WeightsView* m_weights = nullptr;
    DistributionView* m_distribution = nullptr;
    ActivationsView* m_activations = nullptr;
    StateView* m_state = nullptr;
    FlowView* m_flow = nullptr;
    WhatIfView* m_whatIf = nullptr;
    QWidget* m_textPanel = nullptr;
    QLineEdit* m_text = nullptr;
    TokenStrip* m_strip = nullptr;
    QMenu* m_messages = nullptr;
    QLabel *m_name = nullptr, *m_badge = nullptr;
    QProgressBar* m_busy = nullptr;
    QToolButton *m_compare = nullptr, *m_followChat = nullptr;
    QTimer m_followTimer; // of the text that the chat writes
    QString m_written;
    qint64 m_row = -1, m_column = -1; // the cell picked in the Weights view
    bool m_following = false;         // a change comes from the bus
    bool m_wasShown = false;
};

} // namespace mmfree::gui
