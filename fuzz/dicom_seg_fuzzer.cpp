#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/dicom_seg.h"

/// What is read must be writable, and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t limit = 1 << 22;
  try {
    const auto segmentation = sagittal::io::read_dicom_seg({data, size}, limit, "input");
    if (segmentation.geometry.voxel_count() > (1 << 18)) return 0;
    sagittal::io::read_dicom_seg(sagittal::io::write_dicom_seg(segmentation), UINT64_MAX, "input");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
