#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "io/dicom_tags.h"
#include "volume/geometry.h"

namespace sagittal::io {

/// The elements that say where and how an image is stored; views into the file's bytes. Anything else in a file is
/// passed over.
class DicomDataset {
 public:
  /// Text without padding and control characters; empty where absent.
  std::string text(DicomTag tag) const;
  /// The same as it is stored, in the character set of the file.
  std::string stored_text(DicomTag tag) const;
  /// The US elements; none where absent.
  std::vector<std::uint16_t> words(DicomTag tag) const;
  /// A US element, or `fallback` where absent. Error(bad_input) for another length.
  std::uint16_t word(DicomTag tag, std::uint16_t fallback) const;
  /// Decimal or integer strings; nothing where absent or empty. Error(bad_input) for what is no number.
  std::vector<double> numbers(DicomTag tag) const;
  double number(DicomTag tag, double fallback) const;
  /// A UL element.
  std::optional<std::uint32_t> index(DicomTag tag) const;
  std::optional<Vec3> vector(DicomTag tag) const;
  /// The items of a sequence; none where absent.
  const std::vector<DicomDataset>& items(DicomTag tag) const;
  /// The first item of a sequence, or nullptr.
  const DicomDataset* item(DicomTag tag) const;

 private:
  friend class DicomParser;
  template <class T>
  T whole(DicomTag tag, T fallback) const;
  std::map<DicomTag, ByteView> values_;
  std::map<DicomTag, std::vector<DicomDataset>> sequences_;
  bool big_endian_ = false;
};

struct DicomFile {
  std::string transfer_syntax;
  DicomDataset dataset;
  bool has_pixels = false;
  bool big_endian = false;
  bool encapsulated = false;
  ByteView pixels{};  ///< from the first byte of the pixel element's value: to its end, or that of the file
};

bool looks_like_dicom(ByteView start);

/// Reads up to the pixel element, which may be truncated. Understands explicit and implicit VR, either byte order, and
/// files without preamble. Sequences may nest 16 deep. Error(bad_input | unsupported) names `what`.
DicomFile parse_dicom(ByteView file, std::string_view what);

/// The compressed bytes of each frame, its fragments joined. Error(bad_input | unsupported) where they do not add up.
std::vector<Bytes> compressed_frames(const DicomFile& file, std::int64_t frames, std::string_view what);

}  // namespace sagittal::io
