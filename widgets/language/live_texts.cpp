#include "widgets/language/live_texts.h"

#include "widgets/views/plot/plot_view.h"

#include <QAction>
#include <QApplication>
#include <QComboBox>
#include <QEvent>
#include <QFile>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QLocale>
#include <QMetaProperty>
#include <QStandardItemModel>
#include <QTabBar>
#include <QTableWidget>
#include <QTextEdit>
#include <QTreeWidget>
#include <QXmlStreamReader>

#include <algorithm>
#include <array>

namespace mmfree::gui
{

namespace
{

constexpr qsizetype kLongestText = 4000;  // longer ones are documents, not texts of the interface
constexpr qsizetype kLongestChoice = 200; // longer texts take the first form that matches

// Properties that hold texts of the interface, in classes of Qt and of this program.
constexpr std::array kTextProperties = {"windowTitle",      "text",           "title",
                                        "titleText",        "toolTip",        "statusTip",
                                        "whatsThis",        "accessibleName", "accessibleDescription",
                                        "placeholderText",  "prefix",         "suffix",
                                        "specialValueText", "category",       "emptyText"};

const QRegularExpression& placePattern()
{
    static const QRegularExpression pattern(QStringLiteral("%(?:L?\\d{1,2}|L?n)"));
    return pattern;
}

// As ActionRegistry::plainText makes buttons of actions.
QString plainText(QString text)
{
    return text.remove(QLatin1Char('&')).remove(QChar(0x2026));
}

QStringList readForms(QXmlStreamReader& xml)
{
    QStringList forms;
    QString plain;
    while (xml.readNext() != QXmlStreamReader::Invalid) {
        if (xml.isEndElement() && xml.name() == QLatin1String("translation"))
            break;
        if (xml.isStartElement() && xml.name() == QLatin1String("numerusform"))
            forms << xml.readElementText();
        else if (xml.isCharacters())
            plain += xml.text();
    }
    return forms.isEmpty() ? QStringList{plain} : forms;
}

std::vector<CatalogueEntry> readTranslationFile(const QString& name)
{
    std::vector<CatalogueEntry> entries;
    QFile file(name);
    if (!file.open(QIODevice::ReadOnly))
        return entries;
    QXmlStreamReader xml(&file);
    QString context;
    CatalogueEntry entry;
    while (!xml.atEnd()) {
        xml.readNext();
        if (xml.isEndElement() && xml.name() == QLatin1String("message"))
            entries.push_back(entry);
        if (!xml.isStartElement())
            continue;
        if (xml.name() == QLatin1String("name"))
            context = xml.readElementText();
        else if (xml.name() == QLatin1String("message"))
            entry = {context, {},
                     {},      xml.attributes().value(QLatin1String("numerus")) == QLatin1String("yes"),
                     {},      {}};
        else if (xml.name() == QLatin1String("source"))
            entry.source = xml.readElementText();
        else if (xml.name() == QLatin1String("comment"))
            entry.comment = xml.readElementText();
        else if (xml.name() == QLatin1String("translation"))
            entry.russian = readForms(xml);
    }
    return entries;
}

// Classes an object belongs to, then those around it, as translation contexts.
QStringList contextsOf(const QObject* object)
{
    QStringList contexts;
    for (const QObject* around = object; around; around = around->parent())
        contexts << QString::fromLatin1(around->metaObject()->className());
    return contexts;
}

bool holdsUserText(const QObject* object, const char* property)
{
    const bool content = qstrcmp(property, "text") == 0;
    return content && (qobject_cast<const QLineEdit*>(object) || qobject_cast<const QTextEdit*>(object));
}

} // namespace

std::vector<CatalogueEntry> loadCatalogue()
{
    std::vector<CatalogueEntry> entries =
        readTranslationFile(QStringLiteral(":/translations/mmfree-studio_ru.ts"));
    QHash<QString, QStringList> english; // plural forms
    for (const CatalogueEntry& entry :
         readTranslationFile(QStringLiteral(":/translations/mmfree-studio_en.ts")))
        english.insert(entry.context + QChar(1) + entry.source, entry.russian);
    for (CatalogueEntry& entry : entries)
        entry.english = english.value(entry.context + QChar(1) + entry.source, QStringList{entry.source});
    return entries;
}

LiveTexts::LiveTexts(const QString& fromLanguage, const QString& toLanguage)
    : m_toRussian(toLanguage == QLatin1String("ru"))
    , m_entries(loadCatalogue())
{
    const bool fromRussian = fromLanguage == QLatin1String("ru");
    for (std::size_t index = 0; index < m_entries.size(); ++index) {
        for (const QString& form : fromRussian ? m_entries[index].russian : m_entries[index].english) {
            if (form.contains(placePattern()))
                addPattern(form, index);
            else if (!form.isEmpty())
                m_exact.insert(form, index);
            if (const QString plain = plainText(form); plain != form && !form.contains(placePattern()))
                m_plain.insert(plain, index);
        }
    }
    std::stable_sort(m_patterns.begin(), m_patterns.end(), [](const Pattern& a, const Pattern& b) {
        return a.longestLiteral.size() > b.longestLiteral.size();
    });
}

void LiveTexts::addPattern(const QString& form, std::size_t entry)
{
    Pattern pattern;
    pattern.entry = entry;
    QString expression = QStringLiteral("^");
    qsizetype at = 0;
    const auto addLiteral = [&](const QString& literal) {
        expression += QRegularExpression::escape(literal);
        if (literal.size() > pattern.longestLiteral.size())
            pattern.longestLiteral = literal;
    };
    for (auto match = placePattern().globalMatch(form); match.hasNext();) {
        const QRegularExpressionMatch place = match.next();
        addLiteral(form.mid(at, place.capturedStart() - at));
        QString name = place.captured();
        pattern.places << name.remove(QLatin1Char('L'));
        expression += QStringLiteral("(.*)");
        at = place.capturedEnd();
    }
    addLiteral(form.mid(at));
    if (pattern.longestLiteral.trimmed().isEmpty())
        return; // "%1" alone says nothing about a text
    pattern.expression =
        QRegularExpression(expression + QLatin1Char('$'), QRegularExpression::DotMatchesEverythingOption);
    m_patterns.push_back(std::move(pattern));
}

QString LiveTexts::otherForm(const CatalogueEntry& entry, int number) const
{
    const QStringList& forms = m_toRussian ? entry.russian : entry.english;
    if (!entry.plural)
        return forms.value(0);
    // The translator knows the rule; it also puts the number in, which the caller wants to do itself.
    if (m_toRussian) {
        const int ten = number % 10, hundred = number % 100;
        const int form = ten == 1 && hundred != 11                                ? 0
                         : ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14) ? 1
                                                                                  : 2;
        return forms.value(std::min<int>(form, static_cast<int>(forms.size()) - 1));
    }
    return forms.value(number == 1 ? 0 : static_cast<int>(forms.size()) - 1);
}

// The other form of a whole text; empty: it is not known. The nearest context decides among several.
QString LiveTexts::knownText(const QMultiHash<QString, std::size_t>& texts, const QString& shown,
                             const QStringList& contexts) const
{
    const QList<std::size_t> found = texts.values(shown);
    if (found.isEmpty())
        return {};
    for (const QString& context : contexts) {
        for (const std::size_t index : found) {
            if (m_entries[index].context == context)
                return otherForm(m_entries[index], 1);
        }
    }
    return otherForm(m_entries[found.last()], 1);
}

QString LiveTexts::translated(const QString& shown, const QStringList& contexts) const
{
    qsizetype left = 0;
    return translated(shown, contexts, 0, left);
}

QString LiveTexts::translated(const QString& shown, const QStringList& contexts, int depth,
                              qsizetype& left) const
{
    if (shown.isEmpty() || shown.size() > kLongestText)
        return shown;
    if (const QString known = knownText(m_exact, shown, contexts); !known.isEmpty())
        return known;
    if (const QString known = knownText(m_plain, shown, contexts); !known.isEmpty())
        return plainText(known);
    if (shown.startsWith(QLatin1Char('&'))) // a title made into a menu
        return QLatin1Char('&') + translated(shown.mid(1), contexts, depth, left);
    // Several forms may match ("%1 of %2" and "%1 (%2)"): the one that leaves the fewest letters as they are.
    QString best;
    qsizetype fewestLeft = -1;
    for (const Pattern& pattern : m_patterns) {
        if (!shown.contains(pattern.longestLiteral))
            continue;
        const QRegularExpressionMatch match = pattern.expression.match(shown);
        if (!match.hasMatch())
            continue;
        qsizetype lettersLeft = 0;
        const QString candidate = filledIn(pattern, match, contexts, depth, lettersLeft);
        if (fewestLeft < 0 || lettersLeft < fewestLeft) {
            best = candidate;
            fewestLeft = lettersLeft;
        }
        if (lettersLeft == 0 || shown.size() > kLongestChoice || depth > 0)
            break;
    }
    if (fewestLeft >= 0) {
        left += fewestLeft;
        return best;
    }
    left += std::count_if(shown.begin(), shown.end(), [](QChar c) { return c.isLetter(); });
    return shown;
}

// The other form with the values of a match in its places; `left` counts letters of values without a
// translation.
QString LiveTexts::filledIn(const Pattern& pattern, const QRegularExpressionMatch& match,
                            const QStringList& contexts, int depth, qsizetype& left) const
{
    QHash<QString, QString> values;
    int number = 1;
    for (qsizetype i = 0; i < pattern.places.size(); ++i) {
        const QString value = match.captured(static_cast<int>(i) + 1);
        values.insert(pattern.places.at(i), translated(value, contexts, depth + 1, left));
        if (pattern.places.at(i) == QLatin1String("%n"))
            number = QString(value).remove(QRegularExpression(QStringLiteral("\\D"))).toInt();
    }
    const QString form = otherForm(m_entries[pattern.entry], number);
    QString result;
    qsizetype at = 0;
    for (auto places = placePattern().globalMatch(form); places.hasNext();) {
        const QRegularExpressionMatch place = places.next();
        result += form.mid(at, place.capturedStart() - at);
        result += values.value(place.captured().remove(QLatin1Char('L')), place.captured());
        at = place.capturedEnd();
    }
    return result + form.mid(at);
}

void LiveTexts::retranslateItems(QAbstractItemModel* model) const
{
    // Other models make their texts when asked for them.
    const bool holdsTexts = qobject_cast<QStandardItemModel*>(model) || model->inherits("QTableModel") ||
                            model->inherits("QTreeModel") || model->inherits("QListModel");
    if (!holdsTexts)
        return;
    const QStringList contexts = contextsOf(model);
    for (const Qt::Orientation orientation : {Qt::Horizontal, Qt::Vertical}) {
        const int sections = orientation == Qt::Horizontal ? model->columnCount() : model->rowCount();
        for (int section = 0; section < sections; ++section) {
            const QString text = model->headerData(section, orientation, Qt::DisplayRole).toString();
            const QString other = translated(text, contexts);
            if (other != text)
                model->setHeaderData(section, orientation, other, Qt::DisplayRole);
        }
    }
    constexpr int kMostItems = 20'000;
    int visited = 0;
    std::vector<QModelIndex> parents{QModelIndex()};
    while (!parents.empty() && visited < kMostItems) {
        const QModelIndex parent = parents.back();
        parents.pop_back();
        for (int row = 0; row < model->rowCount(parent); ++row) {
            for (int column = 0; column < model->columnCount(parent); ++column, ++visited) {
                const QModelIndex index = model->index(row, column, parent);
                for (const int role : {Qt::DisplayRole, Qt::ToolTipRole, Qt::AccessibleTextRole}) {
                    const QString text = index.data(role).toString();
                    const QString other = translated(text, contexts);
                    if (other != text)
                        model->setData(index, other, role);
                }
                if (column == 0 && model->hasChildren(index))
                    parents.push_back(index);
            }
        }
    }
}

// Plots paint their texts; contexts are those of the page around them.
void LiveTexts::retranslatePlot(PlotView& plot, const QStringList& contexts) const
{
    plot.setTitle(translated(plot.title(), contexts));
    const auto translatedAxis = [&](PlotAxis axis) {
        axis.title = translated(axis.title, contexts);
        axis.unit = translated(axis.unit, contexts);
        for (auto& [place, label] : axis.labels)
            label = translated(label, contexts);
        return axis;
    };
    plot.setXAxis(translatedAxis(plot.xAxis()));
    plot.setYAxis(translatedAxis(plot.yAxis()));
    QList<PlotSeries> series = plot.series();
    for (PlotSeries& line : series)
        line.name = translated(line.name, contexts);
    plot.setSeries(std::move(series));
}

void LiveTexts::retranslateObject(QObject* object) const
{
    const QStringList contexts = contextsOf(object);
    for (const char* property : kTextProperties) {
        if (holdsUserText(object, property))
            continue;
        const QVariant value = object->property(property);
        if (value.userType() != QMetaType::QString)
            continue;
        const QString text = value.toString();
        const QString other = translated(text, contexts);
        if (other != text)
            object->setProperty(property, other);
    }
    if (auto* plot = qobject_cast<PlotView*>(object))
        retranslatePlot(*plot, contexts);
    if (auto* tabs = qobject_cast<QTabBar*>(object)) {
        for (int index = 0; index < tabs->count(); ++index) {
            tabs->setTabText(index, translated(tabs->tabText(index), contexts));
            tabs->setTabToolTip(index, translated(tabs->tabToolTip(index), contexts));
        }
    }
    if (auto* box = qobject_cast<QComboBox*>(object))
        retranslateItems(box->model());
    if (auto* view = qobject_cast<QAbstractItemView*>(object); view && view->model())
        retranslateItems(view->model());
}

void LiveTexts::retranslateApplication() const
{
    const QWidgetList windows = QApplication::topLevelWidgets();
    for (QWidget* window : windows) {
        retranslateObject(window);
        for (QObject* object : window->findChildren<QObject*>()) {
            const bool shown = object->isWidgetType() || qobject_cast<QAction*>(object) ||
                               object->property("titleText").isValid() || object->property("title").isValid();
            if (shown)
                retranslateObject(object);
        }
    }
    for (QWidget* window : windows) {
        for (QWidget* widget : window->findChildren<QWidget*>())
            widget->update();
    }
}

} // namespace mmfree::gui
