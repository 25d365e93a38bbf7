#pragma once
#include <span>

#include "interact/normalised_image.h"

namespace sagittal::interact {

/// `box` of the image shrunk to [patch] by trilinear sampling, as `linear_taps` says; what lies outside is 0.
void shrink_image(const NormalisedImage& image, const Box& box, const Index3& patch, ThreadPool& pool,
                  std::span<float> out);

}  // namespace sagittal::interact
