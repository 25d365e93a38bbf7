#pragma once
#include "base/progress.h"
#include "interact/guide_answer.h"

namespace sagittal::interact {

/// The mask of view.box at full resolution. Where the view is thinned, the grey values of its voxels, in the surely
/// found object against those beside it, decide what the answer leaves open. `means` holds the blocks' grey values.
/// Does not depend on the number of threads.
BitVolume sharpen(const Field& answer, const Field& means, const GuideView& view, const NormalisedImage& image,
                  ThreadPool& pool, const RunControl& control);

}  // namespace sagittal::interact
