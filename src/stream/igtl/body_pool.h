#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"

namespace sagittal::igtl {

/// Memory for bodies of messages that comes back once nobody holds a body, with its pages present. Any thread.
class BodyPool : public std::enable_shared_from_this<BodyPool> {
 public:
  /// Keeps at most `idle_bytes` for later.
  explicit BodyPool(std::uint64_t idle_bytes) : idle_bytes_limit_(idle_bytes) {}

  /// The first `size` bytes are the taker's. Outlives the pool's other users.
  class Body {
   public:
    Body(std::shared_ptr<BodyPool> pool, Buffer memory, std::size_t size)
        : pool_(std::move(pool)), memory_(std::move(memory)), size_(size) {}
    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;
    ~Body() { pool_->give_back(std::move(memory_)); }

    std::span<std::uint8_t> bytes() { return memory_.as<std::uint8_t>().first(size_); }
    ByteView bytes() const { return memory_.as<std::uint8_t>().first(size_); }

   private:
    std::shared_ptr<BodyPool> pool_;
    Buffer memory_;
    std::size_t size_;
  };
  std::shared_ptr<Body> take(std::size_t size);

 private:
  void give_back(Buffer memory) noexcept;

  const std::uint64_t idle_bytes_limit_;
  std::mutex mutex_;
  std::vector<Buffer> idle_;  // these are guarded by mutex_; the one that waits longest first
  std::uint64_t idle_bytes_ = 0;
};

}  // namespace sagittal::igtl
