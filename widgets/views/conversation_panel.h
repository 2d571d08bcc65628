// The list of conversations in sections (pinned, folders, age) with search; renaming in place.
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
class ConversationSections;

class ConversationPanel : public QWidget
{
    Q_OBJECT
public:
    explicit ConversationPanel(ConversationListModel* model, QWidget* parent = nullptr);

    void setActions(QAction* newChat, const QList<QAction*>& forOne, const QList<QAction*>& forAll);
    void setCurrent(ConversationId id); // 0: none
    [[nodiscard]] ConversationId current() const;
    void renameCurrent();
    void focusSearch();
    void askFolder(); // for the current chat: an existing one or a new one
    [[nodiscard]] QString searchText() const;
    void clearSearch();

signals:
    void conversationChosen(qint64 id);
    void removeRequested(); // of the current one
    void searchChanged(const QString& text);
    void folderChosen(qint64 conversation, const QString& folder); // empty: none
    void folderRenamed(const QString& folder, const QString& to);  // empty: dissolved

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void toggleSection(const QModelIndex& index);
    void askFolderName(const QString& folder);
    void showContextMenu(const QPoint& position);
    void updateEmptyText();

    ConversationListModel* m_model;
    ConversationSections* m_sections;
    ConversationId m_current = 0;
    QToolButton* m_more;
    QToolButton* m_new;
    QLineEdit* m_search;
    QListView* m_list;
    QLabel* m_empty;
    QTimer m_searchTimer;
    QList<QAction*> m_contextActions;
    bool m_settingCurrent = false;
};

} // namespace mmfree::gui
