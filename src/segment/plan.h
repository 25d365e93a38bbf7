#pragma once
#include <array>
#include <optional>
#include <vector>

#include "nn/model_folder.h"
#include "volume/geometry.h"

namespace sagittal::segment {

enum class Normalisation {
  ct,       ///< clipped to the training set's percentiles, then its mean and deviation
  ct_own,   ///< clipped likewise, then the image's own mean and deviation of what lies strictly between
  z_score,  ///< the image's own mean and deviation
  none,
  zero_to_one,  ///< minimum 0, maximum 1
  rgb,          ///< by 255
};

struct ChannelPlan {
  Normalisation normalisation = Normalisation::none;
  bool masked = false;  ///< statistics and change inside the mask only
  nn::IntensityProperties intensity;
};

/// How an array goes from one spacing to another.
struct Resampling {
  enum class Method { spline, torch } method = Method::spline;
  int order = 1;                   ///< 0, 1 or 3; torch: 1
  std::optional<bool> separate_z;  ///< nothing: where the spacing is anisotropic
};

/// What inference needs of a model folder, checked. Axes are the network's: [d, h, w] after `transpose`.
struct Plan {
  int generation = 2;  ///< nnU-Net's version; 1 resamples before it normalises, and averages probabilities
  int dimensions = 3;
  Index3 patch{1, 1, 1};                          ///< the first axis is 1 in 2D
  std::vector<double> spacing_mm;                 ///< `dimensions` of them
  std::array<std::size_t, 3> transpose{0, 1, 2};  ///< network axis a is axis transpose[a] of the array as read
  bool reorient = false;                          ///< the array is turned to RAS first
  std::vector<ChannelPlan> channels;
  Resampling data, labels, logits;

  /// Spacing of the network's grid for an image whose transposed spacing is given.
  Vec3 target_spacing(const Vec3& spacing) const;
};

/// Throws Error(unsupported) for normalisations, resampling functions, readers or trainers that are unknown, rather
/// than guess; Error(bad_input) for contradictions.
Plan read_plan(const nn::ModelFolder& model);

/// Shape of an array of `shape` voxels after resampling. Error(too_large) beyond 2^31 voxels.
Index3 resampled_shape(const Index3& shape, const Vec3& from_mm, const Vec3& to_mm);

/// The axis that is resampled on its own, or -1.
int separate_axis(const Resampling& resampling, const Vec3& from_mm, const Vec3& to_mm);

}  // namespace sagittal::segment
