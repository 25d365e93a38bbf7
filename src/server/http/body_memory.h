#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/buffer.h"
#include "base/error.h"
#include "server/http/request.h"

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
  ~BodyMemory() { budget_->used -= size_; }

  std::size_t size() const { return size_; }
  std::size_t room() const { return buffer_.size() - size_; }
  char* end() { return reinterpret_cast<char*>(buffer_.data()) + size_; }

  /// Counts `bytes` that were written at `end()`. Throws Error(unavailable) beyond the budget.
  void add(std::size_t bytes) {
    size_ += bytes;
    if ((budget_->used += bytes) > budget_->limit) {
      throw Error(ErrorCode::unavailable, "too many uploads at once for this server's memory; try again in a minute");
    }
  }

  /// Copies bytes to `end()`, uncounted, and makes room for them where the length was not known before.
  void append(const char* from, std::size_t bytes) {
    if (bytes > room()) {
      Buffer larger(std::max(size_ + bytes, 2 * buffer_.size()));
      std::copy_n(buffer_.data(), size_, larger.data());
      buffer_ = std::move(larger);
    }
    std::copy_n(from, bytes, end());
  }

  static Body to_body(std::shared_ptr<BodyMemory> memory) {
    const std::size_t size = memory->size_;
    const Buffer* buffer = &memory->buffer_;
    return Body(std::shared_ptr<const Buffer>(std::move(memory), buffer), size);
  }

 private:
  std::shared_ptr<BodyBudget> budget_;
  Buffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace sagittal::server::http
