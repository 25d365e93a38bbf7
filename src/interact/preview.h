#pragma once
#include <functional>

#include "volume/bit_volume.h"
#include "volume/box.h"

namespace sagittal::interact {

/// What a pass from afar showed of the active segment, before it is refined. Boxes are in array order; valid during the
/// call only.
struct Preview {
  Box box;                ///< where it looked, inside the image; it holds those of the same prediction before it
  const BitVolume& mask;  ///< the voxels of `box`
  Box difference;         ///< smallest box around those that differ from the mask before; empty when none does
};

/// Called from the working thread; what it throws ends the prediction.
using PreviewSink = std::function<void(const Preview&)>;

}  // namespace sagittal::interact
