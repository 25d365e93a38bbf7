#include "volume/image_ops.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

constexpr std::size_t kMaxChannels = 64;

void expect(bool fits, const char* what) {
  if (!fits) throw Error(ErrorCode::bad_input, fmt::format("{}: images whose sizes do not fit each other", what));
}

template <class A, class B>
bool same_size(const ImageView<A>& a, const ImageView<B>& b) {
  return a.width == b.width && a.height == b.height;
}

std::uint8_t blended(std::uint8_t below, std::uint8_t above, std::uint8_t opacity) {
  return static_cast<std::uint8_t>((below * (255 - opacity) + above * opacity + 127) / 255);
}

}  // namespace

template <class T>
void crop(const ImageView<const T>& from, std::int64_t x, std::int64_t y, const ImageView<T>& to) {
  expect(from.channels == to.channels && x >= 0 && y >= 0 && x <= from.width - to.width && y <= from.height - to.height,
         "crop");
  for (std::int64_t row = 0; row < to.height; ++row) {
    std::copy_n(from.row(y + row) + x * from.channels, to.width * to.channels, to.row(row));
  }
}

template <class T>
void flip_vertically(const ImageView<T>& image) {
  const std::int64_t width = image.width * image.channels;
  for (std::int64_t y = 0; y < image.height / 2; ++y) {
    std::swap_ranges(image.row(y), image.row(y) + width, image.row(image.height - 1 - y));
  }
}

template <class T>
void flip_horizontally(const ImageView<T>& image) {
  for (std::int64_t y = 0; y < image.height; ++y) {
    T* row = image.row(y);
    for (std::int64_t x = 0; x < image.width / 2; ++x) {
      std::swap_ranges(row + x * image.channels, row + (x + 1) * image.channels,
                       row + (image.width - 1 - x) * image.channels);
    }
  }
}

template <class T>
void reorder_channels(const ImageView<const T>& from, std::span<const int> order, const ImageView<T>& to) {
  bool known = true;
  for (const int channel : order) known = known && channel >= -1 && channel < from.channels;
  expect(known && same_size(from, to) && order.size() == static_cast<std::size_t>(to.channels) &&
             order.size() <= kMaxChannels,
         "channel order");
  const T* in = from.pixels;
  T* out = to.pixels;
  for (std::int64_t pixel = 0; pixel < from.width * from.height; ++pixel, in += from.channels) {
    for (const int channel : order) *out++ = channel < 0 ? T{} : in[channel];
  }
}

void to_grey(const ImageView<const std::uint8_t>& rgb, const ImageView<std::uint8_t>& grey) {
  expect(same_size(rgb, grey) && rgb.channels == 3 && grey.channels == 1, "grey");
  const std::uint8_t* in = rgb.pixels;
  for (std::int64_t pixel = 0; pixel < grey.count(); ++pixel, in += 3) {
    grey.pixels[pixel] = static_cast<std::uint8_t>((299 * in[0] + 587 * in[1] + 114 * in[2] + 500) / 1000);
  }
}

void divide_by_maximum(std::span<float> values) {
  if (values.empty()) return;
  const float largest = *std::max_element(values.begin(), values.end());
  if (!(largest > 0)) return;
  for (float& value : values) value /= largest;
}

void scale_and_shift(std::span<float> values, float scale, float shift) {
  for (float& value : values) value = value * scale + shift;
}

void softmax(const ImageView<float>& image) {
  for (std::int64_t at = 0; at < image.count(); at += image.channels) {
    const std::span<float> pixel(image.pixels + at, static_cast<std::size_t>(image.channels));
    const float highest = *std::max_element(pixel.begin(), pixel.end());
    float sum = 0;
    for (float& value : pixel) sum += value = std::exp(value - highest);
    for (float& value : pixel) value /= sum;
  }
}

void threshold(const ImageView<const float>& image, std::int64_t channel, float threshold,
               const ImageView<std::uint8_t>& labels) {
  expect(same_size(image, labels) && labels.channels == 1 && channel >= 0 && channel < image.channels, "threshold");
  const float* in = image.pixels + channel;
  for (std::int64_t pixel = 0; pixel < labels.count(); ++pixel, in += image.channels) {
    labels.pixels[pixel] = *in > threshold ? 1 : 0;
  }
}

void argmax(const ImageView<const float>& image, const ImageView<std::uint8_t>& labels) {
  expect(same_size(image, labels) && labels.channels == 1 && image.channels >= 1 && image.channels <= 256, "argmax");
  const float* in = image.pixels;
  for (std::int64_t pixel = 0; pixel < labels.count(); ++pixel, in += image.channels) {
    labels.pixels[pixel] = static_cast<std::uint8_t>(std::max_element(in, in + image.channels) - in);
  }
}

void overlay(const ImageView<const std::uint8_t>& image, const ImageView<const std::uint8_t>& labels,
             std::span<const OverlayColour> colours, const ImageView<std::uint8_t>& to) {
  expect(same_size(image, to) && same_size(image, labels) && labels.channels == 1 && to.channels == 3 &&
             (image.channels == 1 || image.channels == 3),
         "overlay");
  std::array<OverlayColour, 256> table{};
  std::copy_n(colours.begin(), std::min<std::size_t>(colours.size(), 255), table.begin() + 1);
  const std::uint8_t* in = image.pixels;
  std::uint8_t* out = to.pixels;
  const std::int64_t green = image.channels == 3 ? 1 : 0, blue = image.channels == 3 ? 2 : 0;
  for (std::int64_t pixel = 0; pixel < labels.count(); ++pixel, in += image.channels, out += 3) {
    const OverlayColour& colour = table[labels.pixels[pixel]];
    out[0] = blended(in[0], colour.red, colour.opacity);
    out[1] = blended(in[green], colour.green, colour.opacity);
    out[2] = blended(in[blue], colour.blue, colour.opacity);
  }
}

void LargestComponent::keep(const ImageView<std::uint8_t>& labels) {
  expect(labels.channels == 1, "largest component");
  runs_.clear();
  parents_.clear();
  const auto root = [this](std::int32_t run) {
    while (parents_[static_cast<std::size_t>(run)] != run) {
      auto& parent = parents_[static_cast<std::size_t>(run)];
      run = parent = parents_[static_cast<std::size_t>(parent)];
    }
    return run;
  };
  std::size_t above = 0, above_end = 0;  // runs of the row before
  for (std::int64_t y = 0; y < labels.height; ++y) {
    const std::uint8_t* row = labels.row(y);
    std::size_t near = above;
    const std::size_t first = runs_.size();
    for (std::int64_t x = 0; x < labels.width; ++x) {
      if (row[x] == 0) continue;
      const std::int64_t begin = x;
      while (x < labels.width && row[x] != 0) ++x;
      const auto run = static_cast<std::int32_t>(runs_.size());
      runs_.push_back({static_cast<std::int32_t>(y), static_cast<std::int32_t>(begin), static_cast<std::int32_t>(x)});
      parents_.push_back(run);
      while (near < above_end && runs_[near].end < begin) ++near;
      for (std::size_t touching = near; touching < above_end && runs_[touching].begin <= x; ++touching) {
        const std::int32_t a = root(static_cast<std::int32_t>(touching)), b = root(run);
        parents_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
      }
    }
    above = first;
    above_end = runs_.size();
  }
  sizes_.assign(runs_.size(), 0);
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    sizes_[static_cast<std::size_t>(root(static_cast<std::int32_t>(run)))] += runs_[run].end - runs_[run].begin;
  }
  const auto largest = std::max_element(sizes_.begin(), sizes_.end()) - sizes_.begin();
  for (std::size_t run = 0; run < runs_.size(); ++run) {
    if (root(static_cast<std::int32_t>(run)) == largest) continue;
    std::uint8_t* row = labels.row(runs_[run].row);
    std::fill(row + runs_[run].begin, row + runs_[run].end, std::uint8_t{0});
  }
}

template void crop(const ImageView<const std::uint8_t>&, std::int64_t, std::int64_t, const ImageView<std::uint8_t>&);
template void crop(const ImageView<const float>&, std::int64_t, std::int64_t, const ImageView<float>&);
template void flip_vertically(const ImageView<std::uint8_t>&);
template void flip_vertically(const ImageView<float>&);
template void flip_horizontally(const ImageView<std::uint8_t>&);
template void flip_horizontally(const ImageView<float>&);
template void reorder_channels(const ImageView<const std::uint8_t>&, std::span<const int>,
                               const ImageView<std::uint8_t>&);
template void reorder_channels(const ImageView<const float>&, std::span<const int>, const ImageView<float>&);

}  // namespace sagittal
