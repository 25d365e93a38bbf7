#pragma once
#include <cstddef>
#include <span>

namespace sagittal {

/// Owner of uninitialised memory, aligned to 64 bytes; from 2 MiB on, backed by huge pages where the kernel grants them
/// and zero-filled by it. Move-only. Throws Error(too_large) when the system has no such memory.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size_bytes);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  std::size_t size() const { return size_; }
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }

  /// Keeps the first `size_bytes`, at most size(); the rest of the memory stays reserved.
  void truncate(std::size_t size_bytes) { size_ = size_bytes < size_ ? size_bytes : size_; }

  /// The memory as `size() / sizeof(T)` values of a trivial type.
  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data_), size_ / sizeof(T)};
  }

 private:
  void release() noexcept;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;  // 0: from operator new
};

}  // namespace sagittal
