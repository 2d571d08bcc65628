// An error as clients of the OpenAI interface expect it: an HTTP status and a JSON object. Thrown while a
// request is read; the connection turns it into the answer.
#pragma once

#include <stdexcept>
#include <string>

namespace mmfree::server
{

class ApiError : public std::runtime_error
{
public:
    // `type`: "invalid_request_error", "server_error", ... `parameter`: the field of the request, empty:
    // none. `code`: a word for programs, empty: none.
    ApiError(int httpStatus, std::string type, const std::string& message, std::string parameter = {},
             std::string code = {});

    [[nodiscard]] int httpStatus() const { return m_httpStatus; }
    [[nodiscard]] std::string toJson() const; // {"error": {"message", "type", "param", "code"}}

private:
    int m_httpStatus;
    std::string m_type, m_parameter, m_code;
};

// 400, type invalid_request_error.
[[nodiscard]] ApiError badRequest(const std::string& message, const std::string& parameter = {},
                                  const std::string& code = {});

// The error of the exception being handled, whatever it is; call inside a catch block.
[[nodiscard]] ApiError currentApiError();

} // namespace mmfree::server
