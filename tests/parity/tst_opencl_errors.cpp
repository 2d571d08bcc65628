// What goes wrong with OpenCL on other people's machines: each case is a clear error and the program lives
// on. Also the cache of compiled programs. Skipped aloud where there is no OpenCL device.
#include "engine/core/atomic_file.h"
#include "fpga/host/build_cache.h"
#include "fpga/host/opencl_backend.h"
#include "fpga/host/opencl_executor.h"
#include "tests/support/expect_error.h"
#include "tests/support/test_files.h"

#include <QCoreApplication>
#include <QProcess>
#include <QTest>

using namespace mmfree;
using namespace mmfree::opencl;
using namespace mmfree::test;

namespace
{

std::shared_ptr<const ModelSource> tinyModel()
{
    ModelConfig config;
    config.layerCount = 1;
    config.hiddenSize = 16;
    config.intermediateSize = 24;
    config.vocabularySize = 32;
    return makeRandomModel(config, 1, "tiny");
}

const std::vector<const char*> kVariables{"MMFREE_OPENCL_OPTIONS", "MMFREE_OPENCL_BINARY",
                                          "MMFREE_OPENCL_VARIANT"};

// The binary of a program as a driver gives it out.
std::string binaryOf(cl_program program)
{
    std::size_t size = 0;
    checkCl(clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, nullptr), "binary size");
    std::string binary(size, '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(binary.data());
    checkCl(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(bytes), &bytes, nullptr), "binary");
    return binary;
}

} // namespace

class OpenClErrors : public QObject
{
    Q_OBJECT

    TemporaryFolder m_folder;

    void requireDevice() const
    {
        const ClDevice device = discoverDevices().front();
        if (!device.info.usable)
            QSKIP(qPrintable(QString("no OpenCL device: %1").arg(device.info.reason.c_str())));
    }
    [[nodiscard]] QProcess::ExitStatus runAlone(const char* function, const char* variable, const char* value,
                                                QByteArray& output, int& code) const
    {
        QProcess child;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(variable, value);
        environment.insert("MMFREE_TEST_CHILD", "1");
        child.setProcessEnvironment(environment);
        child.setProcessChannelMode(QProcess::MergedChannels);
        child.start(QCoreApplication::applicationFilePath(), {function});
        child.waitForFinished(60000);
        output = child.readAll();
        code = child.exitCode();
        return child.exitStatus();
    }

private slots:
    void init() { qputenv("MMFREE_OPENCL_CACHE", (m_folder.path() / "cache").c_str()); }
    void cleanup()
    {
        for (const char* variable : kVariables)
            qunsetenv(variable);
    }

    void devicesAreListedWithoutThrowing()
    {
        const auto devices = OpenClBackend().devices();
        QVERIFY(!devices.empty());
        for (const DeviceInfo& device : devices) {
            QVERIFY(!device.name.empty());
            QCOMPARE(device.usable, device.reason.empty());
        }
    }

    void noDriverAtAllIsExplained()
    {
        QByteArray output;
        int code = -1;
        QCOMPARE(runAlone("childWithoutDriver", "OCL_ICD_VENDORS", "/nonexistent", output, code),
                 QProcess::NormalExit);
        QVERIFY2(code == 0, output.constData());
    }
    void childWithoutDriver()
    {
        if (!qEnvironmentVariableIsSet("MMFREE_TEST_CHILD"))
            QSKIP("run by noDriverAtAllIsExplained");
        const auto devices = OpenClBackend().devices();
        QCOMPARE(devices.size(), std::size_t{1});
        QVERIFY(!devices[0].usable);
        QVERIFY(devices[0].reason.find("no OpenCL driver is installed") != std::string::npos);
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(tinyModel(), {}), ErrorCode::Unavailable,
                            "no OpenCL driver is installed");
    }

    void otherModelsAndTrainingAreRefused()
    {
        const auto dense =
            makeRandomModel(namedShape("1,16,24,32", Architecture::Transformer), 1, "dense one");
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(dense, {}), ErrorCode::Unavailable,
                            "MatMul-free models only", "dense one");
        const auto layout = std::make_shared<const ParameterLayout>(tinyModel()->config());
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createTraining(layout, {}, {}), ErrorCode::Unavailable,
                            "does not train");
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(tinyModel(), {.device = 99}),
                            ErrorCode::InvalidArgument, "device is 99", "needed: 0 to");
    }

    void kernelsThatDoNotBuildNameKernelAndLine()
    {
        requireDevice();
        qputenv("MMFREE_OPENCL_VARIANT", "vector");
        qputenv("MMFREE_OPENCL_OPTIONS", "-DgNorm=3"); // breaks one kernel
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(tinyModel(), {}), ErrorCode::Unavailable,
                            "do not build", "kernel gate_quantize", "fpga/kernels/rows.cl:", "compiler log");
        qunsetenv("MMFREE_OPENCL_OPTIONS");
        (void)OpenClBackend().createInference(tinyModel(), {}); // and the program goes on
    }

    void aBinaryForAnotherDeviceIsRefused()
    {
        requireDevice();
        const auto path = m_folder.path() / "foreign.aocx";
        writeFileAtomically(path, "\x7f"
                                  "ELF this was built for something else");
        qputenv("MMFREE_OPENCL_BINARY", path.c_str());
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(tinyModel(), {}), ErrorCode::Unavailable,
                            "foreign.aocx", "refuses", "built for this device");
        writeFileAtomically(path, "");
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(tinyModel(), {}), ErrorCode::Unavailable,
                            "foreign.aocx", "0 bytes");
        qputenv("MMFREE_OPENCL_BINARY", (m_folder.path() / "absent.aocx").c_str());
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(tinyModel(), {}), ErrorCode::Io,
                            "absent.aocx");
    }

    void aBinaryOfThisDeviceRuns()
    {
        requireDevice();
        const auto path = m_folder.path() / "own.bin";
        {
            KernelLauncher launcher(discoverDevices().front(), 0);
            writeFileAtomically(path, binaryOf(launcher.program().program.get()));
        }
        qputenv("MMFREE_OPENCL_BINARY", path.c_str());
        const auto executor = OpenClBackend().createInference(tinyModel(), {});
        const auto state = executor->createState();
        const std::vector<TokenId> tokens{1, 2, 3};
        QCOMPARE(executor->forward({.tokens = tokens}, *state).logits.size(), std::size_t{32});
    }

    void aBinaryWithoutOurKernelsIsRefused()
    {
        requireDevice();
        const ClDevice device = discoverDevices().front();
        cl_int status = CL_SUCCESS;
        const ClContext context(clCreateContext(nullptr, 1, &device.id, nullptr, nullptr, &status));
        checkCl(status, "context");
        const char* text = "kernel void something_else(global int* out) { out[0] = 1; }";
        const ClProgram program(clCreateProgramWithSource(context.get(), 1, &text, nullptr, &status));
        checkCl(clBuildProgram(program.get(), 1, &device.id, "", nullptr, nullptr), "build");
        const auto path = m_folder.path() / "other.bin";
        writeFileAtomically(path, binaryOf(program.get()));
        qputenv("MMFREE_OPENCL_BINARY", path.c_str());
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(tinyModel(), {}), ErrorCode::Unavailable,
                            "no kernel kernel_parameters", "other.bin");
    }

    void tooLittleMemoryNamesNeededAndPresent()
    {
        requireDevice();
        ClDevice device = discoverDevices().front();
        device.info.memoryBytes = 1000;
        MMFREE_EXPECT_ERROR(OpenClExecutor(device, tinyModel(), 0), ErrorCode::OutOfMemory, "has 1000 bytes",
                            "needed: ");
        device.info.memoryBytes = std::size_t{1} << 40;
        device.largestAllocation = 100;
        MMFREE_EXPECT_ERROR(OpenClExecutor(device, tinyModel(), 0), ErrorCode::OutOfMemory, "at most 100",
                            "largest buffer");
        const auto huge = makeRandomModel(namedShape("13B"), 1, "13B"); // no weight is made before the check
        device.info.memoryBytes = std::size_t{1} << 31;
        MMFREE_EXPECT_ERROR(OpenClExecutor(device, huge, 0), ErrorCode::OutOfMemory, "has 2147483648 bytes");
    }

    void rowsTooLongForThePipelineAreRefused()
    {
        requireDevice();
        qputenv("MMFREE_OPENCL_VARIANT", "pipeline");
        qputenv("MMFREE_OPENCL_OPTIONS", "-DMMFREE_MAX_COLUMNS=128");
        const auto wide = makeRandomModel(namedShape("1,16,300,32"), 1, "wide");
        MMFREE_EXPECT_ERROR((void)OpenClBackend().createInference(wide, {}), ErrorCode::Unavailable,
                            "300 columns", "at most 128");
    }

    void compiledProgramsAreCached()
    {
        requireDevice();
        qputenv("MMFREE_OPENCL_OPTIONS", "-DMMFREE_TEST_CACHE"); // a key of its own
        const ClDevice device = discoverDevices().front();
        QCOMPARE(KernelLauncher(device, 0).program().origin, std::string("compiled"));
        const std::string origin = KernelLauncher(device, 0).program().origin;
        QVERIFY2(origin.starts_with("from the cache "), origin.c_str());

        // A damaged entry is as if absent, and is replaced.
        const std::filesystem::path entry = origin.substr(std::string("from the cache ").size());
        const std::string bytes = readTextFile(entry);
        for (const std::size_t kept : {std::size_t{0}, std::size_t{5}, std::size_t{20}, bytes.size() - 1}) {
            writeFileAtomically(entry, bytes.substr(0, kept));
            QCOMPARE(KernelLauncher(device, 0).program().origin, std::string("compiled"));
        }
        std::string flipped = bytes;
        flipped[bytes.size() / 2] = static_cast<char>(flipped[bytes.size() / 2] ^ 1);
        writeFileAtomically(entry, flipped);
        QCOMPARE(KernelLauncher(device, 0).program().origin, std::string("compiled"));

        // A folder that cannot be written costs the next start, nothing else.
        qputenv("MMFREE_OPENCL_CACHE", "/proc/nowhere");
        QVERIFY(KernelLauncher(device, 0).program().origin.starts_with("compiled, not cached ("));
        qputenv("MMFREE_OPENCL_CACHE", "off");
        QVERIFY(KernelLauncher(device, 0).program().origin.starts_with("compiled, not cached ("));
    }

    void cacheEntriesHoldTheirWholeKey()
    {
        const BuildCache cache;
        QCOMPARE(cache.store("key one", "binary one"), std::string());
        QCOMPARE(cache.load("key one"), std::string("binary one"));
        QCOMPARE(cache.load("key two"), std::string());
        std::filesystem::rename(cache.fileFor("key one"),
                                cache.fileFor("key two")); // as if the hashes collided
        QCOMPARE(cache.load("key two"), std::string());
        QVERIFY(!cache.store("key three", "").empty());
    }
};

QTEST_GUILESS_MAIN(OpenClErrors)
#include "tst_opencl_errors.moc"
