#pragma once
#include <cstdint>
#include <vector>

#include "volume/image_view.h"

namespace sagittal {

/// A fan in a curvilinear image, in pixels of that image, integers at their centres. Angle 0 points down along a
/// column, positive angles to the right.
struct ScanGeometry {
  std::int64_t width = 0, height = 0;        ///< of the curvilinear image
  double centre_row = 0, centre_column = 0;  ///< of the circles; often above the image
  double angle_min_degrees = 0, angle_max_degrees = 0;
  double radius_start = 0, radius_end = 0;
  std::int64_t radii = 0;   ///< rows of the linear image, from radius_start to radius_end
  std::int64_t angles = 0;  ///< columns of the linear image, from angle_min to angle_max
};

/// Takes curvilinear images to linear ones, where the lines of sound are columns, and back. Where each pixel comes from
/// is computed once. `run` of images does not allocate; any number of threads may call it at once.
class ScanConverter {
 public:
  /// `interpolate`: between four pixels, else from the nearest, as labels need it. Error(bad_input) for sizes below 2
  /// or beyond 16384, empty ranges, ranges beyond half a turn or numbers that are not finite.
  ScanConverter(const ScanGeometry& geometry, bool interpolate);

  /// One channel; the sizes of the geometry, else Error(bad_input). Outside the curvilinear image its edge goes on.
  void to_linear(const ImageView<const std::uint8_t>& from, const ImageView<std::uint8_t>& to) const;
  void to_linear(const ImageView<const float>& from, const ImageView<float>& to) const;
  /// Outside the fan 0.
  void to_curvilinear(const ImageView<const std::uint8_t>& from, const ImageView<std::uint8_t>& to) const;
  void to_curvilinear(const ImageView<const float>& from, const ImageView<float>& to) const;

 private:
  /// A pixel of the result: between (index, index + 1, index + width, index + width + 1); index -1: outside.
  struct Sample {
    std::int32_t index;
    float x, y;
  };
  Sample sample_at(double row, double column, std::int64_t width, std::int64_t height) const;
  template <class T>
  void run(const std::vector<Sample>& samples, const ImageView<const T>& from, const ImageView<T>& to,
           bool from_curvilinear) const;

  ScanGeometry geometry_;
  bool interpolate_;
  std::vector<Sample> linear_, curvilinear_;
};

}  // namespace sagittal
