#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/nifti_labels.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sagittal::io::Segmentation segments;
  segments.segments.resize(2);
  segments.segments[1].number = 2;
  try {
    sagittal::io::apply_nifti_labels({data, size}, segments, "input");
    sagittal::io::check_segmentation(segments, "input");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
