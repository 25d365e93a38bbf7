#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/seg_nrrd.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t limit = 1 << 20;
  try {
    const auto segmentation = sagittal::io::read_seg_nrrd({data, size}, limit, "input");
    if (segmentation.segments.size() <= 16) sagittal::io::write_seg_nrrd(segmentation);
  } catch (const sagittal::Error&) {
  }
  return 0;
}
