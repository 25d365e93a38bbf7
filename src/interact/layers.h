#pragma once
#include <vector>

#include "interact/capabilities.h"
#include "interact/mask_grid.h"
#include "interact/prompt_grid.h"

namespace sagittal::interact {

/// What a segment is made of. A copy shares all voxels.
struct Layers {
  std::vector<PromptGrid> prompts;  ///< by interaction channel; that of the previous segmentation is not used
  MaskGrid previous;                ///< the previous segmentation, which the network sees
  MaskGrid mask;                    ///< the answer
  double intensity = 1;             ///< the strength of the newest prompt; the channels are divided by it when read

  Layers() = default;
  Layers(const Index3& shape, int channels)
      : prompts(static_cast<std::size_t>(channels), PromptGrid(shape)), previous(shape), mask(shape) {}
};

}  // namespace sagittal::interact
