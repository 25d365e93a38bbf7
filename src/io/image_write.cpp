#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "io/gzip.h"
#include "io/image_io.h"
#include "io/metaimage.h"
#include "io/nifti.h"
#include "io/npy.h"
#include "io/nrrd.h"

namespace sagittal::io {
namespace {

constexpr std::array<std::string_view, 7> kWritable{".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".npy"};

/// The ending of `path` that says its format, or an empty one.
std::string_view format_ending(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  const auto* found = std::find_if(kWritable.begin(), kWritable.end(),
                                   [&](std::string_view e) { return name.size() > e.size() && name.ends_with(e); });
  return found == kWritable.end() ? std::string_view() : *found;
}

ByteView voxels_of(const Volume& volume) {
  const auto bytes = volume.bytes();
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

Bytes joined(std::string_view header, ByteView voxels) {
  Bytes file(header.size() + voxels.size());
  std::memcpy(file.data(), header.data(), header.size());
  std::memcpy(file.data() + header.size(), voxels.data(), voxels.size());
  return file;
}

Bytes encode_npy(const Volume& volume) {
  const Index3& size = volume.geometry().size;
  const std::array<std::int64_t, 3> shape{size[2], size[1], size[0]};
  return write_npy(volume.type(), shape, volume.bytes());
}

/// Header and voxels in two files; the voxels come first, so that a header never names what is not there.
void write_pair(const Volume& volume, const std::filesystem::path& path) {
  const bool nrrd = path.extension() == ".nhdr";
  const auto data_path = std::filesystem::path(path).replace_extension(nrrd ? ".raw.gz" : ".zraw");
  const Bytes voxels = nrrd ? gzip(voxels_of(volume)) : zlib_compress(voxels_of(volume));
  const std::string name = data_path.filename().string();
  if (name.find_first_of("\r\n%") != std::string::npos || name.starts_with("LIST")) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{}: a detached header cannot name a file with line ends or %", path.string()));
  }
  write_file_atomically(data_path, voxels);
  write_file_atomically(
      path, as_bytes(nrrd ? nrrd_header(volume, true, name) : metaimage_header(volume, voxels.size(), name)));
}

}  // namespace

bool can_write_image(const std::filesystem::path& path) { return !format_ending(path).empty(); }

Bytes encode_image(const Volume& volume, std::string_view format, bool compressed) {
  if (format == "nii") return write_nifti(volume);
  if (format == "nii.gz") return gzip(write_nifti(volume));
  if (format == "npy") return encode_npy(volume);
  if (format == "nrrd") {
    if (!compressed) return joined(nrrd_header(volume, false, ""), voxels_of(volume));
    return joined(nrrd_header(volume, true, ""), gzip(voxels_of(volume)));
  }
  if (format == "mha") {
    if (!compressed) return joined(metaimage_header(volume, std::nullopt, ""), voxels_of(volume));
    const Bytes voxels = zlib_compress(voxels_of(volume));
    return joined(metaimage_header(volume, voxels.size(), ""), voxels);
  }
  throw Error(ErrorCode::wrong_usage,
              fmt::format("format \"{}\" is not known, expected nii, nii.gz, nrrd, mha or npy", format));
}

void write_image(const Volume& volume, const std::filesystem::path& path) {
  const std::string_view ending = format_ending(path);
  if (ending.empty()) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{}: expected a name that ends in {}", path.string(), fmt::join(kWritable, ", ")));
  }
  if (ending == ".nhdr" || ending == ".mhd") return write_pair(volume, path);
  write_file_atomically(path, encode_image(volume, ending.substr(1)));
}

}  // namespace sagittal::io
