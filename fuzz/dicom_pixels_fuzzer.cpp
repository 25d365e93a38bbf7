#include <array>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "io/dicom_pixels.h"

// The first byte chooses codec and depth, the second the size; the rest is one compressed frame.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr std::array syntaxes{"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5",    "1.2.840.10008.1.2.4.50",
                                "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
                                "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"};
  sagittal::io::PixelFormat format;
  format.transfer_syntax = syntaxes[data[0] % 8];
  if ((data[0] & 8) != 0) format.bits_allocated = format.bits_stored = 8;
  format.high_bit = static_cast<std::uint16_t>(format.bits_stored - 1);
  format.rows = format.columns = static_cast<std::uint16_t>(1 + data[1] % 64);
  try {
    sagittal::io::decode_frame({data + 2, data + size}, format, "input");
  } catch (const sagittal::Error&) {
  }
  return 0;
}
