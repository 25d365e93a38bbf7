#pragma once
#include <memory>

#include <CLI/CLI.hpp>

#include "nn/cpu/network.h"
#include "nn/device/devices.h"

namespace sagittal {

/// Adds --precision, --threads and --device; they must outlive the parsing.
void add_network_options(CLI::App& command, nn::cpu::Precision& precision, int& threads, nn::DeviceChoice& device);

/// Adds --device alone.
CLI::Option* add_device_option(CLI::App& command, nn::DeviceChoice& device);

/// Those devices, which say on stderr what they do not use. Throws what `nn::Devices` throws.
std::shared_ptr<const nn::Devices> open_devices(const nn::DeviceChoice& choice);

}  // namespace sagittal
