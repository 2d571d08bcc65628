// --screenshot: waits until the window shows what was asked for, writes a PNG, ends the program.
#pragma once

#include <QObject>
#include <QSize>
#include <QString>

namespace mmfree::app
{

class MainWindow;

struct ScreenshotRequest {
    QString file;
    QString prompt; // sent when the model is ready; empty: none
    bool expectsModel = true;
};

class ScreenshotRun : public QObject
{
    Q_OBJECT
public:
    ScreenshotRun(MainWindow& window, ScreenshotRequest request, QObject* parent = nullptr);

private:
    void modelReady();
    void takePicture();
    void fail(const QString& message);

    MainWindow& m_window;
    ScreenshotRequest m_request;
    int m_waitedMilliseconds = 0;
};

} // namespace mmfree::app
