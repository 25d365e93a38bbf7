#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/keras/convert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    static_cast<void>(sagittal::nn::convert_keras({data, size}, {"input", {}, {}}, "input"));
  } catch (const sagittal::Error&) {
  }
  return 0;
}
