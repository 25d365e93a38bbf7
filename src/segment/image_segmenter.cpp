#include "segment/image_segmenter.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "volume/image_ops.h"

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
      classes_(network_->graph().shape_of(network_->graph().outputs[0]).channels),
      input_shape_(network_->graph().inputs[0].shape),
      output_shape_(network_->graph().shape_of(network_->graph().outputs[0])),
      shrink_(ImageResizer::Way::area, width, height, input_shape_.width, input_shape_.height, channels_),
      enlarge_(ImageResizer::Way::bilinear, output_shape_.width, output_shape_.height, width, height),
      input_(static_cast<std::size_t>(input_shape_.elements())),
      one_class_(static_cast<std::size_t>(output_shape_.width * output_shape_.height)),
      enlarged_(static_cast<std::size_t>(width * height)) {
  const nn::Graph& graph = network_->graph();
  for (const int value : graph.outputs) {
    outputs_.emplace_back(static_cast<std::size_t>(graph.shape_of(value).elements()), 0.0F);
  }
  output_views_.assign(outputs_.begin(), outputs_.end());
}

void ImageSegmenter::run(const ImageView<const std::uint8_t>& frame) {
  const ImageView<float> input{input_.data(), input_shape_.width, input_shape_.height, channels_};
  shrink_.run(frame, input);
  const nn::GraphPreprocessing& before = network_->graph().preprocessing;
  if (before.divide_by_maximum) {
    const std::uint8_t largest = *std::max_element(frame.pixels, frame.pixels + frame.count());
    if (largest > 0) scale_and_shift(input_, 1.0F / static_cast<float>(largest), 0);
  }
  if (before.flip_vertically) flip_vertically(input);
  const std::span<const float> in(input_);
  network_->run({&in, 1}, output_views_);
}

void ImageSegmenter::probability(std::int64_t of_class, const ImageView<float>& to) {
  if (of_class < 0 || of_class >= classes_) {
    throw Error(ErrorCode::bad_input, fmt::format("class {} of a network with {}", of_class, classes_));
  }
  const ImageView<const float> all{outputs_[0].data(), output_shape_.width, output_shape_.height, classes_};
  const ImageView<float> one{one_class_.data(), output_shape_.width, output_shape_.height, 1};
  reorder_channels(all, std::array{static_cast<int>(of_class)}, one);
  if (network_->graph().preprocessing.flip_vertically) flip_vertically(one);
  enlarge_.run(one, to);
}

void ImageSegmenter::mask(std::int64_t of_class, float threshold, const ImageView<std::uint8_t>& to) {
  const ImageView<float> whole{enlarged_.data(), width_, height_, 1};
  probability(of_class, whole);
  sagittal::threshold(whole, 0, threshold, to);
}

}  // namespace sagittal
