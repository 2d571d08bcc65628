// The list of conversations with search; renaming in place.
#pragma once

#include "widgets/models/conversation.h"

#include <QTimer>
#include <QWidget>

class QAction;
class QLabel;
class QLineEdit;
class QListView;
class QToolButton;

namespace mmfree::gui
{

class ConversationListModel;

class ConversationPanel : public QWidget
{
    Q_OBJECT
public:
    explicit ConversationPanel(ConversationListModel* model, QWidget* parent = nullptr);

    void setActions(QAction* newChat, QAction* rename, QAction* remove);
    void setCurrent(ConversationId id); // 0: none
    [[nodiscard]] ConversationId current() const;
    void renameCurrent();
    void focusSearch();
    [[nodiscard]] QString searchText() const;
    void clearSearch();

signals:
    void conversationChosen(qint64 id);
    void removeRequested(); // of the current one
    void searchChanged(const QString& text);

private:
    void showContextMenu(const QPoint& position);
    void updateEmptyText();

    ConversationListModel* m_model;
    QToolButton* m_new;
    QLineEdit* m_search;
    QListView* m_list;
    QLabel* m_empty;
    QTimer m_searchTimer;
    QList<QAction*> m_contextActions;
    bool m_settingCurrent = false;
};

} // namespace mmfree::gui
