// An OpenCL device that vanishes while the window uses it. The test stands between the program and the ICD
// loader: its own definitions of four OpenCL functions are found first and pass on to the loader's until the
// device is "removed"; then they answer as drivers do.
#include "tests/gui/window_fixture.h"

#include "app/backend_catalog.h"
#include "app/model_opening.h"

#include "engine/model/model_source.h"
#include "tests/gui/small_model.h"
#include "tests/support/expect_error.h"
#include "widgets/chat/chat_controller.h"
#include "widgets/theme/theme.h"
#include "widgets/views/message_bar.h"
#include "widgets/workers/inference_service.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <QApplication>
#include <QSpinBox>
#include <QTest>

#include <atomic>
#include <dlfcn.h>

namespace
{

std::atomic<int> callsUntilRemoval = -1; // below 0: the device stays
std::atomic<cl_int> answer = CL_SUCCESS; // of every call after the removal

bool isRemoved()
{
    if (callsUntilRemoval < 0)
        return false;
    if (callsUntilRemoval > 0)
        --callsUntilRemoval;
    return callsUntilRemoval == 0;
}

template <class Function>
Function loaders(const char* name)
{
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" {

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                              const size_t* offset, const size_t* global, const size_t* local, cl_uint count,
                              const cl_event* events, cl_event* event)
{
    static const auto pass = loaders<decltype(&clEnqueueNDRangeKernel)>("clEnqueueNDRangeKernel");
    return isRemoved() ? answer.load()
                       : pass(queue, kernel, dimensions, offset, global, local, count, events, event);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                           size_t size, void* target, cl_uint count, const cl_event* events, cl_event* event)
{
    static const auto pass = loaders<decltype(&clEnqueueReadBuffer)>("clEnqueueReadBuffer");
    return isRemoved() ? answer.load()
                       : pass(queue, buffer, blocking, offset, size, target, count, events, event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                            size_t size, const void* source, cl_uint count, const cl_event* events,
                            cl_event* event)
{
    static const auto pass = loaders<decltype(&clEnqueueWriteBuffer)>("clEnqueueWriteBuffer");
    return isRemoved() ? answer.load()
                       : pass(queue, buffer, blocking, offset, size, source, count, events, event);
}

cl_int clFinish(cl_command_queue queue)
{
    static const auto pass = loaders<decltype(&clFinish)>("clFinish");
    return isRemoved() ? answer.load() : pass(queue);
}
}

namespace mmfree
{

using namespace gui;
using namespace test;

class WindowDeviceLossTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase()
    {
        applyTheme(*static_cast<QApplication*>(qApp), ThemeChoice::Light);
        writeSmallModel(m_models.filePath("small"));
        const DeviceInfo device = findBackendNamed("opencl")->devices().front();
        if (!device.usable)
            QSKIP(qPrintable(QString("no OpenCL device: %1").arg(device.reason.c_str())));
    }
    void init() { callsUntilRemoval = -1; }

    void aPassOnARemovedDeviceIsAnError_data()
    {
        QTest::addColumn<int>("status");
        QTest::addColumn<QString>("name");
        QTest::newRow("not available") << CL_DEVICE_NOT_AVAILABLE << "CL_DEVICE_NOT_AVAILABLE";
        QTest::newRow("resources, as NVIDIA says") << CL_OUT_OF_RESOURCES << "CL_OUT_OF_RESOURCES";
        QTest::newRow("invalid queue") << CL_INVALID_COMMAND_QUEUE << "CL_INVALID_COMMAND_QUEUE";
        QTest::newRow("a vendor's own") << -9999 << "-9999";
    }
    void aPassOnARemovedDeviceIsAnError()
    {
        QFETCH(int, status);
        QFETCH(QString, name);
        const auto backend = findBackendNamed("opencl");
        const auto source = openModel(m_models.filePath("small").toStdString());
        {
            const auto executor = backend->createInference(source, {});
            const auto state = executor->createState();
            const std::vector<TokenId> tokens{1, 2, 3};
            const auto pass = [&] { (void)executor->forward({.tokens = tokens}, *state); };
            pass();
            answer = status;
            for (int calls : {1, 2, 5, 9}) { // wherever in a pass it happens
                callsUntilRemoval = calls;
                MMFREE_EXPECT_ERROR(pass(), ErrorCode::Unavailable, name.toStdString(),
                                    backend->devices().front().name);
                QCOMPARE(state->position(), std::int64_t{3});
            }
        } // what is left of it can be destroyed
        callsUntilRemoval = -1;
        const auto executor = backend->createInference(source, {});
        const auto state = executor->createState();
        const TokenId token = 1;
        (void)executor->forward({.tokens = {&token, 1}}, *state);
    }

    void theWindowSaysItAndGoesOnElsewhere()
    {
        std::string backend = "opencl";
        WindowFixture window({}, [&backend](const OpenRequest& request) {
            OpenRequest chosen = request;
            chosen.backend = QString::fromStdString(backend);
            return app::openModelParts(chosen);
        });
        window.child<QSpinBox>("maxTokens")->setValue(12);
        window.open(m_models.filePath("small"));
        QCOMPARE(window.m_window->service().model()->executor.backend, std::string("opencl"));
        window.send("the fox");
        QVERIFY(window.waitIdle());
        QVERIFY(!window.m_window->messageBar().isVisible());

        answer = CL_OUT_OF_RESOURCES;
        callsUntilRemoval = 40; // while it answers
        window.send("the hill");
        QVERIFY(window.waitIdle());
        QVERIFY(window.m_window->messageBar().isVisible());
        QVERIFY2(window.m_window->messageBar().detail().contains("CL_OUT_OF_RESOURCES"),
                 qPrintable(window.m_window->messageBar().detail()));

        window.open(m_models.filePath("small")); // still gone
        QVERIFY(window.m_window->messageBar().title().contains("was not opened"));
        backend = "cpu";
        window.open(m_models.filePath("small"));
        QCOMPARE(window.m_window->service().model()->executor.backend, std::string("cpu"));
        window.send("the fox");
        QVERIFY(window.waitIdle());
        QVERIFY(window.messages().last()->message().stats.has_value());

        callsUntilRemoval = -1;
        backend = "opencl";
        window.open(m_models.filePath("small"));
        QCOMPARE(window.m_window->service().model()->executor.backend, std::string("opencl"));
        window.send("the fox");
        QVERIFY(window.waitIdle());
        QVERIFY(window.messages().last()->message().stats.has_value());
    }

private:
    static std::shared_ptr<const Backend> findBackendNamed(const std::string& name)
    {
        for (const auto& backend : allBackends()) {
            if (backend->name() == name)
                return backend;
        }
        return nullptr;
    }
    QTemporaryDir m_models;
};

} // namespace mmfree

QTEST_MAIN(mmfree::WindowDeviceLossTest)
#include "tst_window_device_loss.moc"
