// What changes while measurements run: clock, temperature, load. 0 where the machine does not show it.
#pragma once

namespace mmfree
{

struct MachineState {
    double clockMHz = 0.0; // of the first core
    double celsius = 0.0;  // hottest thermal zone
    double load = 0.0;     // one-minute average
};

[[nodiscard]] MachineState readMachineState();

} // namespace mmfree
