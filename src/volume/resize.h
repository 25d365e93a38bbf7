#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "volume/array3.h"

namespace sagittal {

/// Which points of the old and the new grid coincide; x of output o, computed in double.
enum class Alignment {
  edges,    ///< of the outermost voxels, x = (o + 0.5) in / out - 0.5: scikit-image's `resize`, mode "edge"
  corners,  ///< centres of the outermost voxels, x = o (in - 1) / (out - 1): SciPy's `zoom`, mode "nearest"
};

enum class Interpolation {
  nearest,  ///< floor(x + 0.5)
  linear,   ///< between the two neighbours, clamped
  cubic,    ///< cubic B-spline of the samples, 12 more of the edge's value beyond each end
};

/// What an output sample of an axis is: weight0 * source[index0] + weight1 * source[index1].
struct SamplePair {
  std::int64_t index0 = 0, index1 = 0;
  double weight0 = 1, weight1 = 0;
};
/// Nearest or linear; indices ascend with the output. An axis that keeps its size keeps its samples.
std::vector<SamplePair> sample_pairs(std::int64_t in, std::int64_t out, Interpolation interpolation,
                                     Alignment alignment = Alignment::edges);

/// `in` resized axis by axis to `shape`, each extent at least 1. Values are not clipped: splines overshoot.
Array3<float> resize(Array3<float> in, const Index3& shape, const std::array<Interpolation, 3>& interpolation,
                     ThreadPool& pool, Alignment alignment = Alignment::edges);

/// What a voxel becomes that several labels share.
enum class LabelRule {
  at_least_half,  ///< the largest label with a share of at least one half, else 0
  largest_share,  ///< the label with the largest share, compared as binary16; the lower one of equals
};
/// Labels resized by their linearly interpolated shares; axis `nearest_axis`, where it is 0 to 2, takes the nearest
/// slice instead.
Array3<std::uint16_t> resize_labels(const Array3<std::uint16_t>& in, const Index3& shape, int nearest_axis,
                                    LabelRule rule, ThreadPool& pool);

}  // namespace sagittal
