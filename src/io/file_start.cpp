#include "io/file_start.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

namespace sagittal::io {

Bytes read_file_start(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure)) {
    throw Error(failure ? ErrorCode::not_found : ErrorCode::bad_input, fmt::format("{} is not a file", path.string()));
  }
  const std::uintmax_t size = std::filesystem::file_size(path, failure);
  Bytes bytes(failure ? 0 : static_cast<std::size_t>(std::min<std::uintmax_t>(size, max_bytes)));
  std::ifstream file(path, std::ios::binary);
  if (failure || !file) throw Error(ErrorCode::io, fmt::format("cannot read {}", path.string()));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (file.bad()) throw Error(ErrorCode::io, fmt::format("cannot read {}", path.string()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

}  // namespace sagittal::io
