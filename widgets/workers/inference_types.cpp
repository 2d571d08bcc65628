#include "widgets/workers/inference_types.h"

#include <QCoreApplication>

#include <new>

namespace mmfree::gui
{

ErrorInfo currentError()
{
    try {
        throw;
    } catch (const Error& error) {
        return {error.code(), QString::fromStdString(error.what())};
    } catch (const std::bad_alloc&) {
        return {ErrorCode::OutOfMemory,
                QCoreApplication::translate("ErrorInfo", "The operating system refused more memory.")};
    } catch (const std::exception& error) {
        return {ErrorCode::InvalidArgument, QString::fromLocal8Bit(error.what())};
    }
}

QString errorTitle(ErrorCode code)
{
    switch (code) {
    case ErrorCode::InvalidArgument:
        return QCoreApplication::translate("ErrorInfo", "A setting cannot be used");
    case ErrorCode::InvalidFile:
        return QCoreApplication::translate("ErrorInfo", "The file is damaged or not a model");
    case ErrorCode::InvalidConfig:
        return QCoreApplication::translate("ErrorInfo", "The model's configuration is not supported");
    case ErrorCode::InvalidText:
        return QCoreApplication::translate("ErrorInfo", "The text cannot be used");
    case ErrorCode::Io:
        return QCoreApplication::translate("ErrorInfo", "A file could not be read or written");
    case ErrorCode::OutOfMemory:
        return QCoreApplication::translate("ErrorInfo", "There is not enough memory");
    case ErrorCode::Unavailable:
        return QCoreApplication::translate("ErrorInfo", "The backend is not available");
    case ErrorCode::NumericFailure:
        return QCoreApplication::translate("ErrorInfo", "The model holds numbers that are not finite");
    }
    return QCoreApplication::translate("ErrorInfo", "Something went wrong");
}

} // namespace mmfree::gui
