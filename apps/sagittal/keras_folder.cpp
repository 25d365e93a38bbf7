#include "keras_folder.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"

namespace sagittal {

nn::Graph convert_keras_file(const std::filesystem::path& file, const std::filesystem::path& folder,
                             const nn::KerasOptions& options) {
  constexpr std::size_t max_bytes = std::size_t{1} << 30;
  const nn::GraphFiles files = nn::convert_keras(read_file(file, max_bytes), options, file.string());
  nn::Graph graph = nn::parse_graph(files.network, file.string());
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::io, fmt::format("{} cannot be made: {}", folder.string(), failure.message()));
  write_file_atomically(folder / "weights.safetensors", files.weights);
  write_file_atomically(folder / "network.json", as_bytes(files.network));
  return graph;
}

}  // namespace sagittal
