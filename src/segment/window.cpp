#include "segment/window.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "base/half.h"

namespace sagittal::segment {
namespace {

/// The patch's voxels along one axis in mirrored order or not.
std::int64_t mirrored(std::int64_t n, std::int64_t extent, bool flip) { return flip ? extent - 1 - n : n; }

using Flips = std::array<bool, 3>;

/// The identity first, then all other subsets of the axes.
std::vector<Flips> all_flips(const WindowOptions& options) {
  const auto count = options.mirror_axes.size();
  std::vector<Flips> out;
  for (std::size_t subset = 0; subset < (std::size_t{1} << count); ++subset) {
    Flips flips{};
    for (std::size_t n = 0; n < count; ++n) {
      if ((subset >> n) & 1) flips[static_cast<std::size_t>(3 - options.dimensions + options.mirror_axes[n])] = true;
    }
    out.push_back(flips);
  }
  return out;
}

/// One pass over an image; lives for the time of `slide`.
class Slider {
 public:
  Slider(std::span<const std::shared_ptr<const nn::Network>> networks, const NetworkImage& image,
         const WindowOptions& options, LogitSink& sink, const RunControl& control, ThreadPool& pool);
  void run();

 private:
  void run_tile(const Index3& start);
  void gather(const Index3& start, const Flips& flips);
  void gather_line(std::int64_t channel, std::int64_t i, std::int64_t j, std::int64_t k, float* to) const;
  void add_weights(const Index3& start);
  void apply_averaged();
  void add_logits(const Index3& start, const Flips& flips);
  /// Rows [first, last) of the padded image have all that they get.
  void finish_rows(std::int64_t first, std::int64_t last);

  std::span<const std::shared_ptr<const nn::Network>> networks_;
  const NetworkImage& image_;
  const WindowOptions& options_;
  LogitSink& sink_;
  const RunControl& control_;
  ThreadPool& pool_;

  Index3 patch_, padded_, before_;  // `before_`: voxels of padding in front of the image
  std::int64_t heads_, inputs_, patch_voxels_, plane_;
  std::array<std::vector<std::int64_t>, 3> starts_;
  std::vector<Flips> flips_;
  std::vector<float> weights_;
  Buffer input_, logits_, sums_, sum_of_weights_;  // the last two: [slot][head][axis 1][axis 2]
  std::int64_t passes_ = 0, done_ = 0;
};

Slider::Slider(std::span<const std::shared_ptr<const nn::Network>> networks, const NetworkImage& image,
               const WindowOptions& options, LogitSink& sink, const RunControl& control, ThreadPool& pool)
    : networks_(networks),
      image_(image),
      options_(options),
      sink_(sink),
      control_(control),
      pool_(pool),
      patch_(options.patch),
      heads_(networks[0]->output_channels()),
      inputs_(static_cast<std::int64_t>(image.channels.size() + options.previous_labels.size())),
      patch_voxels_(patch_[0] * patch_[1] * patch_[2]),
      flips_(all_flips(options)) {
  for (std::size_t a = 0; a < 3; ++a) {
    padded_[a] = std::max(image.shape()[a], patch_[a]);
    before_[a] = (padded_[a] - image.shape()[a]) / 2;
    // 2D networks take every slice once.
    const double step = static_cast<int>(a) < 3 - options.dimensions ? 1 : options.step;
    starts_[a] = tile_starts(padded_[a], patch_[a], step);
  }
  // Version 1 slides 2D networks over each slice by itself.
  const std::size_t tiles = starts_[1].size() * starts_[2].size() * (options.dimensions == 3 ? starts_[0].size() : 1);
  if (options.generation == 1 && tiles == 1) {
    weights_.assign(static_cast<std::size_t>(patch_voxels_), 1.0f);
  } else {
    weights_ = tile_weights(options.patch, options.generation);
  }
  plane_ = padded_[1] * padded_[2];
  const auto floats = [](std::int64_t count) { return Buffer(static_cast<std::size_t>(count) * sizeof(float)); };
  input_ = floats(inputs_ * patch_voxels_);
  logits_ = floats(heads_ * patch_voxels_);
  sums_ = floats(patch_[0] * heads_ * plane_);
  sum_of_weights_ = floats(patch_[0] * plane_);
  const auto clear = [&](Buffer& buffer) {
    const std::span<float> values = buffer.as<float>();
    pool_.parallel_for(static_cast<std::int64_t>(values.size()), 1 << 20, [&](std::int64_t begin, std::int64_t end) {
      std::fill(values.begin() + begin, values.begin() + end, 0.0f);
    });
  };
  clear(sums_);
  clear(sum_of_weights_);
  passes_ = static_cast<std::int64_t>(starts_[0].size() * starts_[1].size() * starts_[2].size() * flips_.size() *
                                      networks_.size());
}

void Slider::run() {
  for (std::size_t layer = 0; layer < starts_[0].size(); ++layer) {
    const std::int64_t first = starts_[0][layer];
    for (const std::int64_t j : starts_[1]) {
      for (const std::int64_t k : starts_[2]) run_tile({first, j, k});
    }
    finish_rows(first, layer + 1 < starts_[0].size() ? starts_[0][layer + 1] : padded_[0]);
  }
}

void Slider::run_tile(const Index3& start) {
  add_weights(start);
  RunControl quiet;
  quiet.cancel = control_.cancel;
  for (const Flips& flips : flips_) {
    gather(start, flips);
    for (const auto& network : networks_) {
      control_.check();
      control_.report("predicting", static_cast<double>(done_++) / static_cast<double>(passes_));
      network->run(patch_, input_.as<float>(), logits_.as<float>(), quiet);
      apply_averaged();
      add_logits(start, flips);
    }
  }
}

/// Voxels [k, k + patch) of a line of the padded image; i, j and k count from its corner.
void Slider::gather_line(std::int64_t channel, std::int64_t i, std::int64_t j, std::int64_t k, float* to) const {
  const Index3& shape = image_.shape();
  i -= before_[0];
  j -= before_[1];
  k -= before_[2];
  std::fill(to, to + patch_[2], 0.0f);
  if (i < 0 || i >= shape[0] || j < 0 || j >= shape[1]) return;
  const std::int64_t lo = std::max<std::int64_t>(0, -k), hi = std::min(patch_[2], shape[2] - k);
  const auto images = static_cast<std::int64_t>(image_.channels.size());
  if (channel < images) {
    const float* row = image_.channels[static_cast<std::size_t>(channel)].row(i, j);
    if (lo < hi) std::copy(row + k + lo, row + k + hi, to + lo);
    return;
  }
  const int label = options_.previous_labels[static_cast<std::size_t>(channel - images)];
  const std::uint16_t* row = image_.labels->row(i, j);
  for (std::int64_t n = lo; n < hi; ++n) to[n] = row[k + n] == label ? 1.0f : 0.0f;
}

void Slider::gather(const Index3& start, const Flips& flips) {
  const std::span<float> input = input_.as<float>();
  const std::int64_t lines = patch_[0] * patch_[1];
  pool_.parallel_for(inputs_ * lines, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t i = mirrored(line % lines / patch_[1], patch_[0], flips[0]);
      const std::int64_t j = mirrored(line % patch_[1], patch_[1], flips[1]);
      float* to = input.data() + line * patch_[2];
      gather_line(line / lines, start[0] + i, start[1] + j, start[2], to);
      if (flips[2]) std::reverse(to, to + patch_[2]);
    }
  });
}

void Slider::add_weights(const Index3& start) {
  float* sums = sum_of_weights_.as<float>().data();
  for (std::int64_t line = 0; line < patch_[0] * patch_[1]; ++line) {
    const std::int64_t i = start[0] + line / patch_[1], j = start[1] + line % patch_[1];
    float* to = sums + i % patch_[0] * plane_ + j * padded_[2] + start[2];
    const float* weight = weights_.data() + line * patch_[2];
    for (std::int64_t k = 0; k < patch_[2]; ++k) to[k] += weight[k];
  }
}

/// Makes probabilities of the logits, where those are averaged.
void Slider::apply_averaged() {
  if (options_.averaged == Averaged::logits) return;
  float* logits = logits_.as<float>().data();
  const bool sigmoid = options_.averaged == Averaged::sigmoid;
  pool_.parallel_for(patch_voxels_, 4096, [&](std::int64_t begin, std::int64_t end) {
    if (sigmoid) {
      for (std::int64_t head = 0; head < heads_; ++head) {
        float* values = logits + head * patch_voxels_;
        for (std::int64_t n = begin; n < end; ++n) values[n] = 1.0f / (1.0f + std::exp(-values[n]));
      }
    } else {
      softmax(logits + begin, heads_, patch_voxels_, end - begin);
    }
  });
}

void Slider::add_logits(const Index3& start, const Flips& flips) {
  const float* logits = logits_.as<float>().data();
  float* sums = sums_.as<float>().data();
  const std::int64_t lines = patch_[0] * patch_[1];
  pool_.parallel_for(heads_ * lines, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t head = n / lines, line = n % lines, i = line / patch_[1], j = line % patch_[1];
      const float* from = logits + ((head * patch_[0] + mirrored(i, patch_[0], flips[0])) * patch_[1] +
                                    mirrored(j, patch_[1], flips[1])) *
                                       patch_[2];
      const float* weight = weights_.data() + line * patch_[2];
      float* to = sums + ((start[0] + i) % patch_[0] * heads_ + head) * plane_ + (start[1] + j) * padded_[2] + start[2];
      if (flips[2]) {
        for (std::int64_t k = 0; k < patch_[2]; ++k) to[k] += from[patch_[2] - 1 - k] * weight[k];
      } else {
        for (std::int64_t k = 0; k < patch_[2]; ++k) to[k] += from[k] * weight[k];
      }
    }
  });
}

void Slider::finish_rows(std::int64_t first, std::int64_t last) {
  float* sums = sums_.as<float>().data();
  float* weights = sum_of_weights_.as<float>().data();
  const float each = 1.0f / static_cast<float>(flips_.size() * networks_.size());
  std::atomic<bool> broken = false;
  pool_.parallel_for((last - first) * heads_ * padded_[1], 64, [&](std::int64_t begin, std::int64_t end) {
    float check = 0;
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t row = n / (heads_ * padded_[1]), slot = (first + row) % patch_[0];
      float* line = sums + slot * heads_ * plane_ + n % (heads_ * padded_[1]) * padded_[2];
      const float* weight = weights + slot * plane_ + n % padded_[1] * padded_[2];
      for (std::int64_t k = 0; k < padded_[2]; ++k) {
        line[k] *= each / weight[k];
        check += line[k] * 0.0f;
      }
    }
    if (!(check == 0)) broken = true;
  });
  if (broken) throw Error(ErrorCode::bad_input, "the network answered with numbers that are not finite");

  const std::int64_t lo = std::max(first, before_[0]), hi = std::min(last, before_[0] + image_.shape()[0]);
  if (lo < hi) {
    LogitRows rows;
    rows.first = lo - before_[0];
    rows.last = hi - before_[0];
    rows.padding = before_[0];
    rows.data = sums + before_[1] * padded_[2] + before_[2];
    rows.slots = patch_[0];
    rows.row_stride = heads_ * plane_;
    rows.head_stride = plane_;
    rows.line_stride = padded_[2];
    sink_.take(rows);
  }
  for (std::int64_t row = first; row < last; ++row) {
    const std::int64_t slot = row % patch_[0];
    std::fill_n(sums + slot * heads_ * plane_, heads_ * plane_, 0.0f);
    std::fill_n(weights + slot * plane_, plane_, 0.0f);
  }
}

}  // namespace

std::vector<std::int64_t> tile_starts(std::int64_t extent, std::int64_t tile, double step) {
  const auto span = static_cast<double>(extent - tile);
  const auto count = static_cast<std::int64_t>(std::ceil(span / (static_cast<double>(tile) * step))) + 1;
  std::vector<std::int64_t> starts;
  const double distance = count > 1 ? span / static_cast<double>(count - 1) : 0;
  for (std::int64_t i = 0; i < count; ++i) {
    starts.push_back(static_cast<std::int64_t>(std::nearbyint(distance * static_cast<double>(i))));
  }
  return starts;
}

void softmax(float* values, std::int64_t heads, std::int64_t stride, std::int64_t count) {
  for (std::int64_t n = 0; n < count; ++n) {
    float highest = values[n], sum = 0;
    for (std::int64_t head = 1; head < heads; ++head) highest = std::max(highest, values[head * stride + n]);
    for (std::int64_t head = 0; head < heads; ++head) {
      float& value = values[head * stride + n];
      value = std::exp(value - highest);
      sum += value;
    }
    for (std::int64_t head = 0; head < heads; ++head) values[head * stride + n] /= sum;
  }
}

std::vector<float> tile_weights(const Index3& tile, int generation) {
  constexpr double width = 0.125, reach = 4;
  const double highest = generation == 1 ? 1 : 10;
  std::array<std::vector<double>, 3> along;
  for (std::size_t a = 0; a < 3; ++a) {
    const double sigma = static_cast<double>(tile[a]) * width;
    const double cut = std::floor(reach * sigma + 0.5);
    for (std::int64_t n = 0; n < tile[a]; ++n) {
      const double d = std::abs(static_cast<double>(n - tile[a] / 2));
      along[a].push_back(d > cut ? 0 : std::exp(-d * d / (2 * sigma * sigma)));
    }
  }
  std::vector<float> weights;
  weights.reserve(static_cast<std::size_t>(tile[0] * tile[1] * tile[2]));
  for (const double z : along[0]) {
    for (const double y : along[1]) {
      for (const double x : along[2]) {
        const auto weight = static_cast<float>(highest * (z * y * x));
        weights.push_back(generation == 1 ? weight : from_half(to_half(weight)));
      }
    }
  }
  float smallest = static_cast<float>(highest);
  for (const float weight : weights) smallest = weight > 0 ? std::min(smallest, weight) : smallest;
  std::replace(weights.begin(), weights.end(), 0.0f, smallest);
  return weights;
}

void slide(std::span<const std::shared_ptr<const nn::Network>> networks, const NetworkImage& image,
           const WindowOptions& options, LogitSink& sink, const RunControl& control, ThreadPool& pool) {
  Slider(networks, image, options, sink, control, pool).run();
}

}  // namespace sagittal::segment
