#include "stream/igtl/body_pool.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace sagittal::igtl {
namespace {

constexpr std::size_t kPooled = std::size_t{64} << 10;  // smaller ones are the allocator's business

/// Eight sizes for each power of two, so that frames that differ little share memory.
std::size_t rounded(std::size_t size) {
  const std::size_t step = std::bit_floor(size) / 8;
  return (size + step - 1) / step * step;
}

}  // namespace

std::shared_ptr<BodyPool::Body> BodyPool::take(std::size_t size) {
  if (size < kPooled) return std::make_shared<Body>(shared_from_this(), Buffer(size), size);
  const std::size_t wanted = rounded(size);
  Buffer memory;
  {
    const std::lock_guard lock(mutex_);
    // The last that came back is the warmest.
    const auto found =
        std::find_if(idle_.rbegin(), idle_.rend(), [&](const Buffer& one) { return one.size() == wanted; });
    if (found != idle_.rend()) {
      memory = std::move(*found);
      idle_.erase(std::next(found).base());
      idle_bytes_ -= wanted;
    }
  }
  if (memory.size() == 0) memory = Buffer(wanted);
  return std::make_shared<Body>(shared_from_this(), std::move(memory), size);
}

void BodyPool::give_back(Buffer memory) noexcept {
  if (memory.size() < kPooled || memory.size() > idle_bytes_limit_) return;
  const std::lock_guard lock(mutex_);
  try {
    idle_.reserve(idle_.size() + 1);
  } catch (const std::bad_alloc&) {
    return;
  }
  idle_bytes_ += memory.size();
  idle_.push_back(std::move(memory));
  std::size_t oldest = 0;
  while (idle_bytes_ > idle_bytes_limit_) idle_bytes_ -= idle_[oldest++].size();
  idle_.erase(idle_.begin(), idle_.begin() + static_cast<std::ptrdiff_t>(oldest));
}

}  // namespace sagittal::igtl
