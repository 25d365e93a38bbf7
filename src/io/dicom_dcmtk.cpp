#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>

#include <memory>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_pixels.h"

namespace sagittal::io {
namespace {

/// DCMTK keeps its decoders and its log in global tables; they are filled once and its log is silenced.
void register_decoders() {
  static const bool once = [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    return true;
  }();
  (void)once;
}

constexpr std::uint8_t kStartOfImage = 0xd8, kStartOfScan = 0xda, kJpegLs = 0xf7;

bool is_jpeg_ls(const PixelFormat& f) {
  return f.transfer_syntax == "1.2.840.10008.1.2.4.80" || f.transfer_syntax == "1.2.840.10008.1.2.4.81";
}

/// SOF0..SOF3 or JPEG-LS: what grey DICOM images are stored in (ITU-T T.81 table B.1, T.87).
bool is_frame_header(std::uint8_t marker, bool jpeg_ls) {
  return jpeg_ls ? marker == kJpegLs : marker >= 0xc0 && marker <= 0xc3;
}

std::uint16_t big_endian_word(ByteView bytes) { return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]); }

/// Precision, rows, columns and components of a frame header, against what the data set says.
bool describes(ByteView header, const PixelFormat& f) {
  return header.size() >= 6 && header[0] >= 2 && header[0] <= f.bits_allocated &&
         big_endian_word(header.subspan(1)) == f.rows && big_endian_word(header.subspan(3)) == f.columns &&
         header[5] == 1;
}

/// DCMTK 3.6.7 searches a stream without a frame header of its kind for ever, so the marker segments are walked here
/// first.
bool is_one_grey_jpeg(ByteView frame, const PixelFormat& f) {
  std::size_t at = 2, frame_headers = 0;
  if (frame.size() < 4 || frame[0] != 0xff || frame[1] != kStartOfImage) return false;
  while (frame.size() - at >= 4 && frame[at] == 0xff) {
    if (frame[at + 1] == 0xff) {  // a fill byte (T.81 B.1.1.2)
      ++at;
      continue;
    }
    const std::uint8_t marker = frame[at + 1];
    const std::size_t length = big_endian_word(frame.subspan(at + 2));
    if (length < 2 || length > frame.size() - at - 2) return false;
    if (marker == kStartOfScan) return frame_headers == 1;
    if (is_frame_header(marker, is_jpeg_ls(f))) {
      if (!describes(frame.subspan(at + 4, length - 2), f)) return false;
      ++frame_headers;
    }
    at += 2 + length;
  }
  return false;
}

/// A data set of one frame, with as much of the image description as the decoders ask for.
void describe(DcmDataset& dataset, const PixelFormat& f) {
  dataset.putAndInsertUint16(DCM_SamplesPerPixel, 1);
  dataset.putAndInsertString(DCM_PhotometricInterpretation, "MONOCHROME2");
  dataset.putAndInsertString(DCM_NumberOfFrames, "1");
  dataset.putAndInsertUint16(DCM_Rows, f.rows);
  dataset.putAndInsertUint16(DCM_Columns, f.columns);
  dataset.putAndInsertUint16(DCM_BitsAllocated, f.bits_allocated);
  dataset.putAndInsertUint16(DCM_BitsStored, f.bits_stored);
  dataset.putAndInsertUint16(DCM_HighBit, f.high_bit);
  dataset.putAndInsertUint16(DCM_PixelRepresentation, f.is_signed ? 1 : 0);
}

void insert_pixels(DcmDataset& dataset, const Bytes& frame, E_TransferSyntax syntax) {
  auto sequence = std::make_unique<DcmPixelSequence>(DCM_PixelSequenceTag);
  sequence->insert(new DcmPixelItem(DCM_PixelItemTag));  // the offset table; the sequence owns its items
  auto item = std::make_unique<DcmPixelItem>(DCM_PixelItemTag);
  item->putUint8Array(frame.data(), static_cast<unsigned long>(frame.size()));
  sequence->insert(item.release());
  auto pixels = std::make_unique<DcmPixelData>(DCM_PixelData);
  pixels->putOriginalRepresentation(syntax, nullptr, sequence.release());
  dataset.insert(pixels.release());
}

}  // namespace

Bytes decode_with_dcmtk(const Bytes& frame, const PixelFormat& format, std::string_view what) {
  if (!is_one_grey_jpeg(frame, format)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: expected a grey JPEG of {}x{} with at most {} bits, found something else", what,
                            format.rows, format.columns, format.bits_allocated));
  }
  register_decoders();
  const DcmXfer syntax(format.transfer_syntax.c_str());
  DcmDataset dataset;
  describe(dataset, format);
  insert_pixels(dataset, frame, syntax.getXfer());
  DcmElement* pixels = nullptr;
  dataset.findAndGetElement(DCM_PixelData, pixels);
  Bytes out((format.frame_bytes() + 1) & ~std::size_t{1});  // DCMTK writes an even number of bytes
  Uint32 fragment = 0;
  OFString colours;
  const OFCondition result =
      pixels->getUncompressedFrame(&dataset, 0, fragment, out.data(), static_cast<Uint32>(out.size()), colours);
  if (result.bad()) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: its compressed pixels cannot be decoded: {}", what, result.text()));
  }
  out.resize(format.frame_bytes());
  return out;
}

}  // namespace sagittal::io
