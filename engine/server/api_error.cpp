#include "engine/server/api_error.h"

#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <new>
#include <utility>

namespace mmfree::server
{

ApiError::ApiError(int httpStatus, std::string type, const std::string& message, std::string parameter,
                   std::string code)
    : std::runtime_error(message)
    , m_httpStatus(httpStatus)
    , m_type(std::move(type))
    , m_parameter(std::move(parameter))
    , m_code(std::move(code))
{
}

std::string ApiError::toJson() const
{
    const auto orNull = [](const std::string& text) {
        return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
    };
    const nlohmann::ordered_json document = {
        {"error",
         {{"message", what()}, {"type", m_type}, {"param", orNull(m_parameter)}, {"code", orNull(m_code)}}}};
    // A message may quote bytes of the request that are not UTF-8.
    return document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

ApiError badRequest(const std::string& message, const std::string& parameter, const std::string& code)
{
    return {400, "invalid_request_error", message, parameter, code};
}

ApiError currentApiError()
{
    try {
        throw;
    } catch (const ApiError& error) {
        return error;
    } catch (const Error& error) {
        switch (error.code()) {
        case ErrorCode::InvalidArgument:
        case ErrorCode::InvalidText:
            return badRequest(error.what());
        case ErrorCode::OutOfMemory:
            return {503, "server_error", error.what()};
        default:
            return {500, "server_error", error.what()};
        }
    } catch (const std::bad_alloc&) {
        return {503, "server_error", "not enough memory for this request"};
    } catch (const std::exception& error) {
        return {500, "server_error", error.what()};
    }
}

} // namespace mmfree::server
