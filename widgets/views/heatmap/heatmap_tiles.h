// Pictures of a matrix in tiles of 256 x 256 pixels, at every power of two. Zoomed-out levels come from a
// pyramid of means that is built once on a worker thread; tiles are painted there too and kept in a bounded
// cache, so that the view only ever copies pictures. Lives in the GUI thread.
#pragma once

#include "widgets/views/heatmap/heatmap_palette.h"

#include <QCache>
#include <QImage>
#include <QMutex>
#include <QObject>
#include <QThreadPool>

#include <atomic>
#include <memory>
#include <stop_token>
#include <vector>

namespace mmfree::gui
{

struct HeatmapPyramid; // means of blocks of cells; heatmap_pyramid.h

struct TileKey {
    int level = 0; // one pixel is 2^level x 2^level cells
    int x = 0, y = 0;
    friend bool operator==(const TileKey&, const TileKey&) = default;
};

class HeatmapTiles : public QObject
{
    Q_OBJECT
public:
    static constexpr int kTile = 256; // pixels

    explicit HeatmapTiles(QObject* parent = nullptr);
    ~HeatmapTiles() override;

    void setData(std::shared_ptr<const HeatmapData> data); // null: nothing
    void setRange(HeatmapRange range);
    void setPalette(const HeatmapPalette& palette); // borrowed, must outlive this object
    [[nodiscard]] const HeatmapData* data() const { return m_data.get(); }
    [[nodiscard]] HeatmapRange range() const { return m_range; }

    [[nodiscard]] int topLevel() const; // the level at which everything fits into one tile
    [[nodiscard]] const QImage* cached(const TileKey& key);
    // Paints these in this order and forgets earlier wishes that are not among them. Small matrices: at once.
    void request(const std::vector<TileKey>& keys);
    [[nodiscard]] QImage paintNow(const TileKey& key); // waits for the pyramid if it must
    [[nodiscard]] double overviewProgress() const;     // 0..1; 1: the pyramid is there
    [[nodiscard]] bool isSettled() const;              // nothing is being built or painted
    // What the mean of a pixel is multiplied with at this level (Ternary, Transitions), for legends.
    [[nodiscard]] double gain(int level) const;

signals:
    void tilesPainted();
    void overviewReady();

private:
    struct Work; // what the worker thread shares with this object
    void restart();
    void startWorker();
    void runWorker(const std::shared_ptr<Work>& work);
    void takeTile(quint64 generation, const TileKey& key, const QImage& image);
    void takePyramid(quint64 generation, std::shared_ptr<const HeatmapPyramid> pyramid);
    [[nodiscard]] bool isSmall() const;

    std::shared_ptr<const HeatmapData> m_data;
    HeatmapRange m_range;
    const HeatmapPalette* m_palette;
    std::shared_ptr<const HeatmapPyramid> m_pyramid;
    std::shared_ptr<Work> m_work;
    quint64 m_generation = 0;
    QCache<quint64, QImage> m_cache; // cost in KiB
    QThreadPool m_pool;
};

} // namespace mmfree::gui
