#pragma once
#include <memory>
#include <span>

#include "segment/predict.h"

namespace sagittal::segment {

/// One model of an ensemble.
struct Member {
  const Model* model = nullptr;
  const Volume* previous = nullptr;  ///< labels of the stage before, where it is the second of a cascade
};

/// Segments an image with several models at once, by the mean of their probabilities at the image's resolution, as
/// nnUNetv2_ensemble does; one model runs after the other. All must have the same channels, labels and regions, else
/// Error(wrong_usage). What all models answer waits on the disk: heads x voxels of the network's grid x 4 bytes each.
Volume predict_together(std::span<const Member> members, std::span<const Volume> channels,
                        const PredictOptions& options, ThreadPool& pool);

}  // namespace sagittal::segment
