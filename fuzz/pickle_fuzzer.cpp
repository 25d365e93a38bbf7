#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/pickle.h"
#include "nn/plain_pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const sagittal::nn::Pickle pickle({data, size}, "fuzz");
    pickle.root().find("network_weights");
    sagittal::nn::json_of(pickle.root(), "fuzz");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
