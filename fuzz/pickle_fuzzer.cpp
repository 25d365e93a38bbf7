#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const sagittal::nn::Pickle pickle({data, size}, "fuzz");
    pickle.root().find("network_weights");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
