// `mmfree devices`: every backend of this build and what it finds on this machine.
#include "app/backend_catalog.h"
#include "app/cli/command.h"
#include "app/cli/console.h"

#include <iostream>

namespace mmfree::cli
{

namespace
{

struct DevicesOptions {
    bool json = false;
};

void printDevicesJson(const std::vector<std::shared_ptr<const Backend>>& backends)
{
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const auto& backend : backends) {
        nlohmann::ordered_json devices = nlohmann::ordered_json::array();
        for (const DeviceInfo& device : backend->devices()) {
            devices.push_back({{"name", device.name},
                               {"memoryBytes", device.memoryBytes},
                               {"usable", device.usable},
                               {"reason", device.reason},
                               {"emulated", device.emulated},
                               {"details", device.details}});
        }
        list.push_back({{"backend", backend->name()}, {"devices", devices}});
    }
    printJson({{"default", findBackend("auto")->name()}, {"backends", list}});
}

void printDevices(const std::vector<std::shared_ptr<const Backend>>& backends)
{
    const std::string chosen = findBackend("auto")->name();
    for (const auto& backend : backends) {
        std::cout << backend->name()
                  << (backend->name() == chosen ? "  (used unless --backend says otherwise)" : "") << '\n';
        const std::vector<DeviceInfo> devices = backend->devices();
        if (devices.empty())
            std::cout << "  no device was found\n";
        for (std::size_t i = 0; i < devices.size(); ++i) {
            const DeviceInfo& device = devices[i];
            std::cout << "  " << i << "  " << (device.name.empty() ? "unknown device" : device.name);
            if (device.memoryBytes)
                std::cout << ", " << bytesText(device.memoryBytes);
            if (!device.usable)
                std::cout << "\n     cannot be used: " << device.reason;
            if (device.emulated)
                std::cout << "\n     emulated: a processor stands in for the kind of device this is made for";
            for (const std::string& detail : device.details)
                std::cout << "\n     " << detail;
            std::cout << '\n';
        }
    }
}

} // namespace

void addDevicesCommand(CommandLine& line)
{
    addCommand<DevicesOptions>(
        line, "devices", "List backends and devices of this machine",
        [](CLI::App& command, DevicesOptions& options) {
            command.add_flag("--json", options.json, "Print JSON");
        },
        [](const DevicesOptions& options) {
            const auto backends = allBackends();
            if (options.json)
                printDevicesJson(backends);
            else
                printDevices(backends);
            return kExitSuccess;
        });
}

} // namespace mmfree::cli
