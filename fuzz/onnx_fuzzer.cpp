#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/onnx/onnx_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    static_cast<void>(sagittal::nn::read_onnx({data, size}, "input"));
  } catch (const sagittal::Error&) {
  }
  return 0;
}
