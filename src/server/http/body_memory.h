#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

namespace sagittal::server::http {

/// The bytes that all request bodies in memory may have together.
struct BodyBudget {
  explicit BodyBudget(std::uint64_t most) : limit(most) {}
  const std::uint64_t limit;
  std::atomic<std::uint64_t> used{0};
};

/// One body while it is being received. What has arrived counts against the budget until the last copy of the `Body` is
/// gone; memory only reserved does not, it costs nothing before it is filled.
class BodyMemory {
 public:
  /// Throws Error(too_large) where the system has no `reserved` bytes.
  BodyMemory(std::shared_ptr<BodyBudget> budget, std::size_t reserved)
      : budget_(std::move(budget)), buffer_(reserved) {}
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;
  ~BodyMemory() { uncount(); }

  std::size_t size() const { return size_; }
  ByteView bytes() const { return {reinterpret_cast<const std::uint8_t*>(buffer_.data()), size_}; }
  std::size_t room() const { return buffer_.size() - size_; }
  char* end() { return reinterpret_cast<char*>(buffer_.data()) + size_; }

  /// Counts `bytes` that were written at `end()`. Throws Error(unavailable) beyond the budget.
  void add(std::size_t bytes) {
    size_ += bytes;
    counted_ += bytes;
    if ((budget_->used += bytes) > budget_->limit) {
      throw Error(ErrorCode::unavailable, "too many uploads at once for this server's memory; try again in a minute");
    }
  }

  /// The budget is free of what arrived. From any thread.
  void uncount() { budget_->used -= counted_.exchange(0); }

  /// Copies bytes to `end()`, uncounted, and makes room for them where the length was not known before.
  void append(const char* from, std::size_t bytes) {
    if (bytes > room()) {
      Buffer larger(std::max(size_ + bytes, 2 * buffer_.size()));
      std::copy_n(buffer_.data(), size_, larger.data());
      buffer_ = std::move(larger);
    }
    std::copy_n(from, bytes, end());
  }

 private:
  std::shared_ptr<BodyBudget> budget_;
  Buffer buffer_;
  std::size_t size_ = 0;
  std::atomic<std::size_t> counted_ = 0;
};

}  // namespace sagittal::server::http
