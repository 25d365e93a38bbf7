#pragma once
#include "nn/architecture.h"

namespace sagittal::nn {

/// Multiplications with addition of all convolutions of one pass over `size` voxels, which must be multiples of the
/// network's strides; twice that many floating-point operations. Deep-supervision heads other than the last are not
/// run.
double multiply_adds(const UNet& network, const SpatialSize& size);

}  // namespace sagittal::nn
