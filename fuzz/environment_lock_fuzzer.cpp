#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "hub/environment/environment_lock.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool builds : {false, true}) {
    try {
      sagittal::hub::check_uv_lock(text, builds);
    } catch (const sagittal::Error&) {
    }
  }
  try {
    sagittal::hub::check_requirements(text);
  } catch (const sagittal::Error&) {
  }
  return 0;
}
