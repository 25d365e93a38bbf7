#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "io/dicom_dataset.h"

namespace sagittal::io {

/// How the pixels of one frame are stored.
struct PixelFormat {
  std::uint16_t rows = 0, columns = 0;
  std::uint16_t bits_allocated = 16, bits_stored = 16, high_bit = 15;
  bool is_signed = false;
  std::string transfer_syntax;

  std::size_t pixels() const { return std::size_t{rows} * columns; }
  std::size_t frame_bytes() const { return pixels() * bits_allocated / 8; }
};

/// Error(unsupported) for colour, bit masks and other pixels that are no grey values of 8, 16 or 32 bits.
PixelFormat pixel_format(const DicomFile& file, std::string_view what);

/// Decodes frames of one file: raw, RLE, JPEG (baseline to lossless), JPEG-LS and JPEG 2000. Keeps views into it.
class FrameDecoder {
 public:
  FrameDecoder(const DicomFile& file, PixelFormat format, std::int64_t frames, std::string what);

  /// The stored values of one frame, row by row, sign and unused bits resolved. Error(bad_input | unsupported).
  std::vector<std::int32_t> decode(std::int64_t frame) const;

 private:
  Bytes stored_frame(std::int64_t frame) const;
  const DicomFile& file_;
  PixelFormat format_;
  std::string what_;
  std::vector<Bytes> compressed_;
};

/// One compressed frame in the transfer syntax of `format`, as bytes of bits_allocated each. Error(bad_input |
/// unsupported).
Bytes decode_frame(const Bytes& frame, const PixelFormat& format, std::string_view what);

/// One grey JPEG 2000 image of the size and depth of `format`, as bytes of bits_allocated each.
Bytes decode_jpeg2000(ByteView codestream, const PixelFormat& format, std::string_view what);

/// The same for RLE (DICOM PS3.5 annex G); our own, because DCMTK 3.6.7 reads past the end of forged segments.
Bytes decode_rle(ByteView frame, const PixelFormat& format, std::string_view what);

/// The same for JPEG and JPEG-LS.
Bytes decode_with_dcmtk(const Bytes& frame, const PixelFormat& format, std::string_view what);

}  // namespace sagittal::io
