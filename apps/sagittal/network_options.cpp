#include "network_options.h"

#include <map>
#include <string>

#include "log_to_stderr.h"

namespace sagittal {

void add_network_options(CLI::App& command, nn::cpu::Precision& precision, int& threads, nn::DeviceChoice& device) {
  using nn::cpu::Precision;
  const std::map<std::string, Precision> precisions{
      {"auto", Precision::automatic}, {"fp32", Precision::fp32}, {"bf16", Precision::bf16}};
  command.add_option("--precision", precision, "Arithmetic of the network: auto, fp32 or bf16")
      ->type_name("NAME")
      ->default_str("auto")
      ->transform(CLI::CheckedTransformer(precisions).description(""));
  command.add_option("--threads", threads, "Threads to compute with")->default_str("cores")->check(CLI::Range(1, 1024));
  add_device_option(command, device);
}

CLI::Option* add_device_option(CLI::App& command, nn::DeviceChoice& device) {
  return command
      .add_option_function<std::string>(
          "--device", [&device](const std::string& text) { device = nn::parse_device(text); },
          "Where networks run: auto, cpu, cuda or cuda:N")
      ->type_name("NAME")
      ->default_str(device.text());
}

std::shared_ptr<const nn::Devices> open_devices(const nn::DeviceChoice& choice) {
  return std::make_shared<const nn::Devices>(choice, log_to_stderr);
}

}  // namespace sagittal
