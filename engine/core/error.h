// The one exception type of the engine. Thrown for bad input, files, devices and memory; never for programmer
// mistakes (those assert). Knows nothing of what a caller does with it.
#pragma once

#include <stdexcept>
#include <string>

namespace mmfree
{

enum class ErrorCode {
    InvalidArgument, // a value given by the caller is outside its range
    InvalidFile,     // a file's bytes contradict its format
    InvalidConfig,   // a configuration this program cannot honour
    InvalidText,     // text or tokens that cannot be used
    Io,              // the operating system refused to read or write
    OutOfMemory,     // host or device memory is too small
    Unavailable,     // a backend or device is not there
    NumericFailure,  // NaN or infinity where a finite value is needed
};

// The message names the thing, the value found and the value needed:
// "config.json: hidden_size is 1000, needed: a multiple of 64".
class Error : public std::runtime_error
{
public:
    Error(ErrorCode code, const std::string& message)
        : std::runtime_error(message)
        , m_code(code)
    {
    }
    [[nodiscard]] ErrorCode code() const { return m_code; }

private:
    ErrorCode m_code;
};

} // namespace mmfree
