// A server for one open model with the interface of OpenAI's: /v1/models, /v1/completions,
// /v1/chat/completions, and /health. Used by `mmfree serve` and by the window. It reads no files and knows no
// paths; what it tells about the model is its name.
#pragma once

#include "engine/runtime/backend.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mmfree::server
{

struct ServedModel {
    std::string name;                            // as clients ask for it
    std::shared_ptr<InferenceExecutor> executor; // the server's own: nobody else may use it meanwhile
    std::shared_ptr<const Tokenizer> tokenizer;  // needed
    ChatTemplate chatTemplate;
    std::string version; // of this program, for system_fingerprint
};

struct ServerOptions {
    std::string host = "127.0.0.1"; // an address of this machine, or localhost
    std::uint16_t port = 8080;      // 0: any free one
    std::string apiKey;             // clients must send it as a bearer token; empty: none, loopback only
    std::vector<std::string> allowedHosts;   // names beside localhost and addresses, see AccessRules
    std::vector<std::string> allowedOrigins; // web pages that may use the server
    std::size_t bodyBytes = 1u << 20;
    std::size_t cacheBytes = 256u << 20; // states of earlier requests
    int connections = 128;
    int mostActive = 64;                   // requests written at the same time; further ones wait
    std::int64_t defaultMaxTokens = 512;   // of a chat answer when the request does not say
    std::int64_t mostTokens = 1 << 20;     // of any answer
    std::chrono::seconds requestTime{600}; // for one request
    std::chrono::seconds unreadTime{30};   // for a client to read 64 KiB of its answer
    std::chrono::seconds headerTime{30};   // for a request to begin and send its headers
};

// One answered request, without any of its text.
struct RequestRecord {
    std::string method, path;
    int status = 0; // 0: the client went away before
    std::int64_t promptTokens = 0, cachedTokens = 0, completionTokens = 0;
    double seconds = 0.0;
};

struct ServerStats {
    int connections = 0;
    int active = 0, waiting = 0; // requests
    std::uint64_t requests = 0;  // answered since the start, errors too
    std::uint64_t failed = 0;    // of those, with an error or left by their client
    std::uint64_t promptTokens = 0, cachedTokens = 0, completionTokens = 0;
    std::size_t cacheBytes = 0;
};

class ApiServer
{
public:
    // Starts at once. `record` runs on one of the server's threads, one call at a time, and may be empty.
    // Throws InvalidArgument for options that contradict each other (an open address without a key) or a
    // model without a tokenizer, Io when the address cannot be listened on.
    ApiServer(ServedModel model, const ServerOptions& options,
              std::function<void(const RequestRecord&)> record = {});
    ~ApiServer(); // stops at once

    [[nodiscard]] std::string address() const; // "http://127.0.0.1:8080"
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] ServerStats stats() const; // from any thread

    // No new requests; those being answered may go on for `grace`, the rest ends with an error.
    void stop(std::chrono::milliseconds grace);

private:
    struct Implementation;
    std::unique_ptr<Implementation> m_implementation;
};

} // namespace mmfree::server
