#pragma once
#include <span>

#include "interact/layers.h"
#include "interact/model.h"
#include "interact/normalised_image.h"

namespace sagittal::interact {

/// Assembles what the network sees of one image: [1 + interaction channels, patch] floats, the image in channel 0 and
/// interaction channel c in channel 1 + c. What lies outside the image is 0.
class NetworkInput {
 public:
  /// `model`, `image` and `pool` must outlive the object.
  NetworkInput(const Model& model, const NormalisedImage& image, ThreadPool& pool);

  std::size_t value_count() const;
  std::size_t patch_voxels() const { return static_cast<std::size_t>(whole(patch_).volume()); }

  /// A patch at full resolution. `previous` has the size of the patch and stands for the previous segmentation.
  void crop(const Layers& layers, const BitVolume& previous, const Box& box, std::span<float> out) const;

  /// The larger `box`, shrunk to the patch: the image by trilinear sampling, the channels by averaging, points and
  /// scribbles widened before by a cube that grows with the zoom.
  void shrink(const Layers& layers, const Box& box, double zoom, std::span<float> out) const;

 private:
  struct Shrinking;
  void crop_image(const Box& box, std::span<float> out) const;
  void shrink_channel(const Layers& layers, int channel, const Shrinking& shrinking, const Box& slab,
                      std::span<float> out) const;
  void shrink_tile(const Layers& layers, int channel, const Shrinking& shrinking, const Box& tile,
                   std::span<float> out) const;
  /// Whether all that `part` of the channel is made of has one value; then it is written.
  bool fill_uniform(const Layers& layers, int channel, const Shrinking& shrinking, const Box& part,
                    std::span<float> out) const;
  /// What of the image `part` of the channel is averaged from.
  Box region_of(int channel, const Shrinking& shrinking, const Box& part) const;
  bool widens(int channel) const;
  std::span<float> channel_of(std::span<float> out, int channel) const;

  const Model& model_;
  Index3 patch_;
  const NormalisedImage& image_;
  ThreadPool& pool_;
};

/// Side of the cube by which points and scribbles are widened: 2 * zoom - 1 made odd.
int widening_side(double zoom);

/// What the network sees of each stored value (by its bits): value / intensity, rounded to half.
std::vector<float> quotient_table(double intensity);

}  // namespace sagittal::interact
