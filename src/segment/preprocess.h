#pragma once
#include <optional>
#include <span>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "segment/grid.h"
#include "volume/array3.h"
#include "volume/volume.h"

namespace sagittal::segment {

/// What the network sees of an image, whole: channels on its own grid, and how to come back.
struct NetworkImage {
  std::vector<Array3<float>> channels;          ///< of one shape
  std::optional<Array3<std::uint16_t>> labels;  ///< of the stage before in a cascade, same shape
  Grid grid;                                    ///< of the input image, uncropped
  Box crop;                                     ///< what was kept of it, in the grid's axes
  Vec3 spacing_mm{};                            ///< of the network's grid

  const Index3& shape() const { return channels[0].shape(); }
};

/// Transposes, crops to what is not zero in any channel, normalises and resamples, one channel after the other.
/// `channels` are on one grid, as many as the plan has; `previous` is the label image of the stage before, on the same
/// grid, or null. Throws Error(bad_input) for other images, Error(cancelled).
NetworkImage preprocess(std::span<const Volume> channels, const Volume* previous, const Plan& plan,
                        const RunControl& control, ThreadPool& pool);

}  // namespace sagittal::segment
