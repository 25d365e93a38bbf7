#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/metaimage.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto header = sagittal::io::parse_metaimage_header({data, size}, "input");
    sagittal::io::read_voxels(header, {data, size}, 0, 1 << 20, "input");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
