#include "bench_network.h"

#include <filesystem>
#include <fstream>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "nn/noise.h"

namespace sagittal::commands {

nn::UNet full_size_network() {
  nn::UNet network;
  network.block = nn::BlockKind::basic;
  network.input_channels = 8;
  network.stem_features = 32;
  const std::vector<int> features{32, 64, 128, 256, 320, 320}, blocks{1, 3, 4, 6, 6, 6};
  for (std::size_t s = 0; s < features.size(); ++s) {
    const std::int64_t stride = s == 0 ? 1 : 2;
    network.encoder.push_back({features[s], {3, 3, 3}, {stride, stride, stride}, blocks[s], 0});
  }
  network.decoder_convolutions.assign(features.size() - 1, 1);
  return network;
}

nn::StateDict random_weights(const nn::UNet& network) {
  const std::vector<nn::Parameter> parameters = nn::parameters_of(network);
  const auto path = std::filesystem::temp_directory_path() / fmt::format("sagittal-bench-{}.bin", ::getpid());
  std::ofstream file(path, std::ios::binary);
  for (const nn::Parameter& parameter : parameters) {
    const std::vector<float> values = nn::noise_of(parameter);
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
  }
  file.close();
  if (!file) throw Error(ErrorCode::io, fmt::format("{}: random weights cannot be written", path.string()));
  nn::StateDict weights;
  weights.file = std::make_shared<const MappedFile>(path);
  std::filesystem::remove(path);
  std::size_t offset = 0;
  for (const nn::Parameter& parameter : parameters) {
    const std::size_t bytes = nn::element_count(parameter) * sizeof(float);
    weights.tensors[parameter.name] = {nn::DType::f32, parameter.shape, weights.file->bytes().subspan(offset, bytes)};
    offset += bytes;
  }
  return weights;
}

}  // namespace sagittal::commands
