// mmfree-studio: the window. Reads the command line, sets Qt up, shows the shell.
#include "app/backend_catalog.h"
#include "app/main_window.h"
#include "app/model_opening.h"
#include "app/resource_paths.h"
#include "app/screenshot.h"

#include "engine/analysis/compare_worker.h"
#include "widgets/theme/theme.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTextStream>

#include <cstring>
#include <optional>

namespace
{

using namespace mmfree;

int failWith(const QString& message)
{
    QTextStream(stderr) << "mmfree-studio: " << message << Qt::endl;
    return 1;
}

struct Arguments {
    QString model, page, screenshot, prompt, dataDir;
    std::optional<gui::ThemeChoice> theme;
    std::optional<gui::LanguageChoice> language;
    std::optional<QSize> size;
};

// Pictures need no display; this must be decided before Qt looks for one.
void chooseOffscreenForPictures(int argc, char** argv)
{
    const bool noDisplay =
        qEnvironmentVariableIsEmpty("DISPLAY") && qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY");
    for (int index = 1; index < argc; ++index) {
        const bool answersAndEnds =
            std::strncmp(argv[index], "--screenshot", 12) == 0 || std::strcmp(argv[index], "--help") == 0 ||
            std::strcmp(argv[index], "-h") == 0 || std::strcmp(argv[index], "--version") == 0 ||
            std::strcmp(argv[index], "-v") == 0;
        if (answersAndEnds && noDisplay && qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
            qputenv("QT_QPA_PLATFORM", "offscreen");
    }
}

// Returns what is wrong with the command line; empty: nothing.
QString readArguments(const QApplication& application, Arguments& arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(
        QCoreApplication::translate("main", "Chat with language models that need no matrix multiplication."));
    const QCommandLineOption page("page", QCoreApplication::translate("main", "Show this page."), "NAME");
    const QCommandLineOption screenshot(
        "screenshot",
        QCoreApplication::translate("main", "Write a picture of the window to FILE (PNG) and end."), "FILE");
    const QCommandLineOption prompt(
        "prompt", QCoreApplication::translate("main", "Send this text when the model is ready."), "TEXT");
    const QCommandLineOption theme("theme", QCoreApplication::translate("main", "system, light or dark."),
                                   "NAME");
    const QCommandLineOption language("language", QCoreApplication::translate("main", "system, en or ru."),
                                      "NAME");
    const QCommandLineOption size("size", QCoreApplication::translate("main", "Size of the window."), "WxH");
    const QCommandLineOption dataDir(
        "data-dir",
        QCoreApplication::translate("main", "Folder for chats and settings (else MMFREE_DATA_DIR)."), "DIR");
    parser.addOptions({page, screenshot, prompt, theme, language, size, dataDir});
    parser.addPositionalArgument(
        "MODEL", QCoreApplication::translate("main", "Model folder or packed model file."), "[MODEL]");
    parser.addHelpOption();
    parser.addVersionOption();
    parser.process(application);

    if (parser.positionalArguments().size() > 1)
        return QStringLiteral("%1 models were given, needed: one").arg(parser.positionalArguments().size());
    arguments.model = parser.positionalArguments().value(0);
    arguments.page = parser.value(page);
    arguments.screenshot = parser.value(screenshot);
    arguments.prompt = parser.value(prompt);
    arguments.dataDir = parser.value(dataDir);
    if (parser.isSet(theme)) {
        gui::ThemeChoice choice{};
        if (!gui::parseTheme(parser.value(theme), choice))
            return QStringLiteral("--theme is \"%1\", needed: system, light or dark")
                .arg(parser.value(theme));
        arguments.theme = choice;
    }
    if (parser.isSet(language)) {
        gui::LanguageChoice choice{};
        if (!gui::parseLanguage(parser.value(language), choice))
            return QStringLiteral("--language is \"%1\", needed: system, en or ru")
                .arg(parser.value(language));
        arguments.language = choice;
    }
    if (parser.isSet(size)) {
        const QRegularExpressionMatch match =
            QRegularExpression(QStringLiteral("^(\\d{3,5})x(\\d{3,5})$")).match(parser.value(size));
        if (!match.hasMatch())
            return QStringLiteral("--size is \"%1\", needed: WIDTHxHEIGHT, for example 1200x760")
                .arg(parser.value(size));
        arguments.size = QSize(match.captured(1).toInt(), match.captured(2).toInt());
    }
    return {};
}

} // namespace

int main(int argc, char** argv)
{
    // A contender of a comparison runs in a process of its own: this program again, without a window.
    if (argc == 3 && std::strcmp(argv[1], "compare") == 0 && std::strcmp(argv[2], "--worker") == 0)
        return runCompareWorker(allBackends());
    chooseOffscreenForPictures(argc, argv);
    QApplication application(argc, argv);
    QApplication::setApplicationName(QStringLiteral("mmfree-studio"));
    QApplication::setApplicationDisplayName(QStringLiteral("MatMul-Free Studio"));
    QApplication::setApplicationVersion(QStringLiteral(MMFREE_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("mmfree-studio"));

    Arguments arguments;
    const QString problem = readArguments(application, arguments);
    if (!problem.isEmpty())
        return failWith(problem);

    // Pictures for documentation must not depend on, or change, what the user keeps.
    const bool picture = !arguments.screenshot.isEmpty();
    std::optional<QTemporaryDir> temporary;
    app::WindowSetup setup;
    setup.dataFolder = app::dataFolder(arguments.dataDir);
    if (picture && arguments.dataDir.isEmpty())
        setup.dataFolder = temporary.emplace().path();
    setup.openModel = app::openModelParts;
    setup.listBackends = app::listAllBackends;
    setup.backends = allBackends();
    setup.resourceFolder = app::resourceFolder();
    setup.bundledModel = app::bundledModel();
    setup.rememberChanges = !picture;

    const app::Settings settings = app::SettingsFile(setup.dataFolder).load();
    gui::applyLanguage(application, arguments.language.value_or(settings.language));
    gui::applyTheme(application, arguments.theme.value_or(settings.theme));
    app::MainWindow window(setup);
    if (arguments.theme)
        window.setTheme(*arguments.theme);
    if (arguments.size)
        window.resize(*arguments.size);
    if (!arguments.page.isEmpty() && !window.showPage(arguments.page))
        return failWith(QStringLiteral("--page is \"%1\", needed: one of %2")
                            .arg(arguments.page, window.pageIds().join(", ")));
    std::optional<app::ScreenshotRun> run;
    if (picture) {
        const bool expectsModel = !arguments.model.isEmpty() || !setup.bundledModel.isEmpty();
        run.emplace(window, app::ScreenshotRequest{arguments.screenshot, arguments.prompt, expectsModel});
    }
    window.show();
    window.openInitialModel(arguments.model);
    return QApplication::exec();
}
