#include "volume/image_resize.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

constexpr std::int64_t kMaxExtent = 65535;
constexpr std::int64_t kMaxChannels = 4;

template <class To>
To rounded(float value) {
  if constexpr (std::is_same_v<To, float>) return value;
  return static_cast<To>(std::clamp(value + 0.5F, 0.0F, 255.0F));
}

}  // namespace

ImageResizer::Axis ImageResizer::axis_of(Way way, std::int64_t from, std::int64_t to) {
  Axis axis;
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double last = static_cast<double>(from - 1);
  for (std::int64_t o = 0; o < to; ++o) {
    const auto place = static_cast<double>(o);
    const auto weights = static_cast<std::int32_t>(axis.weights.size());
    std::int64_t begin = 0, count = 1;
    if (way == Way::nearest) {
      begin = std::min(from - 1, static_cast<std::int64_t>((place + 0.5) * scale));
      axis.weights.push_back(1);
    } else if (way == Way::bilinear) {
      const double x = std::clamp((place + 0.5) * scale - 0.5, 0.0, last);
      begin = static_cast<std::int64_t>(x);
      const double upper = x - static_cast<double>(begin);
      count = upper > 0 ? 2 : 1;
      axis.weights.push_back(static_cast<float>(1 - upper));
      if (count == 2) axis.weights.push_back(static_cast<float>(upper));
    } else {
      const double low = place * scale, high = std::min(static_cast<double>(from), (place + 1) * scale);
      begin = std::min(from - 1, static_cast<std::int64_t>(low));
      count = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(high)) - begin);
      for (std::int64_t i = begin; i < begin + count; ++i) {
        const double part = std::min(high, static_cast<double>(i + 1)) - std::max(low, static_cast<double>(i));
        axis.weights.push_back(static_cast<float>(part / (high - low)));
      }
    }
    axis.windows.push_back({static_cast<std::int32_t>(begin), static_cast<std::int32_t>(count), weights});
    axis.most = std::max(axis.most, static_cast<std::int32_t>(count));
  }
  return axis;
}

ImageResizer::ImageResizer(Way way, std::int64_t from_width, std::int64_t from_height, std::int64_t to_width,
                           std::int64_t to_height, std::int64_t channels)
    : from_width_(from_width),
      from_height_(from_height),
      to_width_(to_width),
      to_height_(to_height),
      channels_(channels) {
  for (const std::int64_t extent : {from_width, from_height, to_width, to_height}) {
    if (extent < 1 || extent > kMaxExtent || channels < 1 || channels > kMaxChannels) {
      throw Error(ErrorCode::bad_input, fmt::format("images of {} x {} to {} x {} pixels with {} channels", from_width,
                                                    from_height, to_width, to_height, channels));
    }
  }
  columns_ = axis_of(way, from_width, to_width);
  rows_ = axis_of(way, from_height, to_height);
  const auto width = static_cast<std::size_t>(to_width * channels);
  held_.assign(static_cast<std::size_t>(rows_.most), -1);
  cache_.resize(width * held_.size());
  sums_.resize(width);
}

/// A row of the old image, resized along x; neighbours in the ring stay until as many rows later.
template <class From>
const float* ImageResizer::resized_row(const ImageView<const From>& from, std::int32_t y) {
  const auto place = static_cast<std::size_t>(y) % held_.size();
  float* to = cache_.data() + place * sums_.size();
  if (held_[place] == y) return to;
  held_[place] = y;
  const From* row = from.row(y);
  float* out = to;
  for (const Window& window : columns_.windows) {
    const float* weights = columns_.weights.data() + window.weights;
    const From* first = row + window.begin * channels_;
    for (std::int64_t c = 0; c < channels_; ++c) {
      float sum = 0;
      for (std::int32_t n = 0; n < window.count; ++n) sum += weights[n] * static_cast<float>(first[n * channels_ + c]);
      *out++ = sum;
    }
  }
  return to;
}

template <class From, class To>
void ImageResizer::resize(const ImageView<const From>& from, const ImageView<To>& to) {
  if (from.width != from_width_ || from.height != from_height_ || to.width != to_width_ || to.height != to_height_ ||
      from.channels != channels_ || to.channels != channels_) {
    throw Error(ErrorCode::bad_input,
                fmt::format("an image of {} x {} x {} to {} x {} x {}, expected {} x {} to {} x {} with {} channels",
                            from.width, from.height, from.channels, to.width, to.height, to.channels, from_width_,
                            from_height_, to_width_, to_height_, channels_));
  }
  std::fill(held_.begin(), held_.end(), -1);
  for (std::int64_t y = 0; y < to_height_; ++y) {
    const Window& window = rows_.windows[static_cast<std::size_t>(y)];
    const float* sums = resized_row(from, window.begin);
    if (window.count > 1) {
      std::fill(sums_.begin(), sums_.end(), 0.0F);
      for (std::int32_t n = 0; n < window.count; ++n) {
        const float* row = resized_row(from, window.begin + n);
        const float weight = rows_.weights[static_cast<std::size_t>(window.weights + n)];
        for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += weight * row[i];
      }
      sums = sums_.data();
    }
    To* out = to.row(y);
    for (std::size_t i = 0; i < sums_.size(); ++i) out[i] = rounded<To>(sums[i]);
  }
}

void ImageResizer::run(const ImageView<const std::uint8_t>& from, const ImageView<std::uint8_t>& to) {
  resize(from, to);
}
void ImageResizer::run(const ImageView<const float>& from, const ImageView<float>& to) { resize(from, to); }
void ImageResizer::run(const ImageView<const std::uint8_t>& from, const ImageView<float>& to) { resize(from, to); }

}  // namespace sagittal
