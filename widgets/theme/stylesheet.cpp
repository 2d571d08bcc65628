#include "widgets/theme/theme.h"

#include <QHash>
#include <QRegularExpression>

namespace mmfree::gui
{

namespace
{

// Names in braces are replaced by colours of the theme.
const char* const kSheet = R"(
QToolTip { background: {raised}; color: {text}; border: 1px solid {border}; padding: 4px 6px; }
QMainWindow, QDialog { background: {window}; }
QMenuBar { background: {panel}; border-bottom: 1px solid {border}; padding: 2px 6px; }
QMenuBar::item { padding: 4px 8px; border-radius: 4px; background: transparent; }
QMenuBar::item:selected, QMenuBar::item:pressed { background: {raised}; }
QMenu { background: {surface}; border: 1px solid {border}; padding: 4px; }
QMenu::item { padding: 6px 28px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: {accentSoft}; color: {text}; }
QMenu::item:disabled { color: {muted}; }
QMenu::separator { height: 1px; background: {border}; margin: 4px 8px; }
QStatusBar { background: {panel}; border-top: 1px solid {border}; min-height: 26px; max-height: 26px; }
QStatusBar::item { border: none; }
QSplitter::handle { background: {border}; }
QSplitter::handle:horizontal { width: 1px; }

*[textRole="small"] { font-size: 9pt; }
*[textRole="muted"] { color: {muted}; }
*[textRole="smallMuted"] { color: {muted}; font-size: 9pt; }
*[textRole="section"] { font-size: 9pt; font-weight: 600; color: {muted}; }
*[textRole="title"] { font-size: 12pt; font-weight: 600; }
*[textRole="display"] { font-size: 18pt; font-weight: 600; }

#activityRail { background: {panel}; border-right: 1px solid {border}; }
#activityRail QToolButton { border: 2px solid transparent; border-radius: 8px; padding: 6px 2px; color: {muted};
    font-size: 8pt; font-weight: 500; min-height: 44px; }
#activityRail QToolButton:hover { background: {raised}; }
#activityRail QToolButton:checked { background: {accentSoft}; color: {text}; }
#activityRail QToolButton:focus { border-color: {accent}; }

#sidePanel, #inspectorPanel { background: {panel}; }
#pageHeader { background: {window}; border-bottom: 1px solid {border}; }
#pageHeader QToolButton:checked { background: transparent; }
#pageHeader QToolButton:hover { background: {raised}; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox { background: {surface}; color: {text};
    border: 1px solid {control}; border-radius: 6px; padding: 5px 8px; min-height: 18px;
    selection-background-color: {accent}; selection-color: {accentText}; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border: 2px solid {accent}; padding: 4px 7px; }
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: {muted}; border-color: {border}; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button { width: 0; border: none; }
QComboBox, QComboBox:focus { padding-right: 2px; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url(:/icons/combo-arrow.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: {surface}; border: 1px solid {border}; selection-background-color: {accentSoft}; selection-color: {text}; }

QCheckBox::indicator, QAbstractItemView::indicator { width: 14px; height: 14px; border: 1px solid {control}; border-radius: 4px;
    background: {surface}; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid {control}; border-radius: 8px; background: {surface}; }
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked { background: {accent}; border-color: {accent};
    image: url(:/icons/{checkIcon}.svg); }
QCheckBox::indicator:indeterminate, QAbstractItemView::indicator:indeterminate { background: {accentSoft}; border-color: {accent}; }
QRadioButton::indicator:checked { border: 5px solid {accent}; width: 6px; height: 6px; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid {accent}; width: 12px; height: 12px; }
QRadioButton::indicator:checked:focus { border: 5px solid {accent}; width: 6px; height: 6px; background: {text}; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: {border}; background: {raised}; }

QToolButton[popupMode="1"], QToolButton[popupMode="2"] { padding-right: 20px; }
QToolButton::menu-indicator { image: url(:/icons/combo-arrow.svg); width: 12px; height: 12px;
    subcontrol-origin: padding; subcontrol-position: center right; right: 5px; }
QToolButton::menu-button { border: none; width: 20px; }
QToolButton::menu-arrow { image: url(:/icons/combo-arrow.svg); width: 12px; height: 12px; }

QPushButton { background: {surface}; color: {text}; border: 1px solid {control}; border-radius: 6px; padding: 6px 14px; min-height: 18px; }
QPushButton:hover { background: {raised}; }
QPushButton:pressed { background: {border}; }
QPushButton:focus { border: 2px solid {accent}; padding: 5px 13px; }
QPushButton:disabled { color: {muted}; border-color: {border}; background: transparent; }
QPushButton[kind="primary"] { background: {accent}; color: {accentText}; border: 1px solid {accent}; font-weight: 600; }
QPushButton[kind="primary"]:hover { background: {accentHover}; }
QPushButton[kind="primary"]:focus { border: 2px solid {text}; }
QPushButton[kind="primary"]:disabled { background: {raised}; color: {muted}; border-color: {border}; }
QPushButton[kind="quiet"] { background: transparent; border: 1px solid transparent; text-align: left; }
QPushButton[kind="quiet"]:hover { background: {raised}; }
QPushButton[kind="quiet"]:focus { border: 2px solid {accent}; }
QPushButton[kind="suggestion"] { text-align: left; padding: 10px 14px; border-color: {border}; border-radius: 8px; }
QPushButton[kind="suggestion"]:hover { border-color: {accent}; }

QToolButton { background: transparent; border: 2px solid transparent; border-radius: 6px; padding: 3px; color: {text}; }
QToolButton:hover { background: {raised}; }
QToolButton:pressed { background: {border}; }
QToolButton:checked { background: {accentSoft}; }
QToolButton:focus { border-color: {accent}; }

QListView { background: transparent; border: 2px solid transparent; outline: none; }
QListView:focus { border-color: {accent}; border-radius: 6px; }

QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: {muted}; padding: 8px 12px; border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: {text}; }
QTabBar::tab:selected { color: {text}; font-weight: 600; border-bottom: 2px solid {accent}; }
QTabBar::tab:focus { color: {accent}; }
QTabWidget::pane { border: none; border-top: 1px solid {border}; }

QSlider { min-height: 20px; }
QSlider::groove:horizontal { height: 4px; background: {border}; border-radius: 2px; }
QSlider::sub-page:horizontal { background: {accent}; border-radius: 2px; }
QSlider::sub-page:horizontal:disabled { background: {control}; }
QSlider::handle:horizontal { background: {surface}; border: 2px solid {accent}; width: 12px; height: 12px; margin: -6px 0; border-radius: 8px; }
QSlider::handle:horizontal:focus { background: {accent}; border-color: {text}; }

QScrollArea { border: none; background: transparent; }
QScrollArea > QWidget > QWidget#scrollContent { background: transparent; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar::handle:vertical { background: {thumb}; min-height: 32px; border-radius: 3px; margin: 2px 3px; }
QScrollBar::handle:vertical:hover { background: {control}; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle:horizontal { background: {thumb}; min-width: 32px; border-radius: 3px; margin: 3px 2px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

#messageView { border: 2px solid transparent; border-radius: 8px; background: transparent; }
#messageView[author="user"] { background: {raised}; }
#messageView:focus { border-color: {accent}; }
#messageView QTextBrowser { background: transparent; border: none; }
#messageView QToolButton { padding: 2px; }

#settingMarker { font-size: 8pt; padding: 0px 6px; border: 1px solid {border}; border-radius: 8px; color: {muted}; background: transparent; }
#settingMarker[origin="preset"] { color: {text}; border-color: {control}; }
#settingMarker[origin="chat"] { color: {text}; background: {accentSoft}; border-color: {accent}; font-weight: 600; }
#settingMarker:focus { border: 2px solid {accent}; padding: 0px 5px; }
QPlainTextEdit { background: {surface}; color: {text}; border: 1px solid {control}; border-radius: 6px; }
QPlainTextEdit:focus { border: 2px solid {accent}; }
#templateError { color: {danger}; }
#tokenPopover { background: {surface}; border: 1px solid {control}; border-radius: 8px; }
#tokenPopover QTreeView, #tokenPanel QTreeView { border: 1px solid {border}; }
#messageView QToolButton::menu-indicator, #chatListMenu::menu-indicator { image: none; width: 0; }
#chatListMenu { padding-right: 3px; }

#composerFrame { background: {surface}; border: 1px solid {control}; border-radius: 12px; }
#composerFrame[active="true"] { border: 2px solid {accent}; }
#composerFrame QPlainTextEdit { background: transparent; border: none; }
#sendButton { background: {accent}; border-radius: 8px; border: 2px solid {accent}; padding: 4px; }
#sendButton:hover { background: {accentHover}; }
#sendButton:focus { border-color: {text}; }
#sendButton:disabled { background: {raised}; border-color: {raised}; }

#newTextButton { background: {surface}; border: 1px solid {control}; border-radius: 14px; padding: 4px 12px; }
#newTextButton:focus { border: 2px solid {accent}; }

#hintBar { background: {accentSoft}; border-radius: 8px; }
#messageBar { border: none; border-bottom: 1px solid {border}; }
#messageBar[severity="error"] { background: {dangerSoft}; }
#messageBar[severity="warning"] { background: {warningSoft}; }
#messageBar[severity="information"] { background: {accentSoft}; }

#editFrame { border: 2px solid transparent; border-radius: 8px; }
#editFrame[modified="true"] { border-color: {warning}; }
QLineEdit[invalid="true"] { border-color: {danger}; }
#card { background: {surface}; border: 1px solid {border}; border-radius: 8px; }
#keyCap { background: {raised}; border: 1px solid {border}; border-radius: 4px; padding: 2px 6px; font-size: 9pt; }

QTreeView, QTableView { background: {surface}; border: 1px solid {border}; border-radius: 8px; outline: none;
    alternate-background-color: {window}; selection-background-color: {accentSoft}; selection-color: {text}; }
QTreeView:focus, QTableView:focus { border: 2px solid {accent}; }
QTreeView::item, QTableView::item { padding: 4px 8px; border: none; }
QTreeView::item:selected { background: {accentSoft}; color: {text}; }
QTableCornerButton::section { background: {surface}; border: none; border-bottom: 1px solid {border}; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QHeaderView::section { background: {surface}; color: {muted}; border: none; border-bottom: 1px solid {border}; padding: 6px 8px; font-weight: 600; }
QProgressBar { background: {border}; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }
QProgressBar::chunk { background: {accent}; border-radius: 2px; }

#commandPalette { background: {surface}; border: 1px solid {control}; border-radius: 12px; }
#commandPalette QLineEdit { border: none; font-size: 12pt; padding: 8px; background: transparent; }
#commandPalette QListView { border: none; }
)";

} // namespace

QString styleSheetFor(const ThemeColors& colors)
{
    QColor thumb = colors.control;
    thumb.setAlphaF(0.45F);
    const QColor accentHover = colors.dark ? colors.accent.lighter(112) : colors.accent.darker(115);
    const QHash<QString, QColor> named{
        {"window", colors.window},
        {"panel", colors.panel},
        {"surface", colors.surface},
        {"raised", colors.raised},
        {"border", colors.border},
        {"control", colors.control},
        {"text", colors.text},
        {"muted", colors.muted},
        {"accent", colors.accent},
        {"accentText", colors.accentText},
        {"accentSoft", colors.accentSoft},
        {"accentHover", accentHover},
        {"dangerSoft", colors.dangerSoft},
        {"warningSoft", colors.warningSoft},
        {"thumb", thumb},
    };
    QString sheet = QString::fromLatin1(kSheet);
    sheet.replace(QLatin1String("{checkIcon}"),
                  colors.dark ? QLatin1String("check-on-dark") : QLatin1String("check-on-light"));
    for (auto color = named.begin(); color != named.end(); ++color) {
        const QColor& value = color.value();
        const QString text = QStringLiteral("rgba(%1, %2, %3, %4)")
                                 .arg(value.red())
                                 .arg(value.green())
                                 .arg(value.blue())
                                 .arg(value.alpha());
        sheet.replace(QLatin1Char('{') + color.key() + QLatin1Char('}'), text);
    }
    return sheet;
}

} // namespace mmfree::gui
