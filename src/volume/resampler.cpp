#include "volume/resampler.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {

Filter filter_from(std::string_view name) {
  if (name == "nearest") return Filter::nearest;
  if (name == "bilinear") return Filter::bilinear;
  if (name == "area") return Filter::area;
  throw Error(ErrorCode::bad_input, fmt::format("the filter \"{}\" is not nearest, bilinear or area", name));
}

void Resampler::prepare(std::int64_t width, std::int64_t height, std::int64_t new_width, std::int64_t new_height,
                        Filter filter) {
  const bool other = filter != filter_;
  if (other || horizontal_.in != width || horizontal_.out != new_width) horizontal_.prepare(width, new_width, filter);
  if (other || vertical_.in != height || vertical_.out != new_height) vertical_.prepare(height, new_height, filter);
  filter_ = filter;
}

void Resampler::Axis::prepare(std::int64_t in_size, std::int64_t out_size, Filter filter) {
  in = in_size, out = out_size;
  first.assign(1, 0);
  source.clear(), weight.clear();
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const auto add = [this](std::int64_t index, double share) {
    source.push_back(static_cast<std::size_t>(std::clamp<std::int64_t>(index, 0, in - 1)));
    weight.push_back(static_cast<float>(share));
  };
  for (std::int64_t o = 0; o < out; ++o) {
    const double low = static_cast<double>(o) * scale, high = low + scale;
    if (filter == Filter::nearest) {
      add(static_cast<std::int64_t>((low + high) / 2), 1);
    } else if (filter == Filter::area && scale > 1) {
      for (auto index = static_cast<std::int64_t>(low); static_cast<double>(index) < high - 1e-9; ++index) {
        const double begin = std::max(low, static_cast<double>(index));
        add(index, (std::min(high, static_cast<double>(index + 1)) - begin) / scale);
      }
    } else {
      const double x = std::clamp((low + high) / 2 - 0.5, 0.0, static_cast<double>(in - 1));
      const auto index = static_cast<std::int64_t>(x);
      const double share = x - static_cast<double>(index);
      add(index, 1 - share);
      if (share > 0) add(index + 1, share);
    }
    first.push_back(source.size());
  }
}

void Resampler::gather_row(std::size_t components) {
  float* to = row_.data();
  for (std::size_t i = 0; i < static_cast<std::size_t>(horizontal_.out); ++i) {
    const std::size_t begin = horizontal_.first[i], end = horizontal_.first[i + 1];
    for (std::size_t c = 0; c < components; ++c, ++to) {
      float sum = 0;
      for (std::size_t tap = begin; tap < end; ++tap) {
        sum += horizontal_.weight[tap] * sum_[horizontal_.source[tap] * components + c];
      }
      *to = sum;
    }
  }
}

}  // namespace sagittal
