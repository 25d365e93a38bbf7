#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/dicom_pixels.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sagittal::io::PixelFormat format;
  format.rows = format.columns = 32;
  try {
    sagittal::io::decode_jpeg2000({data, size}, format, "input");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
