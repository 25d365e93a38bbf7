#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "io/nnia.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sagittal;
  static ThreadPool pool(1);
  constexpr std::size_t kLimit = 1 << 20;
  try {
    const auto array = io::read_nnia({data, size}, kLimit, "input", pool);
    if (array.data.size() > kLimit) __builtin_trap();
    const std::span<const std::byte> values{array.data.data(), array.data.size()};
    const Bytes written = io::write_nnia(array.type, array.is_bool, array.shape, values, pool);
    const auto again = io::read_nnia(written, kLimit, "written", pool);
    if (again.shape != array.shape || again.data.size() != values.size()) __builtin_trap();
    if (!values.empty() && std::memcmp(again.data.data(), values.data(), values.size()) != 0) __builtin_trap();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) __builtin_trap();
  }
  return 0;
}
