#pragma once
#include <cstdint>

#include "server/state/models.h"

namespace sagittal {

/// What of a server's memory is for what, in bytes; the weights and the program have the rest.
struct MemoryShares {
  std::uint64_t sessions = 0;  ///< images and masks; where nothing is kept on a disk, uploaded files too
  std::uint64_t bodies = 0;    ///< requests in flight
  std::uint64_t maps = 0;      ///< that networks compute in, `interact::Workspace::arenas`
  std::uint64_t patches = 0;   ///< of predictions, `interact::Workspace::scratch`
};

/// `limit`: of the whole process; 0: what this machine has, of which weights may take half. Throws Error(too_large)
/// where it is less than the program, all weights, one prediction and a small session need, and says what they do. A
/// limit makes the models' memory known, for which kernels may be measured the first time on a machine.
MemoryShares divide_memory(const server::Models& models, std::uint64_t limit);

}  // namespace sagittal
