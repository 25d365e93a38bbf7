#pragma once
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "volume/components.h"
#include "volume/volume.h"

namespace sagittal::segment {

/// One step of a postprocessing.json: of all voxels with these labels, only the largest component stays.
struct KeepLargest {
  std::vector<int> labels;
  int background = 0;  ///< what the others become
  Connectivity connectivity = Connectivity::full;
  bool keeps_equals = false;             ///< all of the largest size stay; else the first in memory
  std::optional<double> keeps_from_mm3;  ///< others of this size or more stay too
};

/// The steps that nnU-Net, version 2 or 1, found to help on its validation cases. Throws Error(bad_input) for other
/// texts, Error(unsupported) for steps that are unknown.
std::vector<KeepLargest> parse_postprocessing(std::string_view text, std::string_view what);
std::vector<KeepLargest> read_postprocessing(const std::filesystem::path& path);

/// Applies the steps, in their order, to an image of uint8 or uint16 labels.
Volume postprocess(const Volume& labels, const std::vector<KeepLargest>& steps);

}  // namespace sagittal::segment
