#include "base/buffer_pool.h"

#include <algorithm>
#include <chrono>

namespace sagittal {
namespace {
constexpr std::chrono::milliseconds kAskPeriod{20};  // whether who waits is cancelled
}

void BufferPool::limit(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = bytes;
}

Buffer BufferPool::find(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  return find_locked(bytes);
}

void BufferPool::give_back(Buffer buffer) {
  const std::lock_guard lock(mutex_);
  keep_locked(std::move(buffer));
}

Buffer BufferPool::find_locked(std::size_t bytes) {
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

void BufferPool::keep_locked(Buffer buffer) {
  if (buffer.size() == 0) return;
  std::size_t bytes = buffer.size();
  for (const Buffer& other : idle_) bytes += other.size();
  if (bytes <= idle_bytes_ || (always_one_ && idle_.empty())) idle_.push_back(std::move(buffer));
}

Buffer BufferPool::lend(std::size_t bytes, const RunControl& control) {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = came_++;
  waiting_.push_back(mine);
  // What is idle is reused, or released before anything new is made: it never adds to the sum.
  const auto fits = [&] { return borrowed_ == 0 || bytes <= limit_ - std::min(limit_, borrowed_); };
  while (!(waiting_.front() == mine && fits())) {
    changed_.wait_for(lock, kAskPeriod);
    if (!control.cancel.cancelled()) continue;
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), mine));
    changed_.notify_all();
    control.check();
  }
  waiting_.pop_front();
  changed_.notify_all();
  Buffer found = find_locked(bytes);
  borrowed_ += std::max(bytes, found.size());
  return found;
}

void BufferPool::end_loan(Buffer buffer, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  borrowed_ -= bytes;
  keep_locked(std::move(buffer));
  changed_.notify_all();
}

BorrowedBuffer::BorrowedBuffer(BufferPool& pool, std::size_t bytes, const RunControl& control)
    : pool_(pool), buffer_(pool.lend(bytes, control)), bytes_(std::max(bytes, buffer_.size())) {
  if (buffer_.size() > 0) return;
  fresh_ = true;
  try {
    buffer_ = Buffer(bytes);
  } catch (...) {
    pool_.end_loan({}, bytes_);
    throw;
  }
}

}  // namespace sagittal
