// Checked reading and streaming writing of safetensors files.
#include "engine/model/safetensors.h"

#include "engine/model/json_reader.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace mmfree
{

namespace
{

using nlohmann::json;

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, read in place");

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000; // the limit of the public implementation
constexpr std::uint64_t kDataAlignment = 64;           // of our own files' first tensor
constexpr const char* kMetadataKey = "__metadata__";

// Reports faults of one file, or of one of its tensors.
class FaultReporter
{
public:
    FaultReporter(const std::filesystem::path& path, const std::string& tensor)
        : m_prefix(path.string() + ": " + (tensor.empty() ? "" : "tensor " + printable(tensor) + ": "))
    {
    }
    [[noreturn]] void fail(const std::string& text) const
    {
        throw Error(ErrorCode::InvalidFile, m_prefix + text);
    }
    void require(bool condition, const std::string& text) const
    {
        if (!condition)
            fail(text);
    }

private:
    std::string m_prefix;
};

struct ByteRange {
    std::uint64_t begin = 0, end = 0;
    std::string name;
};

std::string_view headerText(const MappedFile& file)
{
    const FaultReporter report(file.path(), "");
    const std::uint64_t size = file.bytes().size();
    if (size < kLengthBytes)
        report.fail("file has " + std::to_string(size) + " bytes, needed: at least 8 (a safetensors file)");
    std::uint64_t length = 0;
    std::memcpy(&length, file.bytes().data(), kLengthBytes);
    if (length > kMaxHeaderBytes)
        report.fail("header length is " + std::to_string(length) + " bytes, needed: at most " +
                    std::to_string(kMaxHeaderBytes) + " (is this a safetensors file?)");
    if (length > size - kLengthBytes)
        report.fail("header length is " + std::to_string(length) + " bytes but the file ends after " +
                    std::to_string(size) + " bytes, needed: a complete file");
    return {reinterpret_cast<const char*>(file.bytes().data()) + kLengthBytes,
            static_cast<std::size_t>(length)};
}

const json& member(const json& entry, const char* key, const FaultReporter& report)
{
    const auto found = entry.find(key);
    if (found == entry.end())
        report.fail(std::string(key) + " is missing");
    return *found;
}

std::uint64_t unsignedValue(const json& value, const char* what, const FaultReporter& report)
{
    constexpr std::uint64_t kLimit = std::uint64_t{1} << 62;
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLimit)
        report.fail(std::string(what) + " holds " + describeJson(value) +
                    ", needed: whole numbers from 0 to 2^62");
    return value.get<std::uint64_t>();
}

Shape readShape(const json& value, const FaultReporter& report)
{
    if (!value.is_array())
        report.fail("shape is " + describeJson(value) + ", needed: an array");
    Shape shape;
    for (const json& size : value)
        shape.push_back(static_cast<std::int64_t>(unsignedValue(size, "shape", report)));
    return shape;
}

std::uint64_t checkedBytes(const Shape& shape, DType dtype, const FaultReporter& report)
{
    std::uint64_t bytes = dtypeSize(dtype);
    for (const std::int64_t size : shape) {
        // A zero size ends the product; the sizes before it must still be sensible.
        if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes))
            report.fail("shape " + shapeText(shape) + " has more bytes than fit into 64 bits");
    }
    return bytes;
}

// One header entry -> view into `data` (everything after the header).
TensorView readTensor(const json& entry, std::span<const std::byte> data, const FaultReporter& report,
                      ByteRange& range)
{
    if (!entry.is_object())
        report.fail("entry is " + describeJson(entry) + ", needed: an object");
    TensorView view;
    const json& dtype = member(entry, "dtype", report);
    if (!dtype.is_string() || !parseDType(dtype.get_ref<const std::string&>(), view.dtype))
        report.fail("dtype is " + describeJson(dtype) +
                    ", needed: F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL");
    view.shape = readShape(member(entry, "shape", report), report);
    const json& offsets = member(entry, "data_offsets", report);
    if (!offsets.is_array() || offsets.size() != 2)
        report.fail("data_offsets is " + describeJson(offsets) + ", needed: [begin, end]");
    range.begin = unsignedValue(offsets[0], "data_offsets", report);
    range.end = unsignedValue(offsets[1], "data_offsets", report);
    const std::string found =
        "data_offsets are [" + std::to_string(range.begin) + ", " + std::to_string(range.end) + "]";
    if (range.begin > range.end || range.end > data.size())
        report.fail(found + ", needed: begin <= end <= " + std::to_string(data.size()) +
                    " (bytes after the header)");
    const std::uint64_t bytes = checkedBytes(view.shape, view.dtype, report);
    if (range.end - range.begin != bytes)
        report.fail(found + ", needed: " + std::to_string(bytes) + " bytes for " +
                    std::string(dtypeName(view.dtype)) + " of shape " + shapeText(view.shape));
    view.bytes = data.subspan(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(bytes));
    return view;
}

// The format wants the tensors to fill the file exactly, in some order.
void requireContiguous(std::vector<ByteRange> ranges, std::uint64_t dataBytes,
                       const std::filesystem::path& path)
{
    std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t position = 0;
    for (const ByteRange& range : ranges) {
        if (range.begin != position) {
            FaultReporter(path, range.name)
                .fail("begins at byte " + std::to_string(range.begin) +
                      ", needed: " + std::to_string(position) +
                      (range.begin < position ? " (it overlaps another tensor)"
                                              : " (bytes before it belong to no tensor)"));
        }
        position = range.end;
    }
    if (position != dataBytes) {
        FaultReporter(path, "").fail("tensors end at byte " + std::to_string(position) +
                                     " after the header, needed: " + std::to_string(dataBytes) +
                                     " (the end of the file)");
    }
}

} // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : m_file(std::make_unique<MappedFile>(path))
{
    const std::string_view text = headerText(*m_file);
    const json header = parseJson(text, path.string() + ": header", ErrorCode::InvalidFile);
    if (!header.is_object())
        FaultReporter(path, "").fail("header is " + describeJson(header) + ", needed: an object");
    const std::span<const std::byte> data = m_file->bytes().subspan(kLengthBytes + text.size());
    std::vector<ByteRange> ranges;
    for (const auto& [name, entry] : header.items()) {
        if (name == kMetadataKey) {
            if (!entry.is_object())
                FaultReporter(path, "").fail("__metadata__ is " + describeJson(entry) +
                                             ", needed: an object");
            for (const auto& [key, value] : entry.items()) {
                if (!value.is_string())
                    FaultReporter(path, "").fail("__metadata__ " + printable(key) + " is " +
                                                 describeJson(value) + ", needed: text");
                m_metadata.emplace(key, value.get<std::string>());
            }
            continue;
        }
        ByteRange range{.name = name};
        m_tensors.emplace(name, readTensor(entry, data, FaultReporter(path, name), range));
        ranges.push_back(std::move(range));
    }
    requireContiguous(std::move(ranges), data.size(), path);
}

const TensorView* SafetensorsFile::find(const std::string& name) const
{
    const auto found = m_tensors.find(name);
    return found == m_tensors.end() ? nullptr : &found->second;
}

const TensorView& SafetensorsFile::require(const std::string& name) const
{
    const TensorView* view = find(name);
    if (!view)
        throw Error(ErrorCode::InvalidFile, path().string() + ": tensor " + printable(name) + " is missing");
    return *view;
}

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path)
    : m_file(path)
{
}

void SafetensorsWriter::setMetadata(const std::string& key, const std::string& value)
{
    assert(!m_headerWritten);
    m_metadata[key] = value;
}

void SafetensorsWriter::declare(const std::string& name, DType dtype, const Shape& shape)
{
    assert(!m_headerWritten && name != kMetadataKey);
    const std::uint64_t bytes = static_cast<std::uint64_t>(elementCount(shape)) * dtypeSize(dtype);
    m_entries.push_back({name, dtype, shape, m_declaredBytes, m_declaredBytes + bytes});
    m_declaredBytes += bytes;
}

void SafetensorsWriter::writeHeader()
{
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!m_metadata.empty())
        header[kMetadataKey] = m_metadata;
    for (const Entry& entry : m_entries) {
        assert(!header.contains(entry.name));
        header[entry.name] = {{"dtype", dtypeName(entry.dtype)},
                              {"shape", entry.shape},
                              {"data_offsets", {entry.begin, entry.end}}};
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const json::exception&) {
        throw Error(ErrorCode::InvalidArgument, "safetensors metadata or a tensor name is not valid UTF-8");
    }
    // Spaces at the end are part of the format; they put the first tensor on a cache line.
    const std::uint64_t used = kLengthBytes + text.size();
    text.append(static_cast<std::size_t>((kDataAlignment - used % kDataAlignment) % kDataAlignment), ' ');
    const std::uint64_t length = text.size();
    m_file.write(std::as_bytes(std::span(&length, 1)));
    m_file.write(text);
    m_headerWritten = true;
}

void SafetensorsWriter::write(std::span<const std::byte> bytes)
{
    if (!m_headerWritten)
        writeHeader();
    assert(m_writtenBytes + bytes.size() <= m_declaredBytes);
    m_file.write(bytes);
    m_writtenBytes += bytes.size();
}

void SafetensorsWriter::writeFloats(std::span<const float> values)
{
    write(std::as_bytes(values));
}

void SafetensorsWriter::finish()
{
    if (!m_headerWritten)
        writeHeader();
    if (m_writtenBytes != m_declaredBytes) {
        throw Error(ErrorCode::InvalidArgument, "safetensors writer got " + std::to_string(m_writtenBytes) +
                                                    " bytes, needed: " + std::to_string(m_declaredBytes) +
                                                    " as declared");
    }
    m_file.commit();
}

} // namespace mmfree
