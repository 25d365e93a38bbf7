#pragma once
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "volume/reconstruct.h"
#include "volume/transforms.h"

namespace sagittal::io {

/// What a VolumeReconstruction element asks for.
struct DeviceSetReconstruction {
  Vec3 spacing_mm{1, 1, 1};
  ReconstructionOptions options;  ///< without an importance mask, which is a file of its own
  std::optional<HoleFilling> holes;
};

/// The parts of Plus's device-set XML that concern coordinates and reconstruction; all else is passed over.
struct DeviceSet {
  std::vector<std::pair<TransformName, Affine>> transforms;  ///< of CoordinateDefinitions, in the order of the file
  std::optional<DeviceSetReconstruction> reconstruction;
};

/// Throws Error naming `what`: bad_input for XML that is not well-formed, with a document type (which could define
/// entities), deeper than 64 elements, or with numbers that are none; unsupported for ways of reconstruction that are
/// not known; too_large beyond 4 MiB.
DeviceSet parse_device_set(std::string_view xml, std::string_view what);
DeviceSet read_device_set(const std::filesystem::path& path);

}  // namespace sagittal::io
