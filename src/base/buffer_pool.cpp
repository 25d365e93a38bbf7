#include "base/buffer_pool.h"

namespace sagittal {

Buffer BufferPool::find(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  auto best = idle_.end();
  for (auto it = idle_.begin(); it != idle_.end(); ++it) {
    if (it->size() >= bytes && (best == idle_.end() || it->size() < best->size())) best = it;
  }
  if (best == idle_.end()) {
    idle_.clear();  // too small all of them: do not hold both
    return {};
  }
  Buffer found = std::move(*best);
  idle_.erase(best);
  return found;
}

void BufferPool::give_back(Buffer buffer) {
  if (buffer.size() == 0) return;
  const std::lock_guard lock(mutex_);
  std::size_t bytes = buffer.size();
  for (const Buffer& other : idle_) bytes += other.size();
  if (bytes <= idle_bytes_ || (always_one_ && idle_.empty())) idle_.push_back(std::move(buffer));
}

}  // namespace sagittal
