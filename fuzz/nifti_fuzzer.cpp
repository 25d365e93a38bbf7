#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/nifti.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto header = sagittal::io::parse_nifti_header({data, size}, "input");
    sagittal::io::read_voxels(header, {data, size}, 0, 1 << 20, "input");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
