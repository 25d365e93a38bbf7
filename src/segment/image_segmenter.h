#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/graph/graph_network.h"
#include "volume/image_resize.h"
#include "volume/image_view.h"

namespace sagittal {

/// Frames of one size through a small network, with what its graph says is done to them before and after: divided by
/// their maximum, averaged to the network's size, turned; the answer turned back and enlarged, bilinear. Memory is
/// allocated once. Not for use by several threads at once.
class ImageSegmenter {
 public:
  /// Throws Error(unsupported) unless the network has one input, of one or three channels. Frames have as many.
  ImageSegmenter(std::shared_ptr<const nn::GraphNetwork> network, std::int64_t width, std::int64_t height);

  /// Channels of the first output: classes.
  std::int64_t classes() const { return classes_; }

  /// Runs the network. Error(bad_input) for frames of another size.
  void run(const ImageView<const std::uint8_t>& frame);
  /// What the last run gave for a class, at the frames' size. Error(bad_input) for another size or class.
  void probability(std::int64_t of_class, const ImageView<float>& to);
  /// 1 where the class has more than `threshold`, else 0.
  void mask(std::int64_t of_class, float threshold, const ImageView<std::uint8_t>& to);

 private:
  std::shared_ptr<const nn::GraphNetwork> network_;
  std::int64_t width_, height_, channels_, classes_;
  nn::GraphShape input_shape_, output_shape_;
  ImageResizer shrink_, enlarge_;
  std::vector<float> input_, one_class_, enlarged_;
  std::vector<std::vector<float>> outputs_;
  std::vector<std::span<float>> output_views_;
};

}  // namespace sagittal
