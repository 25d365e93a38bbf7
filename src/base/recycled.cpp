#include "base/recycled.h"

#include <map>
#include <mutex>

namespace sagittal {
namespace {

constexpr std::size_t kLeast = std::size_t{64} << 10;  ///< smaller blocks are malloc's affair
constexpr std::align_val_t kAlignment{64};

/// All blocks of one size class are alike.
std::size_t size_class(std::size_t bytes) { return (bytes + kLeast - 1) / kLeast * kLeast; }

struct Idle {
  std::mutex mutex;
  std::size_t bytes = 0;
  std::map<std::size_t, std::vector<void*>> blocks;  // by size class
};

Idle& idle() {
  static Idle& all = *new Idle;  // vectors may outlive every static object
  return all;
}

}  // namespace

void* take_recycled(std::size_t bytes) {
  if (bytes < kLeast) return ::operator new(bytes, kAlignment);
  const std::size_t size = size_class(bytes);
  {
    Idle& all = idle();
    const std::lock_guard lock(all.mutex);
    if (const auto found = all.blocks.find(size); found != all.blocks.end() && !found->second.empty()) {
      void* memory = found->second.back();
      found->second.pop_back();
      all.bytes -= size;
      return memory;
    }
  }
  return ::operator new(size, kAlignment);
}

void give_recycled(void* memory, std::size_t bytes) noexcept {
  if (bytes >= kLeast) {
    const std::size_t size = size_class(bytes);
    Idle& all = idle();
    const std::lock_guard lock(all.mutex);
    if (all.bytes + size <= kIdleRecycled) {
      try {
        all.blocks[size].push_back(memory);
        all.bytes += size;
        return;
      } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): then it is given to the system
      }
    }
  }
  ::operator delete(memory, kAlignment);
}

}  // namespace sagittal
