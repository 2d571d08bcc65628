#include "app/resource_paths.h"

#include <QCoreApplication>
#include <QDir>

namespace mmfree::app
{

QString resourceFolder()
{
    const QString candidates[] = {
        qEnvironmentVariable("MMFREE_RESOURCES"),
        QDir(QCoreApplication::applicationDirPath()).filePath(QStringLiteral("../share/mmfree")),
        QStringLiteral(MMFREE_SOURCE_RESOURCES),
    };
    for (const QString& candidate : candidates) {
        if (!candidate.isEmpty() && QDir(candidate).exists())
            return QDir::cleanPath(candidate);
    }
    return {};
}

QString bundledModel()
{
    const QString folder = resourceFolder();
    if (folder.isEmpty())
        return {};
    const QDir demo(QDir(folder).filePath(QStringLiteral("demo")));
    const QStringList files = demo.entryList({QStringLiteral("*.safetensors")}, QDir::Files, QDir::Name);
    return files.isEmpty() ? QString() : demo.filePath(files.first());
}

} // namespace mmfree::app
