#pragma once
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "base/half.h"
#include "volume/box.h"

namespace sagittal::interact {

/// Where the next prediction looks: the patch's centre, and how many times larger than the patch the first look is.
struct Focus {
  Index3 centre{};
  double zoom = 1;
};

/// Nearest integer, ties to even, as Python's `round`.
std::int64_t round_half_even(double value);

/// Smallest zoom >= 1 that shows an object of this size and a third of a patch of its surroundings.
double zoom_for(const Index3& size, const Index3& patch);

/// The focus of a prompt that covers `box`.
Focus focus_on(const Box& box, const Index3& patch);

/// What a click draws: in a cube of side 2 * radius + 1, the distance to the nearest voxel outside the ball (of those
/// in the cube), divided by its largest value; 0 outside the ball.
class PointKernel {
 public:
  explicit PointKernel(int radius);

  int radius() const { return radius_; }
  /// Values in [0, 1], C order.
  const std::vector<double>& values() const { return values_; }
  /// The cube around `centre`.
  Box box_around(const Index3& centre) const;
  /// intensity * value for the voxels of `part`, which lies in box_around(centre).
  std::vector<Half> crop(const Index3& centre, const Box& part, double intensity) const;

 private:
  int radius_;
  std::vector<double> values_;
};

/// The box that is drawn for fractional corners: rounded half to even, clipped to the image, at least one voxel thick;
/// empty where nothing of it lies in the image.
Box drawn_box(const std::array<double, 3>& lo, const std::array<double, 3>& hi, const Index3& shape);

/// Smallest box around the voxels of `mask` that are not zero; `mask` covers `bounds`.
std::optional<Box> painted_box(const Box& bounds, std::span<const std::uint8_t> mask);

}  // namespace sagittal::interact
