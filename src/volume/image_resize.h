#pragma once
#include <cstdint>
#include <vector>

#include "volume/image_view.h"

namespace sagittal {

/// Resizes images of one size to another; the outer edges of the outermost pixels coincide. What can be known before
/// the first image is computed once; `run` allocates nothing. Not for use by several threads at once.
class ImageResizer {
 public:
  enum class Way {
    nearest,   ///< the pixel that holds the new pixel's centre
    bilinear,  ///< between the four nearest centres; edges are continued. Pixels between are passed over when shrinking
    area,      ///< the mean of what the new pixel covers, with fractions
  };

  /// Extents from 1 to 65535, channels from 1 to 4, else Error(bad_input).
  ImageResizer(Way way, std::int64_t from_width, std::int64_t from_height, std::int64_t to_width,
               std::int64_t to_height, std::int64_t channels = 1);

  /// Both images have the sizes and channels given, else Error(bad_input). u8 results are rounded to the nearest.
  void run(const ImageView<const std::uint8_t>& from, const ImageView<std::uint8_t>& to);
  void run(const ImageView<const float>& from, const ImageView<float>& to);
  void run(const ImageView<const std::uint8_t>& from, const ImageView<float>& to);

 private:
  /// Samples [begin, begin + count) of the old axis, with their weights one after the other in `weights`.
  struct Window {
    std::int32_t begin, count, weights;
  };
  struct Axis {
    std::vector<Window> windows;
    std::vector<float> weights;
    std::int32_t most = 1;
  };
  static Axis axis_of(Way way, std::int64_t from, std::int64_t to);
  template <class From, class To>
  void resize(const ImageView<const From>& from, const ImageView<To>& to);
  template <class From>
  const float* resized_row(const ImageView<const From>& from, std::int32_t y);

  std::int64_t from_width_, from_height_, to_width_, to_height_, channels_;
  Axis columns_, rows_;
  std::vector<float> cache_;        // rows resized along x, as a ring
  std::vector<std::int32_t> held_;  // which row each place of the ring holds
  std::vector<float> sums_;         // one row of the result
};

}  // namespace sagittal
