#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/gzip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLimit = 1 << 20;
  const sagittal::ByteView bytes(data, size);
  try {
    const auto start = sagittal::io::gunzip_start(bytes, 512, "input");
    const auto whole = sagittal::io::gunzip(bytes, kLimit, "input");
    if (whole.size() > kLimit || start.size() > whole.size()) __builtin_trap();
  } catch (const sagittal::Error&) {
  }
  try {
    sagittal::io::zlib_decompress(bytes, 1000, "input");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
