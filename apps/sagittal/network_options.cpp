#include "network_options.h"

#include <map>

namespace sagittal {

void add_network_options(CLI::App& command, nn::cpu::Precision& precision, int& threads) {
  using nn::cpu::Precision;
  const std::map<std::string, Precision> precisions{
      {"auto", Precision::automatic}, {"fp32", Precision::fp32}, {"bf16", Precision::bf16}};
  command.add_option("--precision", precision, "Arithmetic of the network: auto, fp32 or bf16")
      ->type_name("NAME")
      ->default_str("auto")
      ->transform(CLI::CheckedTransformer(precisions).description(""));
  command.add_option("--threads", threads, "Threads to compute with")
      ->default_str("cores")
      ->check(CLI::Range(1, 1024));
}

}  // namespace sagittal
