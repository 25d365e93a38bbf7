#include "model_options.h"

#include <map>

#include "data_folder.h"

namespace sagittal {

void add_model_options(CLI::App& command, ModelOptions& options) {
  using nn::cpu::Precision;
  const std::map<std::string, Precision> precisions{
      {"auto", Precision::automatic}, {"fp32", Precision::fp32}, {"bf16", Precision::bf16}};
  command.add_option("--model", options.model, "Model by name or folder")->capture_default_str();
  command.add_option("--data-dir", options.data_directory, "Where models and state are kept")->capture_default_str();
  command.add_option("--precision", options.precision, "Arithmetic of the network: auto, fp32 or bf16")
      ->type_name("NAME")
      ->default_str("auto")
      ->transform(CLI::CheckedTransformer(precisions).description(""));
  command.add_option("--threads", options.threads, "Threads to compute with")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
}

std::shared_ptr<const interact::Model> load_model(const ModelOptions& options) {
  interact::LoadOptions load;
  load.threads = options.threads;
  load.precision = options.precision;
  const bool no_folder = options.data_directory == kNoFolder;
  return interact::load_model(
      find_model(options.model, no_folder ? default_data_directory().string() : options.data_directory), load);
}

}  // namespace sagittal
