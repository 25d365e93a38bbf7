#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto array = sagittal::io::read_npy({data, size}, "input");
    if (array.data.size() > size) __builtin_trap();
  } catch (const sagittal::Error&) {
  }
  return 0;
}
