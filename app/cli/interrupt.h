// Ctrl+C (SIGINT), SIGTERM and a closed terminal (SIGHUP) as a stop request. While an InterruptScope lives,
// the first signal asks the work to stop; a second one ends the process as signals do. Without a scope
// signals keep their default effect; ignored ones (nohup) stay ignored.
#pragma once

#include <memory>
#include <stop_token>

namespace mmfree::cli
{

class InterruptScope
{
public:
    InterruptScope(); // at most one at a time
    ~InterruptScope();
    InterruptScope(const InterruptScope&) = delete;
    InterruptScope& operator=(const InterruptScope&) = delete;

    [[nodiscard]] std::stop_token token() const;
    [[nodiscard]] bool interrupted() const;

private:
    struct Implementation;
    std::unique_ptr<Implementation> m_implementation;
};

} // namespace mmfree::cli
