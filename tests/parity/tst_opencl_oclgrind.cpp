// Every kind of kernels under Oclgrind, a simulator that checks each access: no invalid access, no data race,
// no use of uninitialised memory. Skipped aloud where Oclgrind is not installed.
#include <QCoreApplication>
#include <QProcess>
#include <QStandardPaths>
#include <QTest>

class OpenClOclgrind : public QObject
{
    Q_OBJECT

private slots:
    void tinyModelRunsClean_data()
    {
        QTest::addColumn<QString>("variant");
        for (const char* variant : {"vector", "dot", "pipeline"})
            QTest::addRow("%s", variant) << variant;
    }
    void tinyModelRunsClean()
    {
        QFETCH(QString, variant);
        const QString oclgrind = QStandardPaths::findExecutable("oclgrind");
        if (oclgrind.isEmpty())
            QSKIP("oclgrind is not installed (package oclgrind); kernels were not checked for races");
        QProcess process;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert("MMFREE_OPENCL_VARIANT", variant);
        environment.insert("MMFREE_OPENCL_CACHE", "off");
        environment.insert("MMFREE_OPENCL_OPTIONS", "-DMMFREE_ROW_LANES_GPU=16 -DMMFREE_FUSED_ITEMS=64");
        process.setProcessEnvironment(environment);
        process.start(oclgrind, {"--data-races", "--check-api",
                                 QCoreApplication::applicationDirPath() + "/opencl_tiny_model"});
        QVERIFY(process.waitForFinished(250000));
        const QByteArray output = process.readAllStandardOutput(), messages = process.readAllStandardError();
        qInfo("%s", output.constData());
        QVERIFY2(messages.isEmpty(), messages.left(3000).constData());
        QVERIFY2(output.contains("Oclgrind"), "the model ran on another device");
        QVERIFY(output.contains("agrees"));
        QCOMPARE(process.exitCode(), 0);
    }
};

QTEST_GUILESS_MAIN(OpenClOclgrind)
#include "tst_opencl_oclgrind.moc"
