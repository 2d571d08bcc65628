#include "widgets/language/language.h"

#include "widgets/language/live_texts.h"

#include <QApplication>
#include <QLibraryInfo>
#include <QLocale>
#include <QTranslator>

static void registerTranslationFiles()
{
    Q_INIT_RESOURCE(translations);
}

namespace mmfree::gui
{

namespace
{

// The system's language when there is a translation for it.
QString codeOf(LanguageChoice choice)
{
    if (choice == LanguageChoice::English)
        return QStringLiteral("en");
    if (choice == LanguageChoice::Russian)
        return QStringLiteral("ru");
    const QStringList wanted = QLocale::system().uiLanguages();
    return !wanted.isEmpty() && wanted.first().startsWith(QLatin1String("ru")) ? QStringLiteral("ru")
                                                                               : QStringLiteral("en");
}

QLocale localeOf(LanguageChoice choice)
{
    switch (choice) {
    case LanguageChoice::English:
        return QLocale(QLocale::English);
    case LanguageChoice::Russian:
        return QLocale(QLocale::Russian);
    case LanguageChoice::System:
        break;
    }
    return QLocale::system();
}

// Free functions translate in the context they name themselves, lupdate files their texts under the scope
// they stand in.
class OwnTranslator final : public QTranslator
{
public:
    using QTranslator::QTranslator;
    QString translate(const char* context, const char* source, const char* comment, int number) const override
    {
        QString found = QTranslator::translate(context, source, comment, number);
        if (found.isNull())
            found = QTranslator::translate(QByteArray("mmfree::gui::") + context, source, comment, number);
        return found.isNull() ? QTranslator::translate("mmfree::gui", source, comment, number) : found;
    }
};

template <class Translator>
void replaceTranslator(QApplication& application, const QString& name, const QString& file,
                       const QString& folder)
{
    delete application.findChild<QTranslator*>(name, Qt::FindDirectChildrenOnly); // uninstalls itself
    auto* translator = new Translator(&application);
    translator->setObjectName(name);
    if (translator->load(file, folder))
        QCoreApplication::installTranslator(translator);
}

} // namespace

QString languageName(LanguageChoice choice)
{
    switch (choice) {
    case LanguageChoice::English:
        return QStringLiteral("en");
    case LanguageChoice::Russian:
        return QStringLiteral("ru");
    case LanguageChoice::System:
        break;
    }
    return QStringLiteral("system");
}

bool parseLanguage(const QString& name, LanguageChoice& out)
{
    for (const LanguageChoice choice :
         {LanguageChoice::System, LanguageChoice::English, LanguageChoice::Russian}) {
        if (name == languageName(choice)) {
            out = choice;
            return true;
        }
    }
    return false;
}

void applyLanguage(QApplication& application, LanguageChoice choice)
{
    registerTranslationFiles();
    const QString code = codeOf(choice);
    const QString before = application.property("interfaceLanguage").toString();
    QLocale::setDefault(localeOf(choice));
    replaceTranslator<QTranslator>(application, QStringLiteral("qtTranslator"),
                                   QStringLiteral("qtbase_") + code,
                                   QLibraryInfo::path(QLibraryInfo::TranslationsPath));
    replaceTranslator<OwnTranslator>(application, QStringLiteral("ownTranslator"),
                                     QStringLiteral("mmfree-studio_") + code,
                                     QStringLiteral(":/translations"));
    application.setProperty("interfaceLanguage", code);
    if (!before.isEmpty() && before != code)
        LiveTexts(before, code).retranslateApplication();
}

} // namespace mmfree::gui
