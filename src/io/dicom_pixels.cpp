#include "io/dicom_pixels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/byte_order.h"

namespace sagittal::io {
namespace {

constexpr std::string_view kRle = "1.2.840.10008.1.2.5";
constexpr std::array<std::string_view, 5> kJpeg2000{"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
                                                    "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202",
                                                    "1.2.840.10008.1.2.4.203"};
constexpr std::array<std::string_view, 6> kDcmtk{"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51",
                                                 "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",
                                                 "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"};

template <class Range>
bool contains(const Range& range, std::string_view uid) {
  return std::find(range.begin(), range.end(), uid) != range.end();
}

/// Sign-extends or masks the bits that are stored.
template <class Word>
void resolve_bits(const Bytes& stored, const PixelFormat& f, std::vector<std::int32_t>& out) {
  const int up = 31 - f.high_bit, down = 32 - f.bits_stored;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Word word;
    std::memcpy(&word, stored.data() + i * sizeof(Word), sizeof(Word));
    const std::uint32_t raised = static_cast<std::uint32_t>(word) << up;
    out[i] = f.is_signed ? static_cast<std::int32_t>(raised) >> down : static_cast<std::int32_t>(raised >> down);
  }
}

}  // namespace

PixelFormat pixel_format(const DicomFile& file, std::string_view what) {
  const DicomDataset& d = file.dataset;
  PixelFormat f;
  f.rows = d.word(tags::kRows, 0);
  f.columns = d.word(tags::kColumns, 0);
  f.bits_allocated = d.word(tags::kBitsAllocated, 0);
  f.bits_stored = d.word(tags::kBitsStored, f.bits_allocated);
  f.high_bit = d.word(tags::kHighBit, static_cast<std::uint16_t>(f.bits_stored - 1));
  f.is_signed = d.word(tags::kPixelRepresentation, 0) != 0;
  f.transfer_syntax = file.transfer_syntax;
  if (f.rows == 0 || f.columns == 0)
    throw Error(ErrorCode::bad_input, fmt::format("{}: an image without rows or columns", what));
  const std::string photometric = d.text(tags::kPhotometric);
  const bool grey = d.word(tags::kSamples, 1) == 1 && !photometric.starts_with("PALETTE");
  if (!grey) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: colour pixels ({}), expected grey values", what, photometric));
  }
  const bool known = f.bits_allocated == 8 || f.bits_allocated == 16 || f.bits_allocated == 32;
  if (!known) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: {} bits per pixel, expected 8, 16 or 32", what, f.bits_allocated));
  }
  if (f.bits_stored < 1 || f.high_bit >= f.bits_allocated || f.bits_stored > f.high_bit + 1) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} bits stored below bit {} of {}", what, f.bits_stored,
                                                  f.high_bit, f.bits_allocated));
  }
  if (f.bits_stored == 32 && !f.is_signed) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: unsigned pixels of 32 bits", what));
  }
  return f;
}

Bytes decode_frame(const Bytes& frame, const PixelFormat& format, std::string_view what) {
  const std::string& syntax = format.transfer_syntax;
  if (syntax == kRle) return decode_rle(frame, format, what);
  if (contains(kJpeg2000, syntax)) return decode_jpeg2000(frame, format, what);
  if (contains(kDcmtk, syntax)) return decode_with_dcmtk(frame, format, what);
  throw Error(ErrorCode::unsupported,
              fmt::format("{}: transfer syntax {} is not supported; decompress it first, e.g. with gdcmconv --raw",
                          what, syntax));
}

FrameDecoder::FrameDecoder(const DicomFile& file, PixelFormat format, std::int64_t frames, std::string what)
    : file_(file), format_(std::move(format)), what_(std::move(what)) {
  if (file.encapsulated) compressed_ = compressed_frames(file, frames, what_);
}

Bytes FrameDecoder::stored_frame(std::int64_t frame) const {
  const auto index = static_cast<std::size_t>(frame);
  if (file_.encapsulated) return decode_frame(compressed_.at(index), format_, what_);
  ByteReader reader(file_.pixels, what_);
  const std::size_t bytes = format_.frame_bytes();
  if (index > 0) reader.take(checked_product(index, bytes, what_));
  const ByteView view = reader.take(bytes);
  Bytes stored(view.begin(), view.end());
  if (file_.big_endian) swap_byte_order(std::as_writable_bytes(std::span(stored)), format_.bits_allocated / 8);
  return stored;
}

std::vector<std::int32_t> FrameDecoder::decode(std::int64_t frame) const {
  const Bytes stored = stored_frame(frame);
  std::vector<std::int32_t> out(format_.pixels());
  if (format_.bits_allocated == 8) resolve_bits<std::uint8_t>(stored, format_, out);
  if (format_.bits_allocated == 16) resolve_bits<std::uint16_t>(stored, format_, out);
  if (format_.bits_allocated == 32) resolve_bits<std::uint32_t>(stored, format_, out);
  return out;
}

}  // namespace sagittal::io
