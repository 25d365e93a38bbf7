#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "nn/dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto dataset = sagittal::nn::parse_dataset(sagittal::as_text({data, size}), "fuzz");
    for (int label = 0; label <= dataset.heads(); ++label) dataset.name_of(label);
  } catch (const sagittal::Error&) {
  }
  return 0;
}
