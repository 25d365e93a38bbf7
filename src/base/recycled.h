#pragma once
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace sagittal {

/// Memory of at least `bytes`, for vectors that come and go: large blocks wait for the next who needs as much, so that
/// their pages are not cleared by the kernel again; from 2 MiB on in huge pages where it grants them. At most
/// kIdleRecycled bytes wait. Any thread. Throws std::bad_alloc.
void* take_recycled(std::size_t bytes);
void give_recycled(void* memory, std::size_t bytes) noexcept;
inline constexpr std::size_t kIdleRecycled = std::size_t{256} << 20;

/// An allocator over them. Values that are not given stay what the memory held: `RecycledVector<T>(n)` fills nothing.
template <class T>
struct Recycled {
  using value_type = T;
  Recycled() = default;
  template <class U>
  Recycled(const Recycled<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(take_recycled(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t count) noexcept { give_recycled(memory, count * sizeof(T)); }
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Arguments>
  void construct(U* place, Arguments&&... arguments) {
    ::new (static_cast<void*>(place)) U(std::forward<Arguments>(arguments)...);
  }
  bool operator==(const Recycled&) const { return true; }
};

template <class T>
using RecycledVector = std::vector<T, Recycled<T>>;

}  // namespace sagittal
