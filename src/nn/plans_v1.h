#pragma once
#include <string_view>

#include "base/bytes.h"
#include "nn/dataset.h"
#include "nn/plans.h"
#include "nn/tensor.h"

namespace sagittal::nn {

/// A plans.pkl of nnU-Net version 1, told as version 2 tells plans: its stages become the configurations "2d",
/// "3d_lowres", "3d_fullres" and "3d_cascade_fullres". Nothing in the pickle is executed. `dataset_name` is the task's
/// ("Task003_Liver"). Throws Error(bad_input) for contradictions, Error(unsupported) for layers that this engine lacks.
Plans parse_plans_v1(ByteView bytes, std::string_view what, std::string_view dataset_name);

/// Channels and labels as far as a plan of version 1 knows them: labels are called "label 1" and so on; `trainer` tells
/// the regions of those whose code defines them.
Dataset dataset_of_v1(const Plans& plans, std::string_view trainer, std::string_view what);

/// Axes that a trainer of version 1 mirrors; none for those that train without.
std::vector<int> mirroring_axes_v1(std::string_view trainer, int dimensions);

/// Throws Error(unsupported) for trainers of version 1 that change the network beyond what its plan and weights tell.
void check_trainer_v1(std::string_view trainer);

/// The weights under version 2's names; layers without a bias get one of zeros. Throws Error(bad_input) for names that
/// are none of Generic_UNet's.
StateDict weights_from_v1(const StateDict& weights, const UNet& network);

}  // namespace sagittal::nn
