#include "segment/image_segmenter.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

const nn::GraphShape& only_input(const nn::Graph& graph) {
  const nn::GraphShape& shape = graph.inputs[0].shape;
  if (graph.inputs.size() != 1 || (shape.channels != 1 && shape.channels != 3)) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: {} inputs, the first of {} channels; expected one image, grey or RGB", graph.name,
                            graph.inputs.size(), shape.channels));
  }
  return shape;
}

}  // namespace

ImageSegmenter::ImageSegmenter(std::shared_ptr<const nn::GraphNetwork> network, std::int64_t width, std::int64_t height)
    : network_(std::move(network)),
      width_(width),
      height_(height),
      channels_(only_input(network_->graph()).channels),
      input_shape_(network_->graph().inputs[0].shape),
      output_shape_(network_->graph().shape_of(network_->graph().outputs[0])),
      input_(static_cast<std::size_t>(input_shape_.elements())),
      one_class_(static_cast<std::size_t>(output_shape_.width * output_shape_.height)) {
  if (width < 1 || height < 1) {
    throw Error(ErrorCode::bad_input, fmt::format("frames of {} x {} pixels", width, height));
  }
  shrink_.prepare(width, height, input_shape_.width, input_shape_.height, Filter::area);
  enlarge_.prepare(output_shape_.width, output_shape_.height, width, height, Filter::bilinear);
  const nn::Graph& graph = network_->graph();
  for (const int value : graph.outputs) {
    outputs_.emplace_back(static_cast<std::size_t>(graph.shape_of(value).elements()), 0.0F);
  }
  output_views_.assign(outputs_.begin(), outputs_.end());
}

template <class T>
void ImageSegmenter::check_size(const ImageView<T>& image, std::int64_t channels) const {
  if (image.width == width_ && image.height == height_ && image.channels == channels) return;
  throw Error(ErrorCode::bad_input, fmt::format("an image of {} x {} x {}, expected {} x {} x {}", image.width,
                                                image.height, image.channels, width_, height_, channels));
}

void ImageSegmenter::run(const ImageView<const std::uint8_t>& frame) {
  check_size(frame, channels_);
  const nn::GraphPreprocessing& before = network_->graph().preprocessing;
  const int largest = before.divide_by_maximum ? *std::max_element(frame.pixels, frame.pixels + frame.count()) : 1;
  const float scale = largest > 0 ? 1.0F / static_cast<float>(largest) : 1;
  const auto last = static_cast<std::size_t>(input_shape_.height) - 1;
  shrink_.rows(frame.pixels, static_cast<int>(channels_), [&](std::size_t row, std::span<const float> values) {
    float* to = input_.data() + (before.flip_vertically ? last - row : row) * values.size();
    for (const float value : values) *to++ = value * scale;
  });
  const std::span<const float> in(input_);
  network_->run({&in, 1}, output_views_);
}

/// Calls `sink(row, values)` for each row of a class at the frames' size.
template <class Sink>
void ImageSegmenter::enlarge(std::int64_t of_class, Sink&& sink) {
  if (of_class < 0 || of_class >= classes()) {
    throw Error(ErrorCode::bad_input, fmt::format("class {} of a network with {}", of_class, classes()));
  }
  const bool flips = network_->graph().preprocessing.flip_vertically;
  const auto width = static_cast<std::size_t>(output_shape_.width), height = one_class_.size() / width;
  const auto step = static_cast<std::size_t>(classes());
  for (std::size_t row = 0; row < height; ++row) {
    const float* from = outputs_[0].data() + row * width * step + static_cast<std::size_t>(of_class);
    float* to = one_class_.data() + (flips ? height - 1 - row : row) * width;
    for (std::size_t i = 0; i < width; ++i) to[i] = from[i * step];
  }
  enlarge_.rows(one_class_.data(), 1, sink);
}

void ImageSegmenter::probability(std::int64_t of_class, const ImageView<float>& to) {
  check_size(to, 1);
  enlarge(of_class, [&](std::size_t row, std::span<const float> values) {
    std::copy(values.begin(), values.end(), to.row(static_cast<std::int64_t>(row)));
  });
}

void ImageSegmenter::mask(std::int64_t of_class, float threshold, const ImageView<std::uint8_t>& to) {
  check_size(to, 1);
  enlarge(of_class, [&](std::size_t row, std::span<const float> values) {
    std::uint8_t* out = to.row(static_cast<std::int64_t>(row));
    for (const float value : values) *out++ = value > threshold ? 1 : 0;
  });
}

void ImageSegmenter::labels(const ImageView<std::uint8_t>& to) {
  check_size(to, 1);
  if (classes() > 256) throw Error(ErrorCode::unsupported, fmt::format("{} classes, expected up to 256", classes()));
  std::fill(to.pixels, to.pixels + to.count(), std::uint8_t{0});
  std::vector<float> best(static_cast<std::size_t>(to.count()), -std::numeric_limits<float>::infinity());
  for (std::int64_t c = 0; c < classes(); ++c) {
    enlarge(c, [&](std::size_t row, std::span<const float> values) {
      const std::size_t begin = row * values.size();
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (!(values[i] > best[begin + i])) continue;
        best[begin + i] = values[i];
        to.pixels[begin + i] = static_cast<std::uint8_t>(c);
      }
    });
  }
}

}  // namespace sagittal
