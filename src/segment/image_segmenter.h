#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/graph/graph_network.h"
#include "volume/image_view.h"
#include "volume/resampler.h"

namespace sagittal {

/// Frames of one size through a small network, with what its graph says is done to them before and after: divided by
/// their maximum, averaged to the network's size, turned; the answer turned back and enlarged, bilinear. Memory is
/// allocated once. Not for use by several threads at once.
class ImageSegmenter {
 public:
  /// Throws Error(unsupported) unless the network has one input, of one or three channels. Frames have as many.
  ImageSegmenter(std::shared_ptr<const nn::GraphNetwork> network, std::int64_t width, std::int64_t height);

  /// Channels of the first output: classes.
  std::int64_t classes() const { return output_shape_.channels; }

  /// Runs the network. Error(bad_input) for frames of another size.
  void run(const ImageView<const std::uint8_t>& frame);
  /// What the last run gave for a class, at the frames' size. Error(bad_input) for another size or class.
  void probability(std::int64_t of_class, const ImageView<float>& to);
  /// 1 where the class has more than `threshold`, else 0.
  void mask(std::int64_t of_class, float threshold, const ImageView<std::uint8_t>& to);
  /// The class with the largest value at each pixel, the first of equals. Error(unsupported) for more than 256.
  void labels(const ImageView<std::uint8_t>& to);

 private:
  template <class T>
  void check_size(const ImageView<T>& image, std::int64_t channels) const;
  template <class Sink>
  void enlarge(std::int64_t of_class, Sink&& sink);

  std::shared_ptr<const nn::GraphNetwork> network_;
  std::int64_t width_, height_, channels_;
  nn::GraphShape input_shape_, output_shape_;
  Resampler shrink_, enlarge_;
  std::vector<float> input_, one_class_;
  std::vector<std::vector<float>> outputs_;
  std::vector<std::span<float>> output_views_;
};

}  // namespace sagittal
