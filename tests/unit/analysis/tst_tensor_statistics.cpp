// Every number of the tensor statistics against one computed here, weight by weight.
#include "engine/analysis/tensor_statistics.h"

#include "engine/analysis/npy_file.h"
#include "engine/core/error.h"
#include "engine/core/random.h"
#include "tests/support/test_files.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstring>

using namespace mmfree;
using namespace mmfree::test;

namespace
{

TernaryTensor randomTernary(std::int64_t rows, std::int64_t cols, std::uint64_t seed)
{
    Random random(seed);
    TernaryTensor tensor;
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.scale = 0.03f;
    tensor.storage = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(rows * tensor.rowBytes()));
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t col = 0; col < tensor.rowBytes() * 4; ++col) {
            const unsigned code = col >= cols || row % 7 == 3 ? 1u : static_cast<unsigned>(random.below(3));
            tensor.storage[static_cast<std::size_t>(row * tensor.rowBytes() + col / 4)] |=
                static_cast<std::uint8_t>(code << (2 * (col % 4)));
        }
    }
    tensor.codes = tensor.storage.span();
    return tensor;
}

std::vector<float> latents(const ModelSource& source, const TensorSpec& spec)
{
    std::vector<float> values(static_cast<std::size_t>(elementCount(spec.shape)));
    source.floats(spec.name, values);
    return values;
}

} // namespace

class TensorStatisticsTest : public QObject
{
    Q_OBJECT

private slots:
    void countsAndProfilesOfOddShapes()
    {
        for (const std::int64_t cols : {1, 3, 4, 31, 32, 33, 130}) {
            const TernaryTensor tensor = randomTernary(15, cols, static_cast<std::uint64_t>(cols));
            TernaryCounts counts;
            const TernaryProfile profile = profileOf(tensor);
            std::int64_t deadRows = 0, deadCols = 0;
            for (std::int64_t row = 0; row < 15; ++row) {
                int plus = 0, minus = 0;
                for (std::int64_t col = 0; col < cols; ++col) {
                    plus += tensor.at(row, col) > 0;
                    minus += tensor.at(row, col) < 0;
                }
                counts.plus += plus;
                counts.minus += minus;
                counts.zero += cols - plus - minus;
                deadRows += plus + minus == 0;
                const auto i = static_cast<std::size_t>(row);
                QCOMPARE(profile.rowBalance[i],
                         static_cast<float>(static_cast<double>(plus - minus) / static_cast<double>(cols)));
                QCOMPARE(profile.rowZeros[i], static_cast<float>(1.0 - static_cast<double>(plus + minus) /
                                                                           static_cast<double>(cols)));
            }
            for (std::int64_t col = 0; col < cols; ++col) {
                int plus = 0, minus = 0;
                for (std::int64_t row = 0; row < 15; ++row) {
                    plus += tensor.at(row, col) > 0;
                    minus += tensor.at(row, col) < 0;
                }
                deadCols += plus + minus == 0;
                QCOMPARE(profile.colBalance[static_cast<std::size_t>(col)],
                         static_cast<float>((plus - minus) / 15.0));
                QCOMPARE(profile.colZeros[static_cast<std::size_t>(col)],
                         static_cast<float>(1.0 - (plus + minus) / 15.0));
            }
            QCOMPARE(countTernary(tensor), counts);
            QCOMPARE(countTernary(tensor).total(), 15 * cols);
            QCOMPARE(countTernary(tensor, 0, 0, 15, cols), counts);
            for (std::int64_t first = 0; first < std::min<std::int64_t>(cols, 9); ++first) {
                for (const std::int64_t width : {std::int64_t{1}, (cols - first + 1) / 2, cols - first}) {
                    TernaryCounts part;
                    for (std::int64_t row = 2; row < 9; ++row) {
                        for (std::int64_t col = first; col < first + width; ++col) {
                            const int value = tensor.at(row, col);
                            ++(value < 0 ? part.minus : value > 0 ? part.plus : part.zero);
                        }
                    }
                    QCOMPARE(countTernary(tensor, 2, first, 7, width), part);
                }
            }
            QCOMPARE(profile.deadRows, deadRows);
            QCOMPARE(profile.deadCols, deadCols);
        }
    }

    void entropyOfKnownShares()
    {
        QCOMPARE((TernaryCounts{0, 8, 0}.entropyBits()), 0.0);
        QCOMPARE((TernaryCounts{4, 0, 4}.entropyBits()), 1.0);
        QVERIFY(std::abs(TernaryCounts{5, 5, 5}.entropyBits() - std::log2(3.0)) < 1e-12);
    }

    void everyTensorOfAModel()
    {
        const TemporaryFolder folder;
        const auto source = openModel(makeGoldenModelFolder("open", folder.path()));
        const std::vector<TensorSpec> schema = tensorSchema(source->config());
        const std::vector<TensorStatistics> all = measureModel(*source, nullptr, {});
        QCOMPARE(all.size(), schema.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            const TensorStatistics& statistics = all[i];
            QCOMPARE(statistics.name, schema[i].name);
            const std::vector<float> values = latents(*source, schema[i]);
            double sum = 0.0, magnitude = 0.0, least = values[0], greatest = values[0];
            for (const float value : values) {
                sum += value;
                magnitude += std::fabs(value);
                least = std::min<double>(least, value);
                greatest = std::max<double>(greatest, value);
            }
            const auto size = static_cast<double>(values.size());
            QVERIFY(std::abs(statistics.mean - sum / size) < 1e-9);
            QCOMPARE(statistics.least, least);
            QCOMPARE(statistics.greatest, greatest);
            QCOMPARE(statistics.bytes, values.size() * 4u); // the golden file is f32
            QCOMPARE(statistics.bitsPerWeight(), 32.0);
            if (schema[i].role != TensorRole::TernaryWeight)
                continue;
            const double scale = std::max(magnitude / size, 1e-5);
            QVERIFY(std::abs(statistics.scale - scale) < 1e-6 * scale);
            TernaryCounts counts;
            for (const float value : values) {
                const float rounded = std::nearbyint(value * (1.0f / static_cast<float>(statistics.scale)));
                ++(rounded <= -1.0f ? counts.minus : rounded >= 1.0f ? counts.plus : counts.zero);
            }
            QCOMPARE(statistics.counts, counts);
        }
    }

    void packedBytesAreThoseOfTheFile()
    {
        const TemporaryFolder folder;
        const auto source = openModel(makeGoldenModelFolder("open", folder.path()));
        for (const auto& [packing, bits] :
             {std::pair(TernaryPacking::TwoBit, 2.0), std::pair(TernaryPacking::Base3, 1.6)}) {
            const auto file = folder.path() / "packed.safetensors";
            QVERIFY(writePackedModel(*source, file, packing, source->text()));
            const auto packed = openModel(file);
            for (const TensorSpec& spec : tensorSchema(packed->config())) {
                if (spec.role != TensorRole::TernaryWeight)
                    continue;
                const TensorStatistics a = measureTensor(*source, spec, nullptr);
                const TensorStatistics b = measureTensor(*packed, spec, packed.get());
                QCOMPARE(a.counts, b.counts);
                QCOMPARE(b.changed, 0);
                const std::int64_t rowBytes =
                    packing == TernaryPacking::TwoBit ? (spec.shape[1] + 3) / 4 : (spec.shape[1] + 4) / 5;
                QCOMPARE(b.bytes, static_cast<std::uint64_t>(spec.shape[0] * rowBytes + 4));
                QVERIFY(b.bitsPerWeight() >= bits && b.bitsPerWeight() < bits + 0.2);
            }
        }
    }

    void histogramsHoldEveryValue()
    {
        const TemporaryFolder folder;
        const auto source = openModel(makeGoldenModelFolder("open", folder.path()));
        const std::string name = "model.layers.1.mlp.gate_proj.weight";
        const TensorView view = source->view(name);
        const Histogram histogram = latentHistogram(view, 37, name);
        QCOMPARE(histogram.total(), elementCount(view.shape));
        std::vector<float> values(static_cast<std::size_t>(elementCount(view.shape)));
        source->floats(name, values);
        std::vector<std::int64_t> expected(37);
        for (const float value : values) {
            int bin = static_cast<int>(std::floor((value - histogram.low) / histogram.binWidth()));
            ++expected[static_cast<std::size_t>(std::clamp(bin, 0, 36))];
        }
        std::int64_t moved = 0; // a value on an edge may fall to either side of it by rounding
        for (std::size_t i = 0; i < expected.size(); ++i)
            moved += std::abs(expected[i] - histogram.counts[i]);
        QVERIFY(moved <= 4);
        QCOMPARE(histogramOf(std::vector<float>{-9.0f, 0.1f, 9.0f}, 2, -1.0, 1.0).counts,
                 (std::vector<std::int64_t>{1, 2}));
        QVERIFY_EXCEPTION_THROWN(histogramOf(std::vector<float>{NAN}, 2, 0.0, 1.0), Error);
        QVERIFY_EXCEPTION_THROWN(histogramOf(std::vector<float>{1.0f}, 0, 0.0, 1.0), Error);
    }

    void marginIsTheDistanceToTheEdge()
    {
        QCOMPARE(marginToFlip(0.0, 1.0), 0.5);
        QCOMPARE(marginToFlip(-0.75, 1.0), 0.25);
        QCOMPARE(marginToFlip(0.5, 1.0), 0.0);
    }

    void nineTransitions()
    {
        const TernaryTensor a = randomTernary(12, 21, 1), b = randomTernary(12, 21, 2);
        Transitions expected{};
        for (std::int64_t row = 0; row < 12; ++row) {
            for (std::int64_t col = 0; col < 21; ++col)
                ++expected[static_cast<std::size_t>(3 * (a.at(row, col) + 1) + b.at(row, col) + 1)];
        }
        QCOMPARE(countTransitions(a, b), expected);
        QVERIFY_EXCEPTION_THROWN((void)countTransitions(a, randomTernary(12, 20, 1)), Error);
    }

    void referencesOfAnotherShapeAreRefused()
    {
        const auto a = makeRandomModel(namedShape("2,64,128,256"), 1, "a");
        const auto b = makeRandomModel(namedShape("2,64,128,320"), 1, "b");
        QVERIFY_EXCEPTION_THROWN(measureModel(*a, b.get(), {}), Error);
        const auto c = makeRandomModel(namedShape("2,64,128,256"), 2, "c");
        const auto statistics = measureModel(*a, c.get(), {});
        std::int64_t changed = 0;
        for (const TensorStatistics& tensor : statistics)
            changed += tensor.role == TensorRole::TernaryWeight ? tensor.changed : 0;
        QVERIFY(changed > 0);
    }

    void jsonBringsStatisticsBack()
    {
        const auto source = makeRandomModel(namedShape("1,64,128,256"), 3, "r");
        for (const TensorStatistics& statistics : measureModel(*source, source.get(), {})) {
            const auto json = nlohmann::json::parse(statisticsToJson(statistics).dump());
            const TensorStatistics back = statisticsFromJson(json, "cache");
            QCOMPARE(back.name, statistics.name);
            QCOMPARE(back.role, statistics.role);
            QCOMPARE(back.shape, statistics.shape);
            QCOMPARE(back.counts, statistics.counts);
            QCOMPARE(back.scale, statistics.scale);
            QCOMPARE(back.bytes, statistics.bytes);
            QCOMPARE(back.changed, statistics.changed);
            QCOMPARE(back.deadRows, statistics.deadRows);
        }
        QVERIFY_EXCEPTION_THROWN((void)statisticsFromJson(nlohmann::json::parse("{\"name\": 3}"), "cache"),
                                 Error);
    }

    void npyFilesHaveTheFormatOfNumPy()
    {
        const TemporaryFolder folder;
        const auto path = folder.path() / "m.npy";
        NpyWriter writer(path, DType::F32, {2, 3});
        writer.write(std::vector<float>{1, 2, 3, 4, 5, 6.5f});
        writer.finish();
        const std::string bytes = readTextFile(path);
        QVERIFY(bytes.starts_with(std::string("\x93NUMPY\x01\x00", 8)));
        const std::size_t header =
            static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
        QCOMPARE((10 + header) % 64, std::size_t{0});
        QVERIFY(bytes.find("'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }") !=
                std::string::npos);
        QCOMPARE(bytes.size(), 10 + header + 24);
        float last = 0.0f;
        std::memcpy(&last, bytes.data() + bytes.size() - 4, 4);
        QCOMPARE(last, 6.5f);
    }
};

QTEST_GUILESS_MAIN(TensorStatisticsTest)
#include "tst_tensor_statistics.moc"
