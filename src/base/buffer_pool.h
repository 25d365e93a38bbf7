#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/progress.h"

namespace sagittal {

/// Memory that waits for the next who needs as much: its pages are present, and no system call is made. Any thread.
class BufferPool {
 public:
  /// Keeps at most `idle_bytes` while nobody uses them; where `always_one`, one buffer whatever its size.
  explicit BufferPool(std::size_t idle_bytes, bool always_one = false)
      : idle_bytes_(idle_bytes), always_one_(always_one) {}

  /// Bounds what is borrowed and idle, together. Who does not fit waits for the others, in the order in which they
  /// came; one alone gets what it asks for.
  void limit(std::size_t bytes);

  /// The smallest that waits and has `bytes` or more; where there is none, the smaller ones are released and the result
  /// is empty. What it holds is what its last user left. Not counted as borrowed.
  Buffer find(std::size_t bytes);
  void give_back(Buffer buffer);

 private:
  friend class BorrowedBuffer;
  /// `find`, once the limit allows it; counted as borrowed until `end_loan`.
  Buffer lend(std::size_t bytes, const RunControl& control);
  void end_loan(Buffer buffer, std::size_t bytes);
  Buffer find_locked(std::size_t bytes);
  void keep_locked(Buffer buffer);

  const std::size_t idle_bytes_;
  const bool always_one_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::vector<Buffer> idle_;
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::size_t borrowed_ = 0;
  std::uint64_t came_ = 0;
  std::deque<std::uint64_t> waiting_;  // by when they came
};

/// Memory from a pool, which must outlive it, for a scope.
class BorrowedBuffer {
 public:
  /// Waits where the pool's limit says so; Error(cancelled) where `control` ends that, Error(too_large) as `Buffer`.
  BorrowedBuffer(BufferPool& pool, std::size_t bytes, const RunControl& control = {});
  BorrowedBuffer(const BorrowedBuffer&) = delete;
  BorrowedBuffer& operator=(const BorrowedBuffer&) = delete;
  ~BorrowedBuffer() { pool_.end_loan(std::move(buffer_), bytes_); }

  std::byte* data() { return buffer_.data(); }
  std::size_t size() const { return buffer_.size(); }
  /// Nobody had it before: its pages are not present.
  bool fresh() const { return fresh_; }
  /// At least as many values as were asked for.
  template <class T>
  std::span<T> as() {
    return buffer_.as<T>();
  }

 private:
  BufferPool& pool_;
  Buffer buffer_;
  std::size_t bytes_;
  bool fresh_ = false;
};

}  // namespace sagittal
