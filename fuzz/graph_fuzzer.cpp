#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "nn/graph/graph.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto graph = sagittal::nn::parse_graph({reinterpret_cast<const char*>(data), size}, "input");
    static_cast<void>(sagittal::nn::parameters_of(graph));
    static_cast<void>(graph.multiply_adds());
  } catch (const sagittal::Error&) {
  }
  return 0;
}
