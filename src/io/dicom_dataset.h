#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "volume/geometry.h"

namespace sagittal::io {

/// A DICOM tag as (group << 16) | element.
using DicomTag = std::uint32_t;

namespace tags {
inline constexpr DicomTag kSopClass = 0x00080016, kSopInstance = 0x00080018, kModality = 0x00080060,
                          kSeriesDescription = 0x0008103E, kSliceThickness = 0x00180050,
                          kSpacingBetweenSlices = 0x00180088, kSeriesUid = 0x0020000E, kSeriesNumber = 0x00200011,
                          kAcquisition = 0x00200012, kInstance = 0x00200013, kPosition = 0x00200032,
                          kOrientation = 0x00200037, kTemporalPosition = 0x00200100, kSamples = 0x00280002,
                          kPhotometric = 0x00280004, kFrames = 0x00280008, kRows = 0x00280010, kColumns = 0x00280011,
                          kPixelSpacing = 0x00280030, kBitsAllocated = 0x00280100, kBitsStored = 0x00280101,
                          kHighBit = 0x00280102, kPixelRepresentation = 0x00280103, kIntercept = 0x00281052,
                          kSlope = 0x00281053, kSharedGroups = 0x52009229, kFrameGroups = 0x52009230,
                          kPlanePosition = 0x00209113, kPlaneOrientation = 0x00209116, kPixelMeasures = 0x00289110,
                          kValueTransformation = 0x00289145, kFrameContent = 0x00209111, kTemporalIndex = 0x00209128,
                          kPixelData = 0x7FE00010, kTransferSyntax = 0x00020010;
}  // namespace tags

/// The elements that say where and how an image is stored; views into the file's bytes. Anything else in a file is
/// passed over.
class DicomDataset {
 public:
  /// Text without padding and control characters; empty where absent.
  std::string text(DicomTag tag) const;
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
