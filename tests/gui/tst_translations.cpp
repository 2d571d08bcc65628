// The window in English and Russian: every text is translated, switching works while the window is open, and
// nothing is cut off in either language.
#include "tests/gui/window_fixture.h"
#include "tests/support/test_files.h"
#include "widgets/actions/action_registry.h"
#include "widgets/language/language.h"
#include "widgets/language/live_texts.h"
#include "widgets/pages/page.h"

#include <QAbstractButton>
#include <QDirIterator>
#include <QLabel>
#include <QMenuBar>
#include <QProcess>
#include <QPushButton>
#include <QRegularExpression>
#include <QTabBar>
#include <QTest>
#include <QToolButton>
#include <QTranslator>

namespace mmfree
{

using namespace gui;
using test::WindowFixture;

namespace
{

QString sourceFile(const QString& name)
{
    return QString::fromStdString((test::sourceFolder() / name.toStdString()).string());
}

QStringList placesIn(const QString& text)
{
    QStringList places;
    static const QRegularExpression pattern("%(?:L?\\d{1,2}|L?n)");
    for (auto match = pattern.globalMatch(text); match.hasNext();)
        places << match.next().captured();
    places.sort();
    return places;
}

QString readAll(const QString& name)
{
    QFile file(name);
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

// "context / source" of every message of a .ts file.
QSet<QString> messagesOf(const QString& ts)
{
    QSet<QString> messages;
    static const QRegularExpression context("<context>\\s*<name>(.*?)</name>(.*?)</context>",
                                            QRegularExpression::DotMatchesEverythingOption);
    static const QRegularExpression source("<source>(.*?)</source>",
                                           QRegularExpression::DotMatchesEverythingOption);
    for (auto match = context.globalMatch(ts); match.hasNext();) {
        const QRegularExpressionMatch found = match.next();
        for (auto inner = source.globalMatch(found.captured(2)); inner.hasNext();)
            messages << found.captured(1) + " / " + inner.next().captured(1);
    }
    return messages;
}

void setLanguage(LanguageChoice choice)
{
    applyLanguage(*static_cast<QApplication*>(QApplication::instance()), choice);
}

// Texts of a window, in a fixed order, with what holds them. Times and sizes change by themselves.
QStringList textsOf(QWidget& window)
{
    QStringList texts;
    const auto add = [&](const QObject* object, const char* property) {
        const QString text = object->property(property).toString();
        if (!text.isEmpty() && !text.contains(QRegularExpression("\\d")))
            texts << QString("%1 %2 %3: %4")
                         .arg(object->metaObject()->className(), object->objectName(), property, text);
    };
    for (const QObject* object : window.findChildren<QObject*>()) {
        if (qobject_cast<const QLabel*>(object) || qobject_cast<const QAbstractButton*>(object) ||
            qobject_cast<const QAction*>(object))
            add(object, "text");
        if (object->isWidgetType()) {
            add(object, "toolTip");
            add(object, "accessibleName");
            add(object, "placeholderText");
        }
        if (const auto* tabs = qobject_cast<const QTabBar*>(object)) {
            for (int index = 0; index < tabs->count(); ++index)
                texts << "tab: " + tabs->tabText(index);
        }
    }
    texts.sort();
    return texts;
}

// What does not show whole; empty: it does.
QString clipping(const QWidget* widget)
{
    constexpr int kTolerance = 2;
    const auto report = [&](const QString& text, int has, int needs) {
        return QString("%1 \"%2\" \"%3\" has %4, needs %5")
            .arg(widget->metaObject()->className(), widget->objectName(), text)
            .arg(has)
            .arg(needs);
    };
    if (const auto* label = qobject_cast<const QLabel*>(widget)) {
        if (label->text().isEmpty() || label->textFormat() == Qt::RichText)
            return {};
        if (label->wordWrap()) {
            const int needed = label->heightForWidth(label->width());
            return label->height() + kTolerance < needed ? report(label->text(), label->height(), needed)
                                                         : QString();
        }
        const int needed = label->sizeHint().width();
        // Where a label may shrink by its own policy, it elides or shows a tool tip.
        const bool mayShrink = label->sizePolicy().horizontalPolicy() == QSizePolicy::Ignored ||
                               label->minimumSizeHint().width() < needed - kTolerance;
        return !mayShrink && label->width() + kTolerance < needed
                   ? report(label->text(), label->width(), needed)
                   : QString();
    }
    if (const auto* button = qobject_cast<const QAbstractButton*>(widget)) {
        const bool textual = qobject_cast<const QPushButton*>(button) || button->inherits("QCheckBox") ||
                             button->inherits("QRadioButton") || qobject_cast<const QToolButton*>(button);
        if (!textual || button->text().isEmpty())
            return {};
        if (const auto* icon = qobject_cast<const QToolButton*>(button);
            icon && icon->toolButtonStyle() == Qt::ToolButtonIconOnly)
            return {};
        const auto* tool = qobject_cast<const QToolButton*>(button);
        constexpr int kFrame = 8; // border and padding under an icon
        const int needed = tool && tool->toolButtonStyle() == Qt::ToolButtonTextUnderIcon
                               ? tool->fontMetrics().horizontalAdvance(tool->text()) + kFrame
                               : button->minimumSizeHint().width();
        return button->width() + kTolerance < needed ? report(button->text(), button->width(), needed)
                                                     : QString();
    }
    return {};
}

} // namespace

class TranslationsTest : public QObject
{
    Q_OBJECT
private slots:
    void cleanup() { setLanguage(LanguageChoice::English); }

    void everyTextHasAFinishedTranslation()
    {
        const QString ts = readAll(sourceFile("resources/translations/mmfree-studio_ru.ts"));
        QVERIFY(!ts.isEmpty());
        QVERIFY(!ts.contains("type=\"vanished\"") && !ts.contains("type=\"obsolete\""));
        setLanguage(LanguageChoice::English); // registers the files
        QStringList problems;
        for (const CatalogueEntry& entry : loadCatalogue()) {
            const QString where = entry.context + ": " + entry.source;
            if (entry.russian.size() != (entry.plural ? 3 : 1))
                problems << where + " has too few forms";
            for (const QString& form : entry.russian) {
                if (form.isEmpty())
                    problems << where + " has no translation";
                else if (placesIn(form) != placesIn(entry.source))
                    problems << where + " has other places: " + form;
                else if (form.endsWith(QChar(0x2026)) != entry.source.endsWith(QChar(0x2026)))
                    problems << where + " ends otherwise: " + form;
                else if (form.count('&') != entry.source.count('&'))
                    problems << where + " has other mnemonics: " + form;
            }
        }
        QVERIFY2(problems.isEmpty(), qPrintable(problems.join('\n')));
        QVERIFY(!ts.contains("type=\"unfinished\""));
    }

    void theFilesAreUpToDateWithTheSources()
    {
        QTemporaryDir folder;
        const QString ts = folder.filePath("ru.ts");
        QStringList arguments = QStringLiteral(MMFREE_LUPDATE_ARGUMENTS).split(' ');
        arguments << "-target-language"
                  << "ru"
                  << "-ts" << ts;
        QProcess process;
        process.setWorkingDirectory(sourceFile("."));
        process.start(QStringLiteral(MMFREE_LUPDATE), arguments);
        QVERIFY(process.waitForFinished(60'000));
        QCOMPARE(process.exitCode(), 0);
        const QSet<QString> wanted = messagesOf(readAll(ts));
        const QSet<QString> kept =
            messagesOf(readAll(sourceFile("resources/translations/mmfree-studio_ru.ts")));
        QVERIFY(wanted.size() > 300);
        const QStringList missing = (wanted - kept).values(), left = (kept - wanted).values();
        QVERIFY2(missing.isEmpty(), qPrintable("not in the file: " + missing.join('\n')));
        QVERIFY2(left.isEmpty(), qPrintable("no longer in the sources: " + left.join('\n')));
    }

    // lupdate reads as many hexadecimal digits as follow \u, the compiler four: such a text is never found.
    void noEscapeRunsIntoAHexadecimalDigit()
    {
        static const QRegularExpression pattern("\\\\u[0-9a-fA-F]{5}");
        for (const char* folder : {"app", "widgets"}) {
            for (QDirIterator files(sourceFile(folder), {"*.cpp", "*.h"}, QDir::Files,
                                    QDirIterator::Subdirectories);
                 files.hasNext();) {
                const QString name = files.next();
                const QRegularExpressionMatch match = pattern.match(readAll(name));
                QVERIFY2(!match.hasMatch(), qPrintable(name + ": " + match.captured()));
            }
        }
    }

    void pluralFormsFollowTheNumber()
    {
        setLanguage(LanguageChoice::Russian);
        int plural = 0;
        for (const CatalogueEntry& entry : loadCatalogue()) {
            if (!entry.plural)
                continue;
            ++plural;
            const int formOf[][2] = {{1, 0}, {2, 1}, {4, 1}, {5, 2}, {11, 2}, {21, 0}, {112, 2}};
            for (const auto& [number, form] : formOf) {
                const QString shown = QCoreApplication::translate(
                    entry.context.toUtf8(), entry.source.toUtf8(), entry.comment.toUtf8(), number);
                QString expected = entry.russian.at(form);
                QCOMPARE(
                    shown,
                    expected.replace("%n", QString::number(number)).replace("%Ln", QString::number(number)));
            }
        }
        setLanguage(LanguageChoice::English);
        for (const CatalogueEntry& entry : loadCatalogue()) {
            if (!entry.plural)
                continue;
            const auto shown = [&](int number) {
                return QCoreApplication::translate(entry.context.toUtf8(), entry.source.toUtf8(),
                                                   entry.comment.toUtf8(), number);
            };
            QVERIFY2(!shown(2).contains("(s)"), qPrintable(shown(2)));
        }
        qInfo("%d texts with plural forms", plural);
    }

    void switchingInPlaceGivesWhatAFreshWindowShows()
    {
        setLanguage(LanguageChoice::English);
        WindowFixture window;
        window.open();
        const QStringList english = textsOf(*window.m_window);
        window.m_window->actions().action("view.language.ru")->trigger();
        const QStringList switched = textsOf(*window.m_window);
        QStringList fresh;
        {
            WindowFixture other;
            other.open();
            fresh = textsOf(*other.m_window);
        }
        QSet<QString> missing = QSet<QString>(fresh.begin(), fresh.end());
        missing -= QSet<QString>(switched.begin(), switched.end());
        QVERIFY2(missing.isEmpty(), qPrintable("not after switching: " + missing.values().join('\n')));
        window.m_window->actions().action("view.language.en")->trigger();
        QSet<QString> lost = QSet<QString>(english.begin(), english.end());
        const QStringList back = textsOf(*window.m_window);
        lost -= QSet<QString>(back.begin(), back.end());
        QVERIFY2(lost.isEmpty(), qPrintable("not after switching back: " + lost.values().join('\n')));
    }

    void theWindowKeepsItsWorkWhenTheLanguageChanges()
    {
        WindowFixture window;
        window.open();
        window.send("hello");
        QVERIFY(window.waitIdle());
        window.type("half a thou");
        window.m_window->actions().action("view.language.ru")->trigger();
        QCOMPARE(window.editor()->toPlainText(), QString("half a thou"));
        QCOMPARE(window.messages().size(), 2);
        QCOMPARE(window.m_window->menuBar()->actions().first()->text(), QString::fromUtf8("&Файл"));
        QCOMPARE(QLocale().language(), QLocale::Russian);
    }

    void valuesInsideTextsAreKept()
    {
        setLanguage(LanguageChoice::English);
        const LiveTexts toRussian("en", "ru"), toEnglish("ru", "en");
        const QString russian = toRussian.translated("Reading 1,024 of 3,000 tokens");
        QCOMPARE(russian, QString::fromUtf8("Прочитано 1,024 из 3,000 токенов"));
        QCOMPARE(toEnglish.translated(russian), QString("Reading 1,024 of 3,000 tokens"));
        QCOMPARE(toRussian.translated("holmes.safetensors"), QString("holmes.safetensors"));
    }

    void theLanguageIsRemembered()
    {
        QTemporaryDir folder;
        {
            WindowFixture window(folder.path());
            window.m_window->actions().action("view.language.ru")->trigger();
            window.m_window->close();
        }
        QVERIFY(app::SettingsFile(folder.path()).load().language == LanguageChoice::Russian);
    }

    void nothingIsClipped_data()
    {
        QTest::addColumn<QString>("language");
        QTest::addColumn<QSize>("size");
        for (const char* language : {"en", "ru"}) {
            QTest::addRow("%s", language) << language << QSize(1200, 760);
            QTest::addRow("%s large", language) << language << QSize(1600, 1000);
        }
    }

    void nothingIsClipped()
    {
        QFETCH(QString, language);
        QFETCH(QSize, size);
        LanguageChoice choice{};
        QVERIFY(parseLanguage(language, choice));
        setLanguage(choice);
        WindowFixture window;
        window.m_window->resize(size);
        window.open();
        QStringList problems;
        for (const QString& page : window.m_window->pageIds()) {
            QVERIFY(window.m_window->showPage(page));
            QTest::qWait(50);
            for (const QWidget* widget : window.m_window->findChildren<QWidget*>()) {
                const QString problem = widget->isVisible() ? clipping(widget) : QString();
                if (!problem.isEmpty())
                    problems << page + ": " + problem;
            }
        }
        problems.removeDuplicates();
        QVERIFY2(problems.isEmpty(), qPrintable(problems.join('\n')));
    }
};

} // namespace mmfree

QTEST_MAIN(mmfree::TranslationsTest)
#include "tst_translations.moc"
