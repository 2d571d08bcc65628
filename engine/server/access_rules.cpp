#include "engine/server/access_rules.h"

#include "engine/server/api_error.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <arpa/inet.h>

namespace mmfree::server
{

namespace
{

std::string lowerCase(std::string_view text)
{
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char character) { return static_cast<char>(std::tolower(character)); });
    return lower;
}

// "name:port", "[::1]:port" and the like without port and brackets.
std::string hostName(std::string_view host)
{
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        return lowerCase(host.substr(1, end == std::string_view::npos ? end : end - 1));
    }
    return lowerCase(host.substr(0, host.find(':')));
}

bool isAddress(const std::string& name)
{
    std::array<unsigned char, 16> bytes{};
    return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

bool hostAllowed(const AccessRules& rules, std::string_view host)
{
    const std::string name = hostName(host);
    if (name == "localhost" || isAddress(name))
        return true;
    return std::any_of(rules.allowedHosts.begin(), rules.allowedHosts.end(),
                       [&](const std::string& allowed) { return lowerCase(allowed) == name; });
}

} // namespace

bool originAllowed(const AccessRules& rules, std::string_view origin, std::string_view host)
{
    if (origin == "http://" + std::string(host)) // this server's own address
        return true;
    return std::any_of(rules.allowedOrigins.begin(), rules.allowedOrigins.end(),
                       [&](const std::string& allowed) { return allowed == "*" || allowed == origin; });
}

bool sameSecret(std::string_view secret, std::string_view given)
{
    volatile unsigned difference = secret.size() == given.size() ? 0u : 1u;
    for (std::size_t i = 0; i < given.size(); ++i) {
        const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
        difference = difference | static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^
                                                        static_cast<unsigned char>(expected));
    }
    return difference == 0u;
}

bool isLoopback(std::string_view host)
{
    const std::string name = hostName(host == "::1" ? "[::1]" : host);
    in_addr address{};
    if (inet_pton(AF_INET, name.c_str(), &address) == 1)
        return ntohl(address.s_addr) >> 24u == 127u;
    return name == "localhost" || name == "::1";
}

std::optional<ApiError> checkAccess(const AccessRules& rules, const RequestHeaders& headers)
{
    if (!hostAllowed(rules, headers.host))
        return ApiError(403, "invalid_request_error",
                        "the Host header is \"" + std::string(headers.host.substr(0, 100)) +
                            "\", needed: localhost, an IP address or an allowed name",
                        {}, "host_not_allowed");
    if (!headers.origin.empty() && !originAllowed(rules, headers.origin, headers.host))
        return ApiError(403, "invalid_request_error",
                        "pages of \"" + std::string(headers.origin.substr(0, 100)) +
                            "\" may not use this server, needed: an allowed origin",
                        {}, "origin_not_allowed");
    if (rules.apiKey.empty())
        return std::nullopt;
    constexpr std::string_view kScheme = "bearer ";
    std::string_view given = headers.authorization;
    if (given.empty())
        return ApiError(401, "authentication_error",
                        "no API key was given, needed: the header \"Authorization: Bearer KEY\"", {},
                        "missing_api_key");
    const bool bearer = lowerCase(given.substr(0, kScheme.size())) == kScheme;
    if (!bearer || !sameSecret(rules.apiKey, given.substr(kScheme.size())))
        return ApiError(401, "authentication_error", "the API key is not the one of this server", {},
                        "invalid_api_key");
    return std::nullopt;
}

} // namespace mmfree::server
