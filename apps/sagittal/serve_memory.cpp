#include "serve_memory.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/machine.h"
#include "base/recycled.h"
#include "base/text.h"
#include "interact/model_memory.h"
#include "server/http/work_queue.h"

namespace sagittal {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kProgram = 128 * kMiB + kIdleRecycled;  ///< code, kernels, stacks, and what waits to be reused
constexpr std::uint64_t kSmallest = 64 * kMiB;                  ///< of sessions, requests and further predictions

/// Half for sessions, a quarter for requests in flight, a quarter for predictions beside the first.
MemoryShares divided(std::uint64_t bytes, const interact::ModelMemory& one) {
  return {bytes / 2, bytes / 4, one.maps + bytes / 16 * 3, one.patch + bytes / 16};
}

/// All weights, and what one prediction takes, with whichever model.
interact::ModelMemory needs_of(const server::Models& models) {
  interact::ModelMemory sum;
  for (const auto& model : models) {
    const interact::ModelMemory needed = interact::memory_of(*model);
    sum.weights += needed.weights;
    sum.maps = std::max(sum.maps, needed.maps);
    sum.patch = std::max(sum.patch, needed.patch);
    sum.work = std::max(sum.work, needed.work);
  }
  sum.work *= static_cast<std::uint64_t>(server::http::WorkQueue::Limits{}.heavy);
  return sum;
}

/// As the option takes it, not less than it is.
std::string option_text(std::uint64_t bytes) { return fmt::format("{}MiB", (bytes + kMiB - 1) / kMiB); }

MemoryShares divide_machine(const server::Models& models) {
  std::uint64_t weights = 0;
  for (const auto& model : models) weights += model->weight_bytes;
  const std::uint64_t all = inspect_machine().memory_limit_bytes;
  if (weights <= all / 2) return divided(all - weights, {});
  throw Error(ErrorCode::too_large,
              fmt::format("the weights of {} take {}, more than half of this machine's memory of {}", models.names(),
                          size_text(weights), size_text(all)));
}

}  // namespace

MemoryShares divide_memory(const server::Models& models, std::uint64_t limit) {
  if (limit == 0) return divide_machine(models);
  const interact::ModelMemory needed = needs_of(models);
  const std::uint64_t prediction = needed.maps + needed.patch + needed.work;
  const std::uint64_t fixed = kProgram + needed.weights + prediction;
  if (limit >= fixed + kSmallest) return divided(limit - fixed, needed);
  throw Error(ErrorCode::too_large,
              fmt::format("--memory-limit {}: this server needs at least {}: {} for the program, {} for the weights of "
                          "{}, {} for one prediction at a time, {} for images and requests",
                          size_text(limit), option_text(fixed + kSmallest), size_text(kProgram),
                          size_text(needed.weights), models.names(), size_text(prediction), size_text(kSmallest)));
}

}  // namespace sagittal
