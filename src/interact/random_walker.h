#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "interact/field.h"

namespace sagittal::interact {

/// What is known of a voxel before a random walker starts.
enum class Seed : std::uint8_t { open = 0, object = 1, background = 2 };

/// How easily a walker goes from a voxel to the next one, per axis; 0 at the last voxel of an axis.
using Conductance = std::array<Field, 3>;

/// exp(-steepness[axis] * difference^2) + least.
Conductance conductance(const Field& image, const std::array<float, 3>& steepness, float least, ThreadPool& pool);

struct WalkerLimits {
  int iterations = 60;
  double tolerance = 2e-3;
};

/// Probability that each voxel belongs to the object: minimises, over the open voxels,
///   sum over neighbours of conductance * (x_a - x_b)^2 + sum of weight * (x - prior)^2
/// by conjugate gradients from `start` (Grady 2006, with priors: Grady 2005). `seeds`, `prior`, `weight` and `start`
/// are of one size. The result does not depend on the number of threads. Throws Error(cancelled) between iterations.
Field walk(const Conductance& conductance, const std::vector<Seed>& seeds, const Field& prior, const Field& weight,
           Field start, const WalkerLimits& limits, ThreadPool& pool, const RunControl& control);

}  // namespace sagittal::interact
