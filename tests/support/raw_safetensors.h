// A safetensors file taken apart into header and bytes, so that tests can write files that lie.
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace mmfree::test
{

struct RawSafetensors {
    nlohmann::ordered_json header;
    std::string data;

    static RawSafetensors read(const std::filesystem::path& file);
    void write(const std::filesystem::path& file) const;

    // Element `index` of an F32 tensor becomes `value`.
    void setFloat(const std::string& tensor, std::size_t index, float value);
    // Removes a tensor with its bytes, so that the rest of the file stays valid.
    void remove(const std::string& tensor);
    // Adds a zeroed F32 tensor at the end.
    void add(const std::string& tensor, std::int64_t elements);
};

// Any header text of any claimed length in front of `data`.
void writeRawSafetensors(const std::filesystem::path& file, std::uint64_t claimedLength,
                         const std::string& header, const std::string& data);

} // namespace mmfree::test
