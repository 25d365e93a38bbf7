#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "volume/contours.h"

namespace sagittal {
namespace {

enum Side : int { top, right, bottom, left };

/// One or two ways through a cell of four pixels, from side to side; inside to the right of each.
struct Ways {
  int count;
  std::array<std::array<Side, 2>, 2> ways;
};

/// By which pixels are inside: 1 upper left, 2 upper right, 4 lower right, 8 lower left.
constexpr std::array<Ways, 16> kWays{{{0, {}},
                                      {1, {{{top, left}}}},
                                      {1, {{{right, top}}}},
                                      {1, {{{right, left}}}},
                                      {1, {{{bottom, right}}}},
                                      {2, {{{top, left}, {bottom, right}}}},
                                      {1, {{{bottom, top}}}},
                                      {1, {{{bottom, left}}}},
                                      {1, {{{left, bottom}}}},
                                      {1, {{{top, bottom}}}},
                                      {2, {{{right, top}, {left, bottom}}}},
                                      {1, {{{right, bottom}}}},
                                      {1, {{{left, right}}}},
                                      {1, {{{top, right}}}},
                                      {1, {{{left, top}}}},
                                      {0, {}}}};

/// Follows the border of a label inside the smallest rectangle around it.
class Tracer {
 public:
  Tracer(const ImageView<const std::uint8_t>& labels, std::uint8_t label) : labels_(labels), label_(label) {
    x1_ = y1_ = -1;
    x0_ = labels.width;
    y0_ = labels.height;
    for (std::int64_t y = 0; y < labels.height; ++y) {
      const std::uint8_t* row = labels.row(y);
      const std::uint8_t* end = row + labels.width;
      const std::uint8_t* first = std::find(row, end, label);
      if (first == end) continue;
      while (*--end != label) {
      }
      x0_ = std::min<std::int64_t>(x0_, first - row);
      x1_ = std::max<std::int64_t>(x1_, end - row);
      y0_ = std::min(y0_, y);
      y1_ = y;
    }
  }

  std::vector<std::vector<Point2>> lines() {
    if (y1_ < 0) return {};
    columns_ = x1_ - x0_ + 2;
    next_.assign(static_cast<std::size_t>(2 * columns_ * (y1_ - y0_ + 3)), -1);
    for (std::int64_t y = y0_ - 1; y <= y1_; ++y) {
      for (std::int64_t x = x0_ - 1; x <= x1_; ++x) link(x, y);
    }
    std::vector<std::vector<Point2>> lines;
    for (std::size_t start = 0; start < next_.size(); ++start) {
      if (next_[start] < 0) continue;
      std::vector<Point2>& line = lines.emplace_back();
      for (auto at = static_cast<std::int64_t>(start); next_[static_cast<std::size_t>(at)] >= 0;) {
        line.push_back(point(at));
        at = std::exchange(next_[static_cast<std::size_t>(at)], -1);
      }
    }
    return lines;
  }

 private:
  int inside(std::int64_t x, std::int64_t y) const {
    return x >= x0_ && x <= x1_ && y >= y0_ && y <= y1_ && labels_.row(y)[x] == label_ ? 1 : 0;
  }
  /// Of the place between pixel (x, y) and its right (0) or lower (1) neighbour.
  std::int64_t edge(std::int64_t x, std::int64_t y, int lower) const {
    return ((y - y0_ + 1) * columns_ + (x - x0_ + 1)) * 2 + lower;
  }
  std::int64_t edge(std::int64_t x, std::int64_t y, Side side) const {
    switch (side) {
      case top:
        return edge(x, y, 0);
      case bottom:
        return edge(x, y + 1, 0);
      case left:
        return edge(x, y, 1);
      default:
        return edge(x + 1, y, 1);
    }
  }
  /// The ways through the cell whose upper left pixel is (x, y).
  void link(std::int64_t x, std::int64_t y) {
    const int corners = inside(x, y) | inside(x + 1, y) << 1 | inside(x + 1, y + 1) << 2 | inside(x, y + 1) << 3;
    const Ways& ways = kWays[static_cast<std::size_t>(corners)];
    for (int n = 0; n < ways.count; ++n) {
      const auto [from, to] = ways.ways[static_cast<std::size_t>(n)];
      next_[static_cast<std::size_t>(edge(x, y, from))] = edge(x, y, to);
    }
  }
  Point2 point(std::int64_t edge) const {
    const bool lower = edge % 2 != 0;
    const auto x = static_cast<double>(edge / 2 % columns_ + x0_ - 1);
    const auto y = static_cast<double>(edge / 2 / columns_ + y0_ - 1);
    return lower ? Point2{x, y + 0.5} : Point2{x + 0.5, y};
  }

  ImageView<const std::uint8_t> labels_;
  std::uint8_t label_;
  std::int64_t x0_, x1_, y0_, y1_, columns_ = 0;
  std::vector<std::int64_t> next_;  // of each edge, where the way through it leads
};

}  // namespace

std::vector<std::vector<Point2>> contours(const ImageView<const std::uint8_t>& labels, std::uint8_t label) {
  if (labels.channels != 1) throw Error(ErrorCode::bad_input, "contours of an image with several channels");
  return Tracer(labels, label).lines();
}

}  // namespace sagittal
