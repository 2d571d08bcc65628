// Frame times of HeatmapView while a large ternary matrix is moved and zoomed, printed; run by hand:
//   QT_QPA_PLATFORM=offscreen build/bin/bench_heatmap [rows cols [width height [picture.png]]]
#include "widgets/theme/theme.h"
#include "widgets/views/heatmap/heatmap_view.h"

#include "engine/core/random.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QTextStream>
#include <QThread>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numbers>

using namespace mmfree;
using namespace mmfree::gui;

namespace
{

std::shared_ptr<const TernaryData> randomMatrix(qint64 rows, qint64 cols)
{
    auto tensor = std::make_shared<TernaryTensor>();
    tensor->rows = rows;
    tensor->cols = cols;
    tensor->scale = 0.02f;
    tensor->storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(rows * tensor->rowBytes()));
    Random random(7);
    for (std::size_t i = 0; i < tensor->storage.size(); ++i) {
        const std::uint64_t bits = random.bits();
        unsigned byte = 0;
        for (unsigned k = 0; k < 4; ++k)
            byte |= static_cast<unsigned>((bits >> (16 * k) & 0xffff) * 3 >> 16) << (2 * k);
        tensor->storage[i] = static_cast<std::uint8_t>(byte);
    }
    tensor->codes = tensor->storage.span();
    return std::make_shared<TernaryData>(std::move(tensor), nullptr);
}

// Of this thread: a busy machine's other programs do not count.
double cpuMilliseconds()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

class Bench
{
public:
    Bench(HeatmapView& view, QTextStream& out)
        : m_view(view)
        , m_out(out)
        , m_picture(view.size(), QImage::Format_RGB32)
    {
    }

    // `move(i)` changes the view before frame i of `frames`; frames are painted as the window would, with
    // events in between, at most 60 a second.
    template <class Move>
    void run(const char* name, int frames, Move&& move)
    {
        std::vector<double> milliseconds, cpu;
        int complete = 0;
        for (int i = 0; i < frames; ++i) {
            QElapsedTimer timer;
            timer.start();
            const double before = cpuMilliseconds();
            move(i);
            m_view.render(&m_picture);
            cpu.push_back(cpuMilliseconds() - before);
            const double spent = static_cast<double>(timer.nsecsElapsed()) * 1e-6;
            milliseconds.push_back(spent);
            complete += m_view.isSettled() ? 1 : 0;
            QApplication::processEvents(QEventLoop::AllEvents, 2);
            if (spent < 16.0)
                QThread::usleep(static_cast<unsigned long>((16.0 - spent) * 1000.0));
            QApplication::processEvents();
        }
        std::sort(milliseconds.begin(), milliseconds.end());
        std::sort(cpu.begin(), cpu.end());
        const auto at = [&](double share) {
            return milliseconds[static_cast<std::size_t>(share *
                                                         static_cast<double>(milliseconds.size() - 1))];
        };
        const auto inTime = std::count_if(milliseconds.begin(), milliseconds.end(),
                                          [](double ms) { return ms < 1000.0 / 60.0; });
        m_out << QString("%1  median %2 ms  p95 %3 ms  within 1/60 s: %4 of %5  processor median %6 ms, "
                         "worst %7 ms  "
                         "without stand-ins: %8\n")
                     .arg(QString::fromLatin1(name), -22)
                     .arg(at(0.5), 6, 'f', 2)
                     .arg(at(0.95), 6, 'f', 2)
                     .arg(inTime)
                     .arg(frames)
                     .arg(cpu[cpu.size() / 2], 0, 'f', 2)
                     .arg(cpu.back(), 0, 'f', 2)
                     .arg(complete);
        m_out.flush();
    }

private:
    HeatmapView& m_view;
    QTextStream& m_out;
    QImage m_picture;
};

} // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    applyTheme(application, ThemeChoice::Light);
    const auto argument = [&](int index, qint64 fallback) {
        return argc > index ? QString::fromLatin1(argv[index]).toLongLong() : fallback;
    };
    const qint64 rows = argument(1, 10'000), cols = argument(2, 27'000);
    const int width = static_cast<int>(argument(3, 1200)), height = static_cast<int>(argument(4, 760));
    QTextStream out(stdout);
    const auto data = randomMatrix(rows, cols);
    HeatmapView view;
    view.resize(width, height);
    QElapsedTimer timer;
    timer.start();
    view.setData(data);
    view.show();
    double shown = 0.0;
    while (!view.isSettled() && timer.elapsed() < 60'000) {
        view.grab();
        if (shown == 0.0)
            shown = static_cast<double>(timer.nsecsElapsed()) * 1e-6;
        QApplication::processEvents(QEventLoop::AllEvents, 5);
    }
    out << QString("%1 x %2 ternary weights in a view of %3 x %4\n")
               .arg(rows)
               .arg(cols)
               .arg(width)
               .arg(height)
        << QString("first frame %1 ms, whole matrix summed up and painted %2 ms\n")
               .arg(shown, 0, 'f', 1)
               .arg(static_cast<double>(timer.nsecsElapsed()) * 1e-6, 0, 'f', 0);
    out.flush();

    Bench bench(view, out);
    const QPointF center = view.plotRect().center();
    bench.run("zoom in from the whole", 240, [&](int) { view.zoom(1.03, center); });
    bench.run("zoom out to the whole", 240, [&](int) { view.zoom(1.0 / 1.03, center); });
    for (const double scale : {0.08, 0.4, 1.0, 6.0, 16.0}) {
        view.setTransform({.originX = cols * 0.4, .originY = rows * 0.4, .scaleX = scale, .scaleY = scale});
        const QByteArray name = QString("pan at %1 px a cell").arg(scale).toLatin1();
        const HeatmapTransform start = view.transform();
        bench.run(name.constData(), 240, [&](int i) { // a Lissajous path, up to 20 pixels a frame
            const double angle = 2.0 * std::numbers::pi * i / 240.0;
            HeatmapTransform next = start;
            next.originX += 600.0 * std::sin(angle) / scale;
            next.originY += 400.0 * std::sin(2.0 * angle) / scale;
            view.setTransform(next);
        });
    }
    if (argc > 5) { // what the last frame looks like, with a cursor, a selection and the minimap
        view.setCursorCell({rows / 2, cols / 2});
        view.setSelection({rows / 2 + 2, cols / 2 + 3, 6, 9});
        view.setFocus();
        while (!view.isSettled())
            view.grab(), QApplication::processEvents(QEventLoop::AllEvents, 5);
        view.grab().save(QString::fromLocal8Bit(argv[5]));
    }
    return 0;
}
