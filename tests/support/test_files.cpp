#include "tests/support/test_files.h"

#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

namespace mmfree::test
{

namespace fs = std::filesystem;

namespace
{

fs::path fromEnvironment(const char* variable)
{
    const char* value = std::getenv(variable);
    if (!value)
        throw std::runtime_error(std::string(variable) + " is not set; run tests through ctest");
    return value;
}

} // namespace

fs::path sourceFolder()
{
    return fromEnvironment("MMFREE_SOURCE_DIR");
}
fs::path goldenFile(const std::string& name)
{
    return sourceFolder() / "tests" / "golden" / name;
}
fs::path program(const std::string& name)
{
    return fromEnvironment("MMFREE_BIN_DIR") / name;
}

fs::path makeGoldenModelFolder(const std::string& name, const fs::path& folder)
{
    const fs::path target = folder / name;
    fs::create_directories(target);
    fs::copy_file(goldenFile(name + ".config.json"), target / "config.json",
                  fs::copy_options::overwrite_existing);
    fs::copy_file(goldenFile(name + ".model.safetensors"), target / "model.safetensors",
                  fs::copy_options::overwrite_existing);
    return target;
}

TemporaryFolder::TemporaryFolder()
{
    std::string pattern = (fs::temp_directory_path() / "mmfree-test-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
        throw std::runtime_error("cannot make a temporary folder");
    m_path = pattern;
}

TemporaryFolder::~TemporaryFolder()
{
    std::error_code ignored;
    fs::remove_all(m_path, ignored);
}

} // namespace mmfree::test
