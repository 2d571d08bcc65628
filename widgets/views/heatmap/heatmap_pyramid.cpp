#include "widgets/views/heatmap/heatmap_pyramid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mmfree::gui
{

namespace
{

// Sums of the cells that fall into one row of pixels.
struct RowSums {
    std::vector<double> sum;
    std::vector<qint32> finite, present;

    explicit RowSums(std::size_t pixels)
        : sum(pixels)
        , finite(pixels)
        , present(pixels)
    {
    }
    void clear()
    {
        std::fill(sum.begin(), sum.end(), 0.0);
        std::fill(finite.begin(), finite.end(), 0);
        std::fill(present.begin(), present.end(), 0);
    }
    void add(HeatmapKind kind, std::span<const float> values, int level)
    {
        if (kind == HeatmapKind::Ternary) {
            addTernary(values, level);
            return;
        }
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (!std::isfinite(values[i]))
                continue;
            const HeatmapSignal signal = heatmapSignal(kind, values[i]);
            const std::size_t pixel = i >> level;
            sum[pixel] += signal.signal;
            present[pixel] += signal.present ? 1 : 0;
            ++finite[pixel];
        }
    }
    // The hot case: 10,000 x 27,000 weights.
    void addTernary(std::span<const float> values, int level)
    {
        const std::size_t block = std::size_t{1} << level;
        for (std::size_t pixel = 0, i = 0; i < values.size(); ++pixel) {
            const std::size_t end = std::min(values.size(), i + block);
            float signs = 0.0f, weights = 0.0f;
            const auto count = static_cast<qint32>(end - i);
            for (; i < end; ++i) {
                signs += values[i];
                weights += std::fabs(values[i]);
            }
            sum[pixel] += signs;
            present[pixel] += static_cast<qint32>(weights);
            finite[pixel] += count;
        }
    }
    [[nodiscard]] float mean(std::size_t pixel) const
    {
        return finite[pixel] ? static_cast<float>(sum[pixel] / finite[pixel])
                             : std::numeric_limits<float>::quiet_NaN();
    }
    [[nodiscard]] float presence(std::size_t pixel) const
    {
        return finite[pixel] ? static_cast<float>(present[pixel]) / static_cast<float>(finite[pixel]) : 0.0f;
    }
};

qint64 blocks(qint64 cells, int level)
{
    return (cells + (qint64{1} << level) - 1) >> level;
}

HeatmapPyramid::Level halved(const HeatmapPyramid::Level& fine)
{
    HeatmapPyramid::Level level;
    level.rows = (fine.rows + 1) / 2;
    level.cols = (fine.cols + 1) / 2;
    level.mean.resize(static_cast<std::size_t>(level.rows * level.cols));
    level.presence.resize(level.mean.size());
    for (qint64 row = 0; row < level.rows; ++row) {
        for (qint64 col = 0; col < level.cols; ++col) {
            double sum = 0.0, presence = 0.0;
            int count = 0, finite = 0;
            for (qint64 r = 2 * row; r < std::min(2 * row + 2, fine.rows); ++r) {
                for (qint64 c = 2 * col; c < std::min(2 * col + 2, fine.cols); ++c, ++count) {
                    const auto index = static_cast<std::size_t>(r * fine.cols + c);
                    presence += fine.presence[index];
                    if (std::isfinite(fine.mean[index])) {
                        sum += fine.mean[index];
                        ++finite;
                    }
                }
            }
            const auto index = static_cast<std::size_t>(row * level.cols + col);
            level.mean[index] =
                finite ? static_cast<float>(sum / finite) : std::numeric_limits<float>::quiet_NaN();
            level.presence[index] = static_cast<std::uint8_t>(std::lround(presence / count));
        }
    }
    return level;
}

// Means of many signs shrink with their number; the strongest half per cent is drawn in full colour.
double gainOf(const HeatmapPyramid::Level& level)
{
    std::vector<float> magnitudes;
    magnitudes.reserve(level.mean.size());
    for (const float mean : level.mean) {
        if (std::isfinite(mean))
            magnitudes.push_back(std::fabs(mean));
    }
    if (magnitudes.empty())
        return 1.0;
    const auto place =
        magnitudes.begin() + static_cast<std::ptrdiff_t>(0.995 * static_cast<double>(magnitudes.size() - 1));
    std::nth_element(magnitudes.begin(), place, magnitudes.end());
    return std::clamp(1.0 / std::max(static_cast<double>(*place), 1e-6), 1.0, 64.0);
}

// Values and mean presence of tile pixels taken from the cells: levels below kFirstLevel.
void paintFromCells(const HeatmapData& data, const HeatmapPalette& palette, HeatmapRange range, int level,
                    qint64 firstRow, qint64 firstCol, double gain, QImage& image)
{
    const qint64 block = qint64{1} << level;
    const qint64 cols = std::min(image.width() * block, data.cols() - firstCol);
    std::vector<float> values(static_cast<std::size_t>(cols));
    RowSums sums(static_cast<std::size_t>(image.width()));
    for (int y = 0; y < image.height(); ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
        const qint64 row = firstRow + y * block;
        if (level == 0) {
            data.read(row, firstCol, values);
            for (int x = 0; x < image.width(); ++x)
                line[x] = palette.cell(data.kind(), values[static_cast<std::size_t>(x)], range);
            continue;
        }
        sums.clear();
        for (qint64 r = row; r < std::min(row + block, data.rows()); ++r) {
            data.read(r, firstCol, values);
            sums.add(data.kind(), values, level);
        }
        for (int x = 0; x < image.width(); ++x) {
            const auto pixel = static_cast<std::size_t>(x);
            line[x] = palette.mixed(data.kind(), sums.mean(pixel), sums.presence(pixel), range,
                                    static_cast<float>(gain));
        }
    }
}

} // namespace

double HeatmapPyramid::gain(int level) const
{
    if (gains.empty() || level <= 0)
        return 1.0;
    return gains[std::min(static_cast<std::size_t>(level), gains.size() - 1)];
}

HeatmapSignal heatmapSignal(HeatmapKind kind, float value)
{
    if (kind != HeatmapKind::Transitions)
        return {value, value != 0.0f};
    const int code = static_cast<int>(value);
    const int from = code / 3 - 1, to = code % 3 - 1;
    return {static_cast<float>(to - from) * 0.5f, to != from};
}

int heatmapTopLevel(qint64 rows, qint64 cols, int pixels)
{
    int level = 0;
    while (blocks(std::max(rows, cols), level) > pixels)
        ++level;
    return level;
}

HeatmapPyramid buildHeatmapPyramid(const HeatmapData& data, int topLevel, const std::stop_token& stop,
                                   std::atomic<double>& progress)
{
    constexpr int kFirst = HeatmapPyramid::kFirstLevel;
    HeatmapPyramid pyramid;
    HeatmapPyramid::Level base;
    base.rows = blocks(data.rows(), kFirst);
    base.cols = blocks(data.cols(), kFirst);
    base.mean.resize(static_cast<std::size_t>(base.rows * base.cols));
    base.presence.resize(base.mean.size());
    std::vector<float> values(static_cast<std::size_t>(data.cols()));
    RowSums sums(static_cast<std::size_t>(base.cols));
    const qint64 block = qint64{1} << kFirst;
    for (qint64 row = 0; row < base.rows; ++row) {
        if (stop.stop_requested())
            return {};
        sums.clear();
        for (qint64 r = row * block; r < std::min((row + 1) * block, data.rows()); ++r) {
            data.read(r, 0, values);
            sums.add(data.kind(), values, kFirst);
        }
        for (std::size_t col = 0; col < static_cast<std::size_t>(base.cols); ++col) {
            const auto index = static_cast<std::size_t>(row * base.cols) + col;
            base.mean[index] = sums.mean(col);
            base.presence[index] = static_cast<std::uint8_t>(std::lround(sums.presence(col) * 255.0f));
        }
        progress = static_cast<double>(row + 1) / static_cast<double>(base.rows);
    }
    pyramid.levels.push_back(std::move(base));
    for (int level = kFirst + 1; level <= topLevel; ++level)
        pyramid.levels.push_back(halved(pyramid.levels.back()));
    pyramid.gains.assign(static_cast<std::size_t>(kFirst), 1.0);
    for (const HeatmapPyramid::Level& level : pyramid.levels)
        pyramid.gains.push_back(gainOf(level));
    for (int level = kFirst - 1; level > 0; --level) // a quarter of the cells: half the gain
        pyramid.gains[level] = std::max(1.0, pyramid.gains[level + 1] * 0.5);
    return pyramid;
}

QImage paintHeatmapTile(const HeatmapData& data, const HeatmapPyramid* pyramid, const HeatmapPalette& palette,
                        HeatmapRange range, int level, int x, int y, int side)
{
    const qint64 firstX = qint64{x} * side, firstY = qint64{y} * side; // pixels of this level
    const qint64 width = std::min<qint64>(side, blocks(data.cols(), level) - firstX);
    const qint64 height = std::min<qint64>(side, blocks(data.rows(), level) - firstY);
    if (width <= 0 || height <= 0)
        return {};
    QImage image(static_cast<int>(width), static_cast<int>(height), QImage::Format_RGB32);
    const double gain = pyramid ? pyramid->gain(level) : 1.0;
    if (level < HeatmapPyramid::kFirstLevel) {
        paintFromCells(data, palette, range, level, firstY << level, firstX << level, gain, image);
        return image;
    }
    Q_ASSERT(pyramid);
    const auto index = static_cast<std::size_t>(level - HeatmapPyramid::kFirstLevel);
    const HeatmapPyramid::Level& means = pyramid->levels.at(index);
    for (int row = 0; row < image.height(); ++row) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(row));
        const auto first = static_cast<std::size_t>((firstY + row) * means.cols + firstX);
        for (std::size_t col = 0; col < static_cast<std::size_t>(width); ++col)
            line[col] = palette.mixed(data.kind(), means.mean[first + col],
                                      static_cast<float>(means.presence[first + col]) / 255.0f, range,
                                      static_cast<float>(gain));
    }
    return image;
}

} // namespace mmfree::gui
