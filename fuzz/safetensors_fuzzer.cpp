#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto tensors = sagittal::nn::read_safetensors_bytes({data, size}, nullptr, "input");
    for (const auto& [name, tensor] : tensors.tensors) static_cast<void>(sagittal::nn::to_float(tensor));
    static_cast<void>(sagittal::nn::write_safetensors(tensors));
  } catch (const sagittal::Error&) {
  }
  return 0;
}
