// Who may ask: checks of a request's Host, Origin and Authorization headers. A web page that a person visits
// can send requests to this machine too; a foreign Origin, or a Host that is a name only someone else's DNS
// knows (rebinding), gives such a page away.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mmfree::server
{

class ApiError;

struct AccessRules {
    std::string apiKey;                      // empty: none is needed
    std::vector<std::string> allowedHosts;   // names beside localhost and IP addresses
    std::vector<std::string> allowedOrigins; // "http://localhost:3000"; "*": every page
};

struct RequestHeaders {
    std::string_view host, origin, authorization; // empty: absent
};

// The error to answer with; nothing: the request may go on.
[[nodiscard]] std::optional<ApiError> checkAccess(const AccessRules& rules, const RequestHeaders& headers);
[[nodiscard]] bool originAllowed(const AccessRules& rules, std::string_view origin, std::string_view host);

// Takes the same time for every `given` of one length, so that a key cannot be guessed byte by byte.
[[nodiscard]] bool sameSecret(std::string_view secret, std::string_view given);

// Whether only this machine can reach a server at that address: 127.x.x.x, ::1 or localhost.
[[nodiscard]] bool isLoopback(std::string_view host);

} // namespace mmfree::server
