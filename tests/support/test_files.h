// Where tests find committed data and built programs, and small files they make themselves.
#pragma once

#include <filesystem>
#include <string>

namespace mmfree::test
{

[[nodiscard]] std::filesystem::path sourceFolder();                      // repository root
[[nodiscard]] std::filesystem::path goldenFile(const std::string& name); // tests/golden/<name>
[[nodiscard]] std::filesystem::path program(const std::string& name);    // built program, e.g. "mmfree"

// A Hugging Face folder of the golden model "open" or "dense_open", made in `folder` from tests/golden.
std::filesystem::path makeGoldenModelFolder(const std::string& name, const std::filesystem::path& folder);

// A fresh folder removed with the object.
class TemporaryFolder
{
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }

private:
    std::filesystem::path m_path;
};

} // namespace mmfree::test
