#pragma once
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/machine.h"
#include "interact/model.h"
#include "model_lookup.h"

namespace sagittal {

/// The options that every command with promptable models shares.
struct ModelOptions {
  std::vector<std::string> models{std::string(kDefaultModel)};  ///< one; `serve` takes several
  std::string data_directory = default_data_directory().string();
  nn::cpu::Precision precision = nn::cpu::Precision::automatic;
  int threads = available_cores();
  nn::DeviceChoice device;
};

/// Adds --model for one or several, --data-dir, --precision, --threads and --device; `options` must outlive the
/// parsing.
enum class ModelCount { one, several };
void add_model_options(CLI::App& command, ModelOptions& options, ModelCount count = ModelCount::one);

/// Finds and loads the models, which share the memory that they compute in, `workspace`. Throws what `find_model` and
/// `interact::load_model` throw, and Error(wrong_usage) where a model is named twice.
std::vector<std::shared_ptr<const interact::Model>> load_models(const ModelOptions& options,
                                                                const interact::Workspace& workspace = {});

}  // namespace sagittal
