#pragma once
#include <optional>

#include "interact/guide_features.h"
#include "interact/layers.h"
#include "interact/normalised_image.h"

namespace sagittal::interact {

/// Which part of the image the guide looks at, and how many voxels it takes for one, per axis.
struct GuideView {
  Box box;  ///< inside the image
  Index3 step{1, 1, 1};

  /// Of the thinned part; blocks at the far end may hold fewer voxels.
  Index3 size() const;
  bool operator==(const GuideView&) const = default;
};

/// The view of at least `side` voxels per axis, where the image has them, that shows `wanted`, and at most `side`
/// blocks per axis. What of `wanted` lies outside the image is made up for on the other side.
GuideView fit_view(const Box& wanted, const Index3& shape, const Index3& side);

/// Smallest box around everything that was drawn, without the fading rims of points; none where nothing was.
std::optional<Box> drawn_bounds(const Layers& layers, const Capabilities& can);

/// What lies in the view: means of the image and the previous mask, maxima of the prompts.
GuideScene scan_scene(const NormalisedImage& image, const Layers& layers, const Capabilities& can,
                      const GuideView& view, ThreadPool& pool);

}  // namespace sagittal::interact
