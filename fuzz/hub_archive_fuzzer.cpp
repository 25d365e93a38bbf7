#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "hub/model_source.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    sagittal::hub::find_in_bytes({data, size});
  } catch (const sagittal::Error&) {
  }
  return 0;
}
