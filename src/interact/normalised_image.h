#pragma once
#include <span>

#include "base/thread_pool.h"
#include "volume/box.h"
#include "volume/stored_voxels.h"

namespace sagittal::interact {

/// What an image of `voxels` of that type takes in memory.
std::uint64_t image_bytes(ScalarType type, std::int64_t voxels);

/// One image as a network sees it: (x - mean) / deviation as float32, computed where it is read, so that an image of 16
/// bits takes no more memory than it does in its file. Mean and unbiased standard deviation are those of the bounding
/// box of the voxels that are not zero: planes whose sum is zero are left out at both ends of each axis. They do not
/// depend on the number of threads. May be read from any thread.
class NormalisedImage {
 public:
  NormalisedImage() = default;
  /// Shares `voxels` [axis0, axis1, axis2]; integers of more than 16 bits and doubles are converted to float32 first.
  /// Throws Error(bad_input) for a wrong number of voxels, and for an image that is all zero, constant or not finite.
  NormalisedImage(const Index3& shape, StoredVoxels voxels, ThreadPool& pool);

  bool empty() const { return voxels_.bytes.empty(); }
  const Index3& shape() const { return shape_; }
  std::uint64_t memory_bytes() const { return voxels_.bytes.size(); }

  /// `count` voxels along axis 2 from `first` on; all must lie in the image.
  void read(const Index3& first, std::int64_t count, float* out) const;

  /// Means over blocks of `step` voxels per axis, the first at box.lo; those at the far end may hold fewer voxels.
  /// `out` has a place for each block, in C order. The box must lie in the image.
  void read_means(const Box& box, const Index3& step, ThreadPool& pool, std::span<float> out) const;

 private:
  Index3 shape_{};
  StoredVoxels voxels_;
  float centre_ = 0;
  float deviation_ = 1;
};

}  // namespace sagittal::interact
