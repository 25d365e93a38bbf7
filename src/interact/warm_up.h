#pragma once
#include "base/progress.h"
#include "interact/model.h"

namespace sagittal::interact {

/// Runs the network once on an empty patch: the first prediction then finds its kernels, weights and memory as the
/// later ones do. Throws Error(cancelled).
void warm_up(const Model& model, const RunControl& control);

}  // namespace sagittal::interact
