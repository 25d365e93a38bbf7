#pragma once
#include <CLI/CLI.hpp>

namespace sagittal {

/// Adds --config FILE: a TOML file of at most 64 KiB with the long names of `command`'s other options as keys, without
/// sections. What the command line says too counts from there. To be called before the others are added, for options
/// are evaluated in that order. Error(wrong_usage) names the file and the key that is unknown or has a wrong value.
void add_settings_file(CLI::App& command);

}  // namespace sagittal
