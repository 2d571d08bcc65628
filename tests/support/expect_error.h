// Runs something that must throw mmfree::Error and returns what it said; for tests of bad input.
#pragma once

#include "engine/core/error.h"

#include <string>

namespace mmfree::test
{

struct CaughtError {
    bool thrown = false;
    ErrorCode code = ErrorCode::InvalidArgument;
    std::string message; // "nothing was thrown" when so

    // True when an error of this code was thrown whose message holds every one of the texts.
    template <class... Texts>
    [[nodiscard]] bool is(ErrorCode expected, const Texts&... texts) const
    {
        return thrown && code == expected && ((message.find(texts) != std::string::npos) && ...);
    }
};

template <class Act>
[[nodiscard]] CaughtError catchError(Act&& act)
{
    try {
        act();
    } catch (const Error& error) {
        return {true, error.code(), error.what()};
    }
    return {false, ErrorCode::InvalidArgument, "nothing was thrown"};
}

} // namespace mmfree::test

// Checks an error's code and parts of its message, and shows the message when it differs.
#define MMFREE_EXPECT_ERROR(act, expectedCode, ...)                                                          \
    do {                                                                                                     \
        const auto caught_ = mmfree::test::catchError([&] { act; });                                         \
        QVERIFY2(caught_.is(expectedCode, __VA_ARGS__), caught_.message.c_str());                            \
    } while (false)
