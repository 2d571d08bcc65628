// How fast this process can read memory: threads stream over a buffer much larger than the caches. The
// yardstick for decoding, which has to read every weight once a token.
#pragma once

#include "engine/core/aligned_buffer.h"

#include <cstdint>

namespace mmfree
{

class BandwidthProbe
{
public:
    // The buffer has at least 1 GiB and at least `leastBytes`, but at most a quarter of the machine's free
    // memory (and at least 64 MiB). `threads` 0: all cores this process may use.
    BandwidthProbe(int threads, std::uint64_t leastBytes);

    // Reads the whole buffer once with every thread on its own part; 1e9 bytes per second.
    [[nodiscard]] double measureGBPerSecond();

    [[nodiscard]] std::uint64_t bufferBytes() const { return m_buffer.bytes(); }

private:
    int m_threads;
    AlignedBuffer<std::uint64_t> m_buffer;
    std::uint64_t m_sum = 0; // keeps the reads from being optimised away
};

} // namespace mmfree
