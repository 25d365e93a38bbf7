#pragma once
#include <mutex>
#include <utility>
#include <vector>

#include "base/buffer.h"

namespace sagittal {

/// Memory that waits for the next who needs as much: its pages are present, and no system call is made. Any thread.
class BufferPool {
 public:
  /// Keeps at most `idle_bytes` while nobody uses them; where `always_one`, one buffer whatever its size.
  explicit BufferPool(std::size_t idle_bytes, bool always_one = false)
      : idle_bytes_(idle_bytes), always_one_(always_one) {}

  /// The smallest that waits and has `bytes` or more; where there is none, the smaller ones are released and the result
  /// is empty. What it holds is what its last user left.
  Buffer find(std::size_t bytes);
  void give_back(Buffer buffer);

 private:
  const std::size_t idle_bytes_;
  const bool always_one_;
  std::mutex mutex_;
  std::vector<Buffer> idle_;  // guarded by mutex_
};

/// Memory from a pool, which must outlive it, for a scope.
class BorrowedBuffer {
 public:
  BorrowedBuffer(BufferPool& pool, std::size_t bytes) : BorrowedBuffer(pool, pool.find(bytes)) {
    if (buffer_.size() == 0) buffer_ = Buffer(bytes);
  }
  BorrowedBuffer(BufferPool& pool, Buffer buffer) : pool_(pool), buffer_(std::move(buffer)) {}
  BorrowedBuffer(const BorrowedBuffer&) = delete;
  BorrowedBuffer& operator=(const BorrowedBuffer&) = delete;
  ~BorrowedBuffer() { pool_.give_back(std::move(buffer_)); }

  std::byte* data() { return buffer_.data(); }
  /// At least as many values as were asked for.
  template <class T>
  std::span<T> as() {
    return buffer_.as<T>();
  }

 private:
  BufferPool& pool_;
  Buffer buffer_;
};

}  // namespace sagittal
