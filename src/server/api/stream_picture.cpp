#include "server/api/stream_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "io/png.h"
#include "volume/visit_scalar.h"

namespace sagittal::server {
namespace {

using Rgb = std::array<std::uint8_t, 3>;

/// Told apart by people who see few colours.
constexpr std::array<Rgb, 7> kLabelColours{
    {{230, 159, 0}, {86, 180, 233}, {0, 158, 115}, {240, 228, 66}, {0, 114, 178}, {213, 94, 0}, {204, 121, 167}}};
constexpr int kMostLabels = 32;

struct Slice {
  const stream::Frame& frame;
  std::size_t first;  // value of its first pixel
  int step;           // pixels of the frame for one of the picture
  int width, height;
};

template <class Visit>
void for_pixels(const Slice& slice, Visit&& visit) {
  const auto row = static_cast<std::size_t>(slice.frame.width());
  for (int y = 0; y < slice.height; ++y) {
    for (int x = 0; x < slice.width; ++x) {
      const std::size_t pixel =
          static_cast<std::size_t>(y) * slice.step * row + static_cast<std::size_t>(x) * slice.step;
      visit(slice.first + pixel * static_cast<std::size_t>(slice.frame.components));
    }
  }
}

template <class T>
std::array<double, 2> range_of(const Slice& slice, std::span<const T> values) {
  double low = HUGE_VAL, high = -HUGE_VAL;
  for_pixels(slice, [&](std::size_t index) {
    const auto value = static_cast<double>(values[index]);
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  });
  return low <= high ? std::array{low, high} : std::array{0.0, 1.0};
}

template <class T>
std::vector<std::uint8_t> painted(const Slice& slice, std::span<const T> values) {
  const auto [low, high] = range_of(slice, values);
  const bool whole = slice.frame.type != ScalarType::f32 && slice.frame.type != ScalarType::f64;
  const bool labels = slice.frame.components == 1 && whole && low >= 0 && high <= kMostLabels;
  const bool bytes = slice.frame.type == ScalarType::u8;
  const double scale = bytes ? 1 : high > low ? 255 / (high - low) : 1;
  const double offset = bytes ? 0 : low;
  std::vector<std::uint8_t> rgb;
  rgb.reserve(static_cast<std::size_t>(slice.width) * static_cast<std::size_t>(slice.height) * 3);
  for_pixels(slice, [&](std::size_t index) {
    for (std::size_t c = 0; c < 3; ++c) {
      const auto value = static_cast<double>(values[index + (slice.frame.components >= 3 ? c : 0)]);
      if (labels) {
        const auto label = static_cast<std::size_t>(value);
        rgb.push_back(label == 0 ? 0 : kLabelColours[(label - 1) % kLabelColours.size()][c]);
      } else {
        const double grey = std::isfinite(value) ? (value - offset) * scale : 0;
        rgb.push_back(static_cast<std::uint8_t>(std::clamp(std::lround(grey), 0L, 255L)));
      }
    }
  });
  return rgb;
}

}  // namespace

Bytes picture_of(const stream::Frame& frame, int max_size) {
  check_frame(frame);
  const auto longest = static_cast<int>(std::max(frame.width(), frame.height()));
  const int step = std::max(1, (longest + max_size - 1) / max_size);
  const auto plane =
      static_cast<std::size_t>(frame.width() * frame.height()) * static_cast<std::size_t>(frame.components);
  const Slice slice{frame, plane * static_cast<std::size_t>(frame.geometry.size[2] / 2), step,
                    std::max(1, static_cast<int>(frame.width()) / step),
                    std::max(1, static_cast<int>(frame.height()) / step)};
  const auto rgb = visit_scalar(frame.type, [&]<class T>(T) { return painted(slice, frame.as<T>()); });
  return io::encode_png(slice.width, slice.height, rgb);
}

}  // namespace sagittal::server
