#pragma once
#include <cstdint>

#include "interact/model.h"

namespace sagittal::interact {

/// What predictions with a model take beside the session, in bytes: of the network that answers.
struct ModelMemory {
  std::uint64_t weights = 0;  ///< prepared, shared by all
  std::uint64_t maps = 0;     ///< of each pass, out of `Workspace::arenas`
  std::uint64_t patch = 0;    ///< of each prediction, out of `Workspace::scratch`: input and logits
  std::uint64_t work = 0;     ///< of each prediction at most, from nowhere in particular
};

/// Throws as `nn::Network::memory`, which may measure kernels for it.
ModelMemory memory_of(const Model& model);

/// Bytes of a pass's input, over which its logits lie.
std::size_t patch_bytes(const nn::Network& network, const Index3& size);

}  // namespace sagittal::interact
