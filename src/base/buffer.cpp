#include "base/buffer.h"

#include <sys/mman.h>

#include <new>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

[[noreturn]] void throw_no_memory(std::size_t size) {
  throw Error(ErrorCode::too_large, fmt::format("no memory for {} bytes", size));
}
}  // namespace

Buffer::Buffer(std::size_t size_bytes) : size_(size_bytes) {
  if (size_ == 0) return;
  if (size_ < kHugePage) {
    data_ = static_cast<std::byte*>(::operator new (size_, std::align_val_t{kAlignment}, std::nothrow));
    if (data_ == nullptr) throw_no_memory(size_);
    return;
  }
  if (size_ > SIZE_MAX - kHugePage) throw_no_memory(size_);
  mapped_ = (size_ + kHugePage - 1) / kHugePage * kHugePage;
  void* mapped = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw_no_memory(size_);
  ::madvise(mapped, mapped_, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(mapped);
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

Buffer::~Buffer() { release(); }

void Buffer::release() noexcept {
  if (data_ == nullptr) return;
  if (mapped_ > 0) {
    ::munmap(data_, mapped_);
  } else {
    ::operator delete (data_, std::align_val_t{kAlignment});
  }
}

}  // namespace sagittal
