#include "engine/analysis/machine_state.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace mmfree
{

MachineState readMachineState()
{
    MachineState state;
    std::ifstream frequency("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq");
    if (double kilohertz = 0.0; frequency >> kilohertz)
        state.clockMHz = kilohertz / 1000.0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/thermal", error)) {
        std::ifstream zone(entry.path() / "temp");
        if (double thousandths = 0.0; zone >> thousandths)
            state.celsius = std::max(state.celsius, thousandths / 1000.0);
    }
    double load[1] = {};
    if (getloadavg(load, 1) == 1)
        state.load = load[0];
    return state;
}

} // namespace mmfree
