#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/device_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    static_cast<void>(sagittal::io::parse_device_set({reinterpret_cast<const char*>(data), size}, "input"));
  } catch (const sagittal::Error&) {
  }
  return 0;
}
