// How much an open explorer slows another generation when nothing is captured: speeds with and without the
// page, taken by turns in one run, printed; run by hand:
//   QT_QPA_PLATFORM=offscreen build/bin/bench_explorer_idle MODEL [rounds [tokens]]
#include "engine/cpu/cpu_backend.h"
#include "widgets/explore/explorer_session.h"
#include "widgets/pages/explore_page.h"
#include "widgets/theme/theme.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QTextStream>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace mmfree;
using namespace mmfree::gui;

namespace
{

// Decodes on its own thread while this one runs the event loop, as the chat does.
double tokensPerSecond(InferenceExecutor& executor, int tokens)
{
    double seconds = 0.0;
    std::atomic<bool> done{false};
    std::thread worker([&] {
        const auto state = executor.createState();
        QElapsedTimer timer;
        timer.start();
        TokenId token = 1;
        for (int i = 0; i < tokens; ++i) {
            const auto logits = executor.forward({.tokens = {&token, 1}}, *state).logits;
            token = static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        }
        seconds = static_cast<double>(timer.nsecsElapsed()) * 1e-9;
        done = true;
    });
    while (!done)
        QApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents, 20);
    worker.join();
    return tokens / seconds;
}

double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace

int main(int argc, char** argv)
{
    QApplication application(argc, argv);
    applyTheme(application, ThemeChoice::Light);
    QTextStream out(stdout);
    if (argc < 2) {
        out << "a model is needed: bench_explorer_idle MODEL [rounds [tokens]]\n";
        return 1;
    }
    const QString model = QString::fromLocal8Bit(argv[1]);
    const int rounds = argc > 2 ? QString::fromLatin1(argv[2]).toInt() : 9;
    const int tokens = argc > 3 ? QString::fromLatin1(argv[3]).toInt() : 2000;
    const auto backend = std::make_shared<cpu::CpuBackend>();
    const auto executor = backend->createInference(openModel(model.toStdString()), {});
    PageContext context;
    context.backends = {backend};
    ExplorePage page(context);
    page.resize(1200, 760);
    page.show();
    page.session()->openModel(model);
    while (!page.isSettled() || !page.session()->isOpen())
        QApplication::processEvents(QEventLoop::AllEvents, 20);
    std::vector<double> ratios;
    tokensPerSecond(*executor, tokens); // warms up
    for (int round = 0; round < rounds; ++round) {
        page.hide();
        const double without = tokensPerSecond(*executor, tokens);
        page.show();
        const double with = tokensPerSecond(*executor, tokens);
        ratios.push_back(with / without);
        out << QString("round %1: %2 tokens/s without, %3 with the page\n")
                   .arg(round + 1)
                   .arg(without, 0, 'f', 0)
                   .arg(with, 0, 'f', 0);
        out.flush();
    }
    out << QString("median ratio with/without: %1\n").arg(median(ratios), 0, 'f', 3);
    return 0;
}
