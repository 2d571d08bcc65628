#include "widgets/views/heatmap/heatmap_tiles.h"

#include "widgets/views/heatmap/heatmap_pyramid.h"

#include <QMutexLocker>

#include <algorithm>
#include <deque>

namespace mmfree::gui
{

namespace
{

constexpr qint64 kSmallCells = qint64{1} << 20; // painted at once: a few milliseconds
constexpr int kCacheKiB = 96 * 1024;

quint64 packed(const TileKey& key)
{
    return (static_cast<quint64>(key.level) << 56) | (static_cast<quint64>(key.y) << 28) |
           static_cast<quint64>(key.x);
}

} // namespace

// Constant after creation but for the queue (locked) and the progress.
struct HeatmapTiles::Work {
    quint64 generation = 0;
    std::shared_ptr<const HeatmapData> data;
    HeatmapRange range;
    const HeatmapPalette* palette = nullptr;
    std::shared_ptr<const HeatmapPyramid> pyramid; // set by the worker when it was null
    int topLevel = 0;
    std::stop_source stop;
    std::atomic<double> progress{0.0};

    QMutex mutex;
    std::deque<TileKey> wanted; // guarded
    bool idle = false;          // guarded: the worker has gone home
};

HeatmapTiles::HeatmapTiles(QObject* parent)
    : QObject(parent)
    , m_palette(&heatmapPalette())
    , m_cache(kCacheKiB)
{
    m_pool.setMaxThreadCount(1);
    m_pool.setThreadPriority(QThread::LowPriority);
}

HeatmapTiles::~HeatmapTiles()
{
    if (m_work)
        m_work->stop.request_stop();
    m_pool.waitForDone();
}

void HeatmapTiles::setData(std::shared_ptr<const HeatmapData> data)
{
    m_data = std::move(data);
    m_range = m_data ? m_data->range() : HeatmapRange{};
    m_pyramid.reset();
    restart();
}

void HeatmapTiles::setRange(HeatmapRange range)
{
    if (range == m_range)
        return;
    m_range = range;
    restart();
}

void HeatmapTiles::setPalette(const HeatmapPalette& palette)
{
    if (&palette == m_palette)
        return;
    m_palette = &palette;
    restart();
}

// Colours or contents changed: all tiles are new, the pyramid stays when the data did.
void HeatmapTiles::restart()
{
    if (m_work)
        m_work->stop.request_stop();
    m_work.reset();
    m_cache.clear();
    ++m_generation;
    if (!m_data || m_data->rows() == 0 || m_data->cols() == 0)
        return;
    m_work = std::make_shared<Work>();
    m_work->generation = m_generation;
    m_work->data = m_data;
    m_work->range = m_range;
    m_work->palette = m_palette;
    m_work->pyramid = m_pyramid;
    m_work->topLevel = topLevel();
    if (m_pyramid) {
        m_work->progress = 1.0;
    } else if (isSmall()) {
        m_pyramid = std::make_shared<HeatmapPyramid>(
            buildHeatmapPyramid(*m_data, m_work->topLevel, m_work->stop.get_token(), m_work->progress));
        m_work->pyramid = m_pyramid;
    } else {
        startWorker();
        return;
    }
    m_work->idle = true;
}

void HeatmapTiles::startWorker()
{
    m_work->idle = false;
    m_pool.start([this, work = m_work] { runWorker(work); });
}

// On the worker thread. `this` outlives it: the destructor waits.
void HeatmapTiles::runWorker(const std::shared_ptr<Work>& work)
{
    const std::stop_token stop = work->stop.get_token();
    if (!work->pyramid && !stop.stop_requested()) {
        auto pyramid = std::make_shared<HeatmapPyramid>(
            buildHeatmapPyramid(*work->data, work->topLevel, stop, work->progress));
        if (stop.stop_requested())
            return;
        work->pyramid = std::move(pyramid);
        QMetaObject::invokeMethod(
            this, [this, work] { takePyramid(work->generation, work->pyramid); }, Qt::QueuedConnection);
    }
    while (!stop.stop_requested()) {
        TileKey key;
        {
            const QMutexLocker lock(&work->mutex);
            if (work->wanted.empty()) {
                work->idle = true;
                return;
            }
            key = work->wanted.front();
            work->wanted.pop_front();
        }
        QImage image = paintHeatmapTile(*work->data, work->pyramid.get(), *work->palette, work->range,
                                        key.level, key.x, key.y, kTile);
        QMetaObject::invokeMethod(
            this, [this, generation = work->generation, key, image] { takeTile(generation, key, image); },
            Qt::QueuedConnection);
    }
}

void HeatmapTiles::takeTile(quint64 generation, const TileKey& key, const QImage& image)
{
    if (generation != m_generation || image.isNull())
        return;
    m_cache.insert(packed(key), new QImage(image), std::max(1, static_cast<int>(image.sizeInBytes() / 1024)));
    emit tilesPainted();
}

void HeatmapTiles::takePyramid(quint64 generation, std::shared_ptr<const HeatmapPyramid> pyramid)
{
    if (generation != m_generation)
        return;
    m_pyramid = std::move(pyramid);
    emit overviewReady();
}

int HeatmapTiles::topLevel() const
{
    return m_data
               ? std::max(heatmapTopLevel(m_data->rows(), m_data->cols(), kTile), HeatmapPyramid::kFirstLevel)
               : 0;
}

bool HeatmapTiles::isSmall() const
{
    return m_data->rows() * m_data->cols() <= kSmallCells;
}

const QImage* HeatmapTiles::cached(const TileKey& key)
{
    return m_cache.object(packed(key));
}

void HeatmapTiles::request(const std::vector<TileKey>& keys)
{
    if (!m_work)
        return;
    if (isSmall()) {
        for (const TileKey& key : keys) {
            const QImage image = paintHeatmapTile(*m_data, m_pyramid.get(), *m_palette, m_range, key.level,
                                                  key.x, key.y, kTile);
            m_cache.insert(packed(key), new QImage(image),
                           std::max(1, static_cast<int>(image.sizeInBytes() / 1024)));
        }
        return;
    }
    bool start = false;
    {
        const QMutexLocker lock(&m_work->mutex);
        m_work->wanted.assign(keys.begin(), keys.end());
        start = m_work->idle && !keys.empty();
        if (start)
            m_work->idle = false;
    }
    if (start)
        startWorker();
}

QImage HeatmapTiles::paintNow(const TileKey& key)
{
    if (const QImage* image = cached(key))
        return *image;
    if (!m_work)
        return {};
    if (!m_pyramid && key.level > 0)
        m_pool.waitForDone(); // it builds the pyramid first
    if (!m_pyramid)
        m_pyramid = m_work->pyramid;
    return paintHeatmapTile(*m_data, m_pyramid.get(), *m_palette, m_range, key.level, key.x, key.y, kTile);
}

double HeatmapTiles::overviewProgress() const
{
    return m_pyramid || !m_work ? 1.0 : m_work->progress.load();
}

bool HeatmapTiles::isSettled() const
{
    if (!m_work)
        return true;
    const QMutexLocker lock(&m_work->mutex);
    return m_work->idle && m_pyramid;
}

double HeatmapTiles::gain(int level) const
{
    return m_pyramid ? m_pyramid->gain(level) : 1.0;
}

} // namespace mmfree::gui
