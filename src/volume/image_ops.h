#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "volume/image_view.h"

namespace sagittal {

// Operations on images that fit one loop. None allocates unless it returns a vector; where sizes do not fit each other,
// all throw Error(bad_input). Results may not overlap what they are made of, except where that is said.

/// The part of `from` whose first pixel is (x, y), as large as `to`.
template <class T>
void crop(const ImageView<const T>& from, std::int64_t x, std::int64_t y, const ImageView<T>& to);

/// In place: top to bottom, left to right.
template <class T>
void flip_vertically(const ImageView<T>& image);
template <class T>
void flip_horizontally(const ImageView<T>& image);

/// Channel c of `to` is channel order[c] of `from`; -1: zero. {2, 1, 0} is RGB to BGR, {0, 0, 0} grey to RGB.
template <class T>
void reorder_channels(const ImageView<const T>& from, std::span<const int> order, const ImageView<T>& to);

/// Rec. 601 luma of RGB.
void to_grey(const ImageView<const std::uint8_t>& rgb, const ImageView<std::uint8_t>& grey);

/// In place: divided by the largest value; left as they are where that is not above 0.
void divide_by_maximum(std::span<float> values);
/// In place: value * scale + shift.
void scale_and_shift(std::span<float> values, float scale, float shift);

/// In place: softmax over the channels of each pixel.
void softmax(const ImageView<float>& image);

/// 1 where channel `channel` is above `threshold`, else 0.
void threshold(const ImageView<const float>& image, std::int64_t channel, float threshold,
               const ImageView<std::uint8_t>& labels);
/// The channel with the largest value, the first of equals; at most 256 channels.
void argmax(const ImageView<const float>& image, const ImageView<std::uint8_t>& labels);

/// A label's colour and how much of it covers the picture, 0 to 255.
struct OverlayColour {
  std::uint8_t red = 0, green = 0, blue = 0, opacity = 0;
};
/// Grey or RGB `image` as RGB, with labels from 1 on in their colours; `colours[0]` is that of label 1, and those
/// without one stay invisible. `to` may be the image where that has three channels.
void overlay(const ImageView<const std::uint8_t>& image, const ImageView<const std::uint8_t>& labels,
             std::span<const OverlayColour> colours, const ImageView<std::uint8_t>& to);

/// Keeps of all pixels that are not 0 the largest part whose pixels touch each other (corners count), the first of
/// equals; the rest becomes 0. Holds its memory for the next image.
class LargestComponent {
 public:
  void keep(const ImageView<std::uint8_t>& labels);

 private:
  std::vector<std::int32_t> parents_;  // per run of pixels
  std::vector<std::int64_t> sizes_;
  struct Run {
    std::int32_t row, begin, end;
  };
  std::vector<Run> runs_;
};

struct Point2 {
  double x = 0, y = 0;
  bool operator==(const Point2&) const = default;
};
/// The border between pixels of value `label` and others, as closed lines (the last point joins the first) through the
/// middles between pixel centres; centres have whole coordinates. Pixels that touch at a corner only are apart. The
/// label's pixels lie to the right of the way, seen with y downwards; holes run the other way round.
std::vector<std::vector<Point2>> contours(const ImageView<const std::uint8_t>& labels, std::uint8_t label);

}  // namespace sagittal
