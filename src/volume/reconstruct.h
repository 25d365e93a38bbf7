#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "volume/image_view.h"
#include "volume/pose.h"
#include "volume/volume.h"

namespace sagittal {

/// What becomes of a voxel that several pixels hit.
enum class Compounding {
  latest,      ///< the last one's value
  maximum,     ///< the largest
  mean,        ///< their mean
  importance,  ///< their mean, weighted by the importance of their place in the frame
};

/// Pixels [x, x + width) x [y, y + height) of a frame; width 0: all of it.
struct ClipRectangle {
  std::int64_t x = 0, y = 0, width = 0, height = 0;
};

struct ReconstructionOptions {
  Compounding compounding = Compounding::mean;
  /// A pixel's value goes to the 8 voxels around it, weighted by their nearness; otherwise to the nearest voxel. Of use
  /// with mean and importance; latest and maximum take the nearest voxel.
  bool linear = true;
  ClipRectangle clip = {};
  std::optional<float> reject_below = {};  ///< pixels of smaller values are not pasted
  /// Of importance: one value, 0 or more, for each pixel of a frame [height, width].
  std::vector<float> importance = {};
};

/// Holes are filled from the two ends of a line through them: of the 13 lines to neighbours, the `sticks` shortest that
/// end in pasted voxels both ways are averaged, weighted by 1 / length.
struct HoleFilling {
  int longest_stick = 9;  ///< voxels from end to end
  int sticks = 1;
};

/// Pastes tracked frames into a volume, one after the other. Geometry's world is the coordinate system that poses lead
/// to, in millimetres. Takes 8 bytes a voxel. Not for use by several threads at once.
class Reconstruction {
 public:
  /// Throws Error(bad_input) for a bad geometry, Error(too_large) beyond `kMaxReconstruction` voxels.
  Reconstruction(const Geometry& geometry, ReconstructionOptions options);

  /// `image_to_world` takes (x, y, 0) in pixels, integers at their centres. What falls outside is left out. Error
  /// (bad_input) unless the frame has one channel, the transform is finite, and importance fits the frame.
  void add(const ImageView<const std::uint8_t>& frame, const Affine& image_to_world);
  void add(const ImageView<const float>& frame, const Affine& image_to_world);

  /// What has been pasted so far, rounded to the nearest integer for u8, else f32; 0 where nothing has been.
  Volume snapshot(ScalarType type, const std::optional<HoleFilling>& holes, ThreadPool& pool) const;
  /// The share of voxels that a pixel has hit.
  double coverage() const;

  const Geometry& geometry() const { return geometry_; }
  std::int64_t frames() const { return frames_; }
  /// Forgets all frames.
  void clear();

 private:
  template <class T>
  void paste(const ImageView<const T>& frame, const Affine& image_to_world);

  Geometry geometry_;
  ReconstructionOptions options_;
  Affine world_to_index_;
  Buffer cells_;  // value and weight of each voxel
  std::int64_t frames_ = 0;
};

constexpr std::int64_t kMaxReconstruction = std::int64_t{1} << 30;

/// The smallest grid along the axes of the poses' coordinate system that holds the clip rectangles of all frames, as
/// Plus lays it: from the smallest coordinates on. Error(bad_input) without poses, for a rectangle outside the frame,
/// or a spacing that is not positive, Error(too_large) beyond kMaxReconstruction voxels.
Geometry bounds_of(std::span<const Affine> image_to_world, std::int64_t width, std::int64_t height,
                   const ClipRectangle& clip, const Vec3& spacing_mm);

}  // namespace sagittal
