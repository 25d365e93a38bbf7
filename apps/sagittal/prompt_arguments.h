#pragma once
#include <string>
#include <vector>

#include "interact/prompts.h"
#include "volume/volume.h"

namespace sagittal {

/// One prompt as typed: `--point 12,40,7,-` is {"--point", "12,40,7,-"}.
struct PromptArgument {
  std::string option;
  std::string value;
};

/// How coordinates are typed: voxel indices i,j,k of the file, or RAS millimetres.
enum class TypedSpace { index_ijk, world_ras_mm };

/// The prompts that the arguments mean, in their order; masks are read from files. `--prompts FILE` stands for all
/// prompts in that file. Throws Error(wrong_usage) for values that do not parse, Error(bad_input) for masks that lie on
/// another grid.
std::vector<interact::Prompt> read_prompt_arguments(const std::vector<PromptArgument>& arguments, TypedSpace space,
                                                    const Geometry& geometry);

/// A mask file as uint8 0/1. Throws Error(bad_input) unless it lies on the grid `geometry`.
Volume read_mask_on(const std::string& path, const Geometry& geometry);

}  // namespace sagittal
