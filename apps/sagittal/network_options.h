#pragma once
#include <CLI/CLI.hpp>

#include "nn/cpu/network.h"

namespace sagittal {

/// Adds --precision and --threads; they must outlive the parsing.
void add_network_options(CLI::App& command, nn::cpu::Precision& precision, int& threads);

}  // namespace sagittal
