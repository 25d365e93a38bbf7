#pragma once
#include <cstdint>
#include <filesystem>

#include "base/progress.h"

namespace sagittal::hub {

/// What all layers of an image may cost together. More is Error(too_large).
struct UnpackLimits {
  std::uint64_t max_files = 3'000'000;
  std::uint64_t max_bytes = std::uint64_t{128} << 30;
};

struct UnpackedLayer {
  std::uint64_t files = 0, bytes = 0;
};

/// Unpacks a layer (a tar file, plain, gzip or zstd) onto what the layers below it left in `root`. Its marks that
/// something is removed are obeyed; devices, owners, extended attributes and rights to run as a file's owner are left
/// out. Nothing outside `root` is read or written, whatever the layer says. Reports "unpacking". Error(bad_input) for
/// damage and for paths out of the image, Error(io) where the disk is full, Error(cancelled). Source: OCI image
/// specification, "Image Layer Filesystem Changeset".
UnpackedLayer unpack_layer(const std::filesystem::path& layer, const std::filesystem::path& root,
                           const UnpackLimits& limits, const RunControl& control);

}  // namespace sagittal::hub
