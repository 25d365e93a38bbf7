#include "base/recycled.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>

namespace sagittal {
namespace {

constexpr std::size_t kLeast = std::size_t{64} << 10;  ///< smaller blocks are malloc's affair
constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// All blocks of one size class are alike; the next class is at most an eighth larger.
std::size_t size_class(std::size_t bytes) {
  const std::size_t unit = std::max(kLeast, std::bit_floor(bytes) / 8);
  return (bytes + unit - 1) / unit * unit;
}

std::align_val_t alignment_of(std::size_t size) { return size < kHugePage ? kAlignment : std::align_val_t{kHugePage}; }

void* take_new(std::size_t size) {
  void* memory = ::operator new(size, alignment_of(size));
  if (size >= kHugePage) ::madvise(memory, size / kHugePage * kHugePage, MADV_HUGEPAGE);
  return memory;
}

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
  return take_new(size);
}

void give_recycled(void* memory, std::size_t bytes) noexcept {
  const std::size_t size = bytes < kLeast ? bytes : size_class(bytes);
  if (bytes >= kLeast) {
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
  ::operator delete(memory, alignment_of(size));
}

}  // namespace sagittal
