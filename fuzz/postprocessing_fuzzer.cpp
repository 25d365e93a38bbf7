#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/error.h"
#include "segment/postprocess.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    sagittal::segment::parse_postprocessing(sagittal::as_text({data, size}), "fuzz");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
