#include "nn/cpu/graph_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace sagittal::nn::cpu {
namespace {

/// Calls `body(y)` for each row of a map; exceptions cannot occur in it.
template <class Body>
void for_rows(int threads, std::int64_t rows, Body&& body) {
#pragma omp parallel for num_threads(threads) schedule(static) if (rows > 16)
  for (std::int64_t y = 0; y < rows; ++y) body(y);
}

void zero_tail(float* pixel, const GraphMap& map) { std::fill(pixel + map.shape.channels, pixel + map.stride(), 0.0F); }

class InputStep final : public Step {
 public:
  InputStep(std::size_t index, const GraphMap& to) : index_(index), to_(to) {}
  void run(const RunContext& context) const override {
    const float* from = context.inputs[index_].data();
    float* to = context.at<float>(to_.tensor);
    const std::int64_t channels = to_.shape.channels, stride = to_.stride();
    for (std::int64_t pixel = 0; pixel < to_.shape.height * to_.shape.width; ++pixel) {
      std::copy_n(from + pixel * channels, channels, to + pixel * stride);
      zero_tail(to + pixel * stride, to_);
    }
  }

 private:
  std::size_t index_;
  GraphMap to_;
};

class OutputStep final : public Step {
 public:
  OutputStep(std::size_t index, const GraphMap& from) : index_(index), from_(from) {}
  void run(const RunContext& context) const override {
    const float* from = context.at<float>(from_.tensor);
    float* to = context.outputs[index_].data();
    const std::int64_t channels = from_.shape.channels, stride = from_.stride();
    for (std::int64_t pixel = 0; pixel < from_.shape.height * from_.shape.width; ++pixel) {
      std::copy_n(from + pixel * stride, channels, to + pixel * channels);
    }
  }

 private:
  std::size_t index_;
  GraphMap from_;
};

class GatherStep final : public Step {
 public:
  GatherStep(std::vector<GatherSource> sources, const GraphMap& to) : sources_(std::move(sources)), to_(to) {}
  void run(const RunContext& context) const override {
    for_rows(context.threads, to_.shape.height, [&](std::int64_t y) {
      float* row = context.at<float>(to_.tensor) + y * to_.shape.width * to_.stride();
      std::int64_t channel = 0;
      for (const GatherSource& source : sources_) {
        const GraphMap& map = source.map;
        const float* from = context.at<float>(map.tensor) + y / source.factor[0] * map.shape.width * map.stride();
        gather_row(source, from, row + channel);
        channel += map.shape.channels;
      }
      for (std::int64_t x = 0; x < to_.shape.width; ++x) zero_tail(row + x * to_.stride(), to_);
    });
  }

 private:
  void gather_row(const GatherSource& source, const float* from, float* to) const {
    const std::int64_t channels = source.map.shape.channels, stride = source.map.stride();
    for (std::int64_t x = 0; x < source.map.shape.width; ++x, from += stride) {
      float* const first = to;
      if (source.scale.empty()) {
        std::copy_n(from, channels, first);
      } else {
        const float *scale = source.scale.data(), *shift = source.shift.data();
        for (std::int64_t c = 0; c < channels; ++c) first[c] = from[c] * scale[c] + shift[c];
      }
      for (std::int64_t repeat = 1; repeat < source.factor[1]; ++repeat) {
        std::copy_n(first, channels, to += to_.stride());
      }
      to += to_.stride();
    }
  }

  std::vector<GatherSource> sources_;
  GraphMap to_;
};

class AddStep final : public Step {
 public:
  AddStep(std::vector<GraphMap> sources, const GraphMap& to) : sources_(std::move(sources)), to_(to) {}
  void run(const RunContext& context) const override {
    const std::int64_t width = to_.shape.width * to_.stride();
    for_rows(context.threads, to_.shape.height, [&](std::int64_t y) {
      float* to = context.at<float>(to_.tensor) + y * width;
      std::copy_n(context.at<float>(sources_[0].tensor) + y * width, width, to);
      for (std::size_t n = 1; n < sources_.size(); ++n) {
        const float* from = context.at<float>(sources_[n].tensor) + y * width;
        for (std::int64_t i = 0; i < width; ++i) to[i] += from[i];
      }
    });
  }

 private:
  std::vector<GraphMap> sources_;
  GraphMap to_;
};

void softmax(const float* from, std::int64_t channels, float* to) {
  const float highest = *std::max_element(from, from + channels);
  float sum = 0;
  for (std::int64_t c = 0; c < channels; ++c) sum += to[c] = std::exp(from[c] - highest);
  for (std::int64_t c = 0; c < channels; ++c) to[c] /= sum;
}

class ActivationStep final : public Step {
 public:
  ActivationStep(const GraphNode& node, const GraphMap& from, const GraphMap& to)
      : op_(node.op), slope_(node.op == GraphOp::leaky_relu ? node.slope : 0), from_(from), to_(to) {}
  void run(const RunContext& context) const override {
    for_rows(context.threads, to_.shape.height, [&](std::int64_t y) {
      const std::int64_t width = to_.shape.width * to_.stride();
      const float* from = context.at<float>(from_.tensor) + y * width;
      float* to = context.at<float>(to_.tensor) + y * width;
      if (op_ == GraphOp::relu || op_ == GraphOp::leaky_relu) {
        for (std::int64_t i = 0; i < width; ++i) to[i] = std::max(from[i], slope_ * from[i]);
        return;
      }
      for (std::int64_t at = 0; at < width; at += to_.stride()) {
        if (op_ == GraphOp::softmax) {
          softmax(from + at, to_.shape.channels, to + at);
        } else {
          for (std::int64_t c = 0; c < to_.shape.channels; ++c) to[at + c] = 1 / (1 + std::exp(-from[at + c]));
        }
        zero_tail(to + at, to_);
      }
    });
  }

 private:
  GraphOp op_;
  float slope_;
  GraphMap from_, to_;
};

class PoolStep final : public Step {
 public:
  PoolStep(const GraphNode& node, const GraphMap& from, const GraphMap& to) : node_(node), from_(from), to_(to) {}
  void run(const RunContext& context) const override {
    for_rows(context.threads, to_.shape.height, [&](std::int64_t y) {
      for (std::int64_t x = 0; x < to_.shape.width; ++x) pool(context, y, x);
    });
  }

 private:
  void pool(const RunContext& context, std::int64_t y, std::int64_t x) const {
    const std::int64_t top = y * node_.stride[0] - node_.padding.top, left = x * node_.stride[1] - node_.padding.left;
    const std::int64_t y0 = std::max<std::int64_t>(0, top), x0 = std::max<std::int64_t>(0, left);
    const std::int64_t y1 = std::min(from_.shape.height, top + node_.kernel[0]);
    const std::int64_t x1 = std::min(from_.shape.width, left + node_.kernel[1]);
    const bool max = node_.op == GraphOp::max_pool;
    const std::int64_t stride = to_.stride();
    float* to = context.at<float>(to_.tensor) + (y * to_.shape.width + x) * stride;
    std::fill_n(to, stride, max ? -std::numeric_limits<float>::infinity() : 0.0F);
    for (std::int64_t v = y0; v < y1; ++v) {
      for (std::int64_t u = x0; u < x1; ++u) {
        const float* from = context.at<float>(from_.tensor) + (v * from_.shape.width + u) * stride;
        for (std::int64_t c = 0; c < stride; ++c) to[c] = max ? std::max(to[c], from[c]) : to[c] + from[c];
      }
    }
    if (max) return;
    const auto count = static_cast<float>((y1 - y0) * (x1 - x0));
    for (std::int64_t c = 0; c < stride; ++c) to[c] /= count;
  }

  GraphNode node_;
  GraphMap from_, to_;
};

/// One output sample of an axis between two inputs: (1 - weight) * at[index] + weight * at[next].
struct Tap {
  std::int64_t index, next;
  float weight;
};

std::vector<Tap> bilinear_taps(std::int64_t in, std::int64_t out) {
  std::vector<Tap> taps;
  for (std::int64_t o = 0; o < out; ++o) {
    const double x = (static_cast<double>(o) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
    const double clamped = std::clamp(x, 0.0, static_cast<double>(in - 1));
    const auto index = static_cast<std::int64_t>(clamped);
    taps.push_back({index, std::min(index + 1, in - 1), static_cast<float>(clamped - static_cast<double>(index))});
  }
  return taps;
}

class BilinearStep final : public Step {
 public:
  BilinearStep(const GraphMap& from, const GraphMap& to)
      : from_(from),
        to_(to),
        rows_(bilinear_taps(from.shape.height, to.shape.height)),
        columns_(bilinear_taps(from.shape.width, to.shape.width)) {}
  void run(const RunContext& context) const override {
    const std::int64_t stride = from_.stride(), width = from_.shape.width * stride;
    for_rows(context.threads, to_.shape.height, [&](std::int64_t y) {
      const Tap& tap = rows_[static_cast<std::size_t>(y)];
      const float* upper = context.at<float>(from_.tensor) + tap.index * width;
      const float* lower = context.at<float>(from_.tensor) + tap.next * width;
      float* to = context.at<float>(to_.tensor) + y * to_.shape.width * stride;
      for (const Tap& column : columns_) {
        for (std::int64_t c = 0; c < stride; ++c) {
          const std::int64_t a = column.index * stride + c, b = column.next * stride + c;
          const float above = upper[a] + (upper[b] - upper[a]) * column.weight;
          const float below = lower[a] + (lower[b] - lower[a]) * column.weight;
          to[c] = above + (below - above) * tap.weight;
        }
        to += stride;
      }
    });
  }

 private:
  GraphMap from_, to_;
  std::vector<Tap> rows_, columns_;
};

}  // namespace

std::unique_ptr<const Step> make_graph_input(std::size_t index, const GraphMap& to) {
  return std::make_unique<InputStep>(index, to);
}
std::unique_ptr<const Step> make_graph_output(std::size_t index, const GraphMap& from) {
  return std::make_unique<OutputStep>(index, from);
}
std::unique_ptr<const Step> make_gather(std::vector<GatherSource> sources, const GraphMap& to) {
  return std::make_unique<GatherStep>(std::move(sources), to);
}
std::unique_ptr<const Step> make_add(const std::vector<GraphMap>& sources, const GraphMap& to) {
  return std::make_unique<AddStep>(sources, to);
}
std::unique_ptr<const Step> make_graph_activation(const GraphNode& node, const GraphMap& from, const GraphMap& to) {
  return std::make_unique<ActivationStep>(node, from, to);
}
std::unique_ptr<const Step> make_graph_pool(const GraphNode& node, const GraphMap& from, const GraphMap& to) {
  return std::make_unique<PoolStep>(node, from, to);
}
std::unique_ptr<const Step> make_bilinear(const GraphMap& from, const GraphMap& to) {
  return std::make_unique<BilinearStep>(from, to);
}

}  // namespace sagittal::nn::cpu
