#pragma once
#include <cstdint>
#include <vector>

#include "volume/image_view.h"

namespace sagittal {

struct Point2 {
  double x = 0, y = 0;
  bool operator==(const Point2&) const = default;
};
/// The border between pixels of value `label` and others, as closed lines (the last point joins the first) through the
/// middles between pixel centres; centres have whole coordinates. Pixels that touch at a corner only are apart. The
/// label's pixels lie to the right of the way, seen with y downwards; holes run the other way round.
std::vector<std::vector<Point2>> contours(const ImageView<const std::uint8_t>& labels, std::uint8_t label);

}  // namespace sagittal
