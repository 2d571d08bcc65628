#include "tests/support/raw_safetensors.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace mmfree::test
{

RawSafetensors RawSafetensors::read(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    return {nlohmann::ordered_json::parse(bytes.substr(8, length)), bytes.substr(8 + length)};
}

void RawSafetensors::write(const std::filesystem::path& file) const
{
    const std::string text = header.dump();
    writeRawSafetensors(file, text.size(), text, data);
}

void RawSafetensors::setFloat(const std::string& tensor, std::size_t index, float value)
{
    const auto begin = header.at(tensor).at("data_offsets").at(0).get<std::size_t>();
    std::memcpy(data.data() + begin + index * sizeof value, &value, sizeof value);
}

void RawSafetensors::remove(const std::string& tensor)
{
    const auto begin = header.at(tensor).at("data_offsets").at(0).get<std::size_t>();
    const auto end = header.at(tensor).at("data_offsets").at(1).get<std::size_t>();
    header.erase(tensor);
    data.erase(begin, end - begin);
    for (auto& [name, entry] : header.items()) {
        if (name == "__metadata__" || entry["data_offsets"][0].get<std::size_t>() < end)
            continue;
        for (auto& offset : entry["data_offsets"])
            offset = offset.get<std::size_t>() - (end - begin);
    }
}

void RawSafetensors::add(const std::string& tensor, std::int64_t elements)
{
    const std::size_t begin = data.size();
    data.resize(begin + static_cast<std::size_t>(elements) * sizeof(float));
    header[tensor] = {{"dtype", "F32"}, {"shape", {elements}}, {"data_offsets", {begin, data.size()}}};
}

void writeRawSafetensors(const std::filesystem::path& file, std::uint64_t claimedLength,
                         const std::string& header, const std::string& data)
{
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&claimedLength), sizeof claimedLength);
    out << header << data;
}

} // namespace mmfree::test
