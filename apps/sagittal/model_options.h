#pragma once
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/machine.h"
#include "interact/model.h"
#include "model_lookup.h"

namespace sagittal {

/// The options that every command with a promptable model shares.
struct ModelOptions {
  std::string model{kDefaultModel};
  std::string data_directory = default_data_directory().string();
  nn::cpu::Precision precision = nn::cpu::Precision::automatic;
  int threads = available_cores();
};

/// Adds --model, --data-dir, --precision and --threads; `options` must outlive the parsing.
void add_model_options(CLI::App& command, ModelOptions& options);

/// Finds and loads the model. Throws what `find_model` and `interact::load_model` throw.
std::shared_ptr<const interact::Model> load_model(const ModelOptions& options);

}  // namespace sagittal
