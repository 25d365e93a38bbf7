#include "io/dicom_dataset.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/header_text.h"

namespace sagittal::io {
namespace {

constexpr std::uint32_t kUndefined = 0xFFFFFFFF;
constexpr DicomTag kItem = 0xFFFEE000, kItemEnd = 0xFFFEE00D, kSequenceEnd = 0xFFFEE0DD;
constexpr int kMaxDepth = 16;
constexpr std::string_view kImplicit = "1.2.840.10008.1.2", kExplicit = "1.2.840.10008.1.2.1",
                           kDeflated = "1.2.840.10008.1.2.1.99", kBigEndian = "1.2.840.10008.1.2.2";

constexpr std::array kImageValues{
    tags::kSopClass,      tags::kSopInstance,   tags::kModality,    tags::kSeriesDescription,    tags::kSliceThickness,
    tags::kSeriesUid,     tags::kSeriesNumber,  tags::kAcquisition, tags::kSpacingBetweenSlices, tags::kInstance,
    tags::kPosition,      tags::kOrientation,   tags::kSamples,     tags::kTemporalPosition,     tags::kPhotometric,
    tags::kFrames,        tags::kRows,          tags::kColumns,     tags::kPixelSpacing,         tags::kBitsAllocated,
    tags::kBitsStored,    tags::kHighBit,       tags::kIntercept,   tags::kPixelRepresentation,  tags::kSlope,
    tags::kTemporalIndex, tags::kTransferSyntax};
constexpr std::array kSegmentationValues{
    tags::kCharacterSet,      tags::kFrameOfReference,   tags::kReferencedClass,  tags::kReferencedInstance,
    tags::kReferencedFrame,   tags::kCodeValue,          tags::kCodeScheme,       tags::kCodeMeaning,
    tags::kLongCodeValue,     tags::kUrnCodeValue,       tags::kSegmentationType, tags::kSegmentNumber,
    tags::kSegmentLabel,      tags::kSegmentDescription, tags::kAlgorithmType,    tags::kAlgorithmName,
    tags::kReferencedSegment, tags::kDisplayCieLab,      tags::kMaxFractional,    tags::kFractionalType,
    tags::kTrackingId,        tags::kTrackingUid};
constexpr std::array kSequences{tags::kSharedGroups,
                                tags::kFrameGroups,
                                tags::kPlanePosition,
                                tags::kPlaneOrientation,
                                tags::kPixelMeasures,
                                tags::kValueTransformation,
                                tags::kFrameContent,
                                tags::kReferencedSeries,
                                tags::kReferencedInstances,
                                tags::kDerivationImage,
                                tags::kSourceImage,
                                tags::kAnatomicRegion,
                                tags::kAnatomicRegionModifier,
                                tags::kSegments,
                                tags::kSegmentCategory,
                                tags::kSegmentIdentification,
                                tags::kSegmentType,
                                tags::kSegmentTypeModifier,
                                tags::kReferencedFrameOfReference,
                                tags::kRtReferencedStudy,
                                tags::kRtReferencedSeries};

template <class Range>
bool contains(const Range& range, DicomTag tag) {
  return std::find(range.begin(), range.end(), tag) != range.end();
}

/// Elements that are kept; searched by halves, for a file may have thousands of others.
bool is_kept(DicomTag tag) {
  static const std::vector<DicomTag> sorted = [] {
    std::vector<DicomTag> all(kImageValues.begin(), kImageValues.end());
    all.insert(all.end(), kSegmentationValues.begin(), kSegmentationValues.end());
    all.insert(all.end(), tags::kSubject.begin(), tags::kSubject.end());
    all.insert(all.end(), tags::kOfSegmentation.begin(), tags::kOfSegmentation.end());
    std::sort(all.begin(), all.end());
    return all;
  }();
  return std::binary_search(sorted.begin(), sorted.end(), tag);
}

bool has_preamble(ByteView file) { return file.size() >= 132 && as_text(file.subspan(128, 4)) == "DICM"; }

bool is_vr(std::string_view text) {
  return text.size() == 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z';
}

bool has_long_length(std::string_view vr) {
  static constexpr std::array<std::string_view, 13> kLong{"OB", "OW", "OF", "OD", "OL", "OV", "SQ",
                                                          "UC", "UR", "UT", "UN", "SV", "UV"};
  return std::find(kLong.begin(), kLong.end(), vr) != kLong.end();
}

}  // namespace

/// Walks the elements of a data set; keeps those listed above.
class DicomParser {
 public:
  DicomParser(ByteView file, std::size_t offset, std::string_view what)
      : file_(file), reader_(file, what), what_(what) {
    reader_.seek(offset);
  }

  void set_encoding(bool explicit_vr, bool big_endian) {
    explicit_ = explicit_vr;
    big_endian_ = big_endian;
  }

  /// The elements of group 2, always explicit and little-endian.
  DicomDataset parse_meta() {
    DicomDataset dataset;
    while (reader_.remaining() >= 8 && file_[reader_.offset()] == 2 && file_[reader_.offset() + 1] == 0) {
      parse_element(dataset, read_header(), 0);
    }
    return dataset;
  }

  /// Up to the pixel element or the end of the file.
  void parse_main(DicomFile& out) {
    out.dataset.big_endian_ = big_endian_;
    while (!reader_.at_end()) {
      const Header header = read_header();
      if (header.tag == tags::kPixelData) {
        out.has_pixels = true;
        out.encapsulated = header.length == kUndefined;
        out.pixels = reader_.take(std::min<std::size_t>(reader_.remaining(), header.length));
        return;
      }
      parse_element(out.dataset, header, 0);
    }
  }

 private:
  struct Header {
    DicomTag tag = 0;
    std::uint32_t length = 0;
    bool unknown = false;  // VR UN
  };

  [[noreturn]] void reject(std::string_view why) const {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not valid DICOM at byte {}: {}", what_, reader_.offset(), why));
  }
  std::uint32_t number(int bytes) {
    const ByteView view = reader_.take(static_cast<std::size_t>(bytes));
    std::uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      const int at = big_endian_ ? i : bytes - 1 - i;
      value = (value << 8) | view[static_cast<std::size_t>(at)];
    }
    return value;
  }
  DicomTag read_tag() {
    const DicomTag group = number(2);
    return (group << 16) | number(2);
  }
  Header read_header() {
    Header header;
    header.tag = read_tag();
    if (!explicit_ || (header.tag >> 16) == 0xFFFE) {
      header.length = number(4);
      return header;
    }
    const std::string_view vr = as_text(reader_.take(2));
    if (!is_vr(vr)) reject(fmt::format("element {:08x} has no value representation", header.tag));
    header.unknown = vr == "UN";
    if (has_long_length(vr)) reader_.take(2);
    header.length = number(has_long_length(vr) ? 4 : 2);
    return header;
  }

  void parse_element(DicomDataset& dataset, const Header& header, int depth) {
    const bool wanted_sequence = contains(kSequences, header.tag);
    if (header.length == kUndefined || wanted_sequence) {
      const bool outer = std::exchange(explicit_, explicit_ && !header.unknown);  // UN hides an implicit sequence
      auto items = parse_sequence(header.length, depth + 1);
      explicit_ = outer;
      if (wanted_sequence) dataset.sequences_.emplace(header.tag, std::move(items));
      return;
    }
    const ByteView value = reader_.take(header.length);
    if (is_kept(header.tag)) dataset.values_.emplace(header.tag, value);
  }

  std::vector<DicomDataset> parse_sequence(std::uint32_t length, int depth) {
    if (depth > kMaxDepth) reject(fmt::format("sequences nest deeper than {}", kMaxDepth));
    if (length != kUndefined && length > reader_.remaining()) reject("a sequence goes beyond the end of the file");
    const std::size_t end = length == kUndefined ? file_.size() : reader_.offset() + length;
    std::vector<DicomDataset> items;
    while (reader_.offset() < end) {
      const DicomTag tag = read_tag();
      const std::uint32_t item_length = number(4);
      if (tag == kSequenceEnd && length == kUndefined) return items;
      if (tag != kItem) reject(fmt::format("expected an item, found {:08x}", tag));
      items.push_back(parse_item(item_length, depth));
    }
    if (length == kUndefined) reject("a sequence does not end");
    return items;
  }

  DicomDataset parse_item(std::uint32_t length, int depth) {
    if (length != kUndefined && length > reader_.remaining()) reject("an item goes beyond the end of the file");
    const std::size_t end = length == kUndefined ? file_.size() : reader_.offset() + length;
    DicomDataset dataset;
    dataset.big_endian_ = big_endian_;
    while (reader_.offset() < end) {
      const Header header = read_header();
      if (header.tag == kItemEnd && length == kUndefined) return dataset;
      parse_element(dataset, header, depth);
    }
    if (length == kUndefined) reject("an item does not end");
    return dataset;
  }

  ByteView file_;
  ByteReader reader_;
  std::string_view what_;
  bool explicit_ = true;
  bool big_endian_ = false;
};

std::string DicomDataset::text(DicomTag tag) const {
  const auto found = values_.find(tag);
  if (found == values_.end()) return {};
  std::string clean(as_text(found->second));
  for (char& c : clean) {
    if (c < ' ' || c > '~') c = c == 0 ? ' ' : '?';  // other character sets are not decoded
  }
  return std::string(trimmed(clean));
}

std::string DicomDataset::stored_text(DicomTag tag) const {
  const auto found = values_.find(tag);
  if (found == values_.end()) return {};
  std::string_view text = as_text(found->second);
  while (!text.empty() && (text.back() == ' ' || text.back() == 0)) text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::uint16_t> DicomDataset::words(DicomTag tag) const {
  const auto found = values_.find(tag);
  if (found == values_.end()) return {};
  std::vector<std::uint16_t> out;
  for (std::size_t at = 0; at + 2 <= found->second.size(); at += 2) {
    const int low = found->second[at + (big_endian_ ? 1 : 0)], high = found->second[at + (big_endian_ ? 0 : 1)];
    out.push_back(static_cast<std::uint16_t>(high << 8 | low));
  }
  return out;
}

template <class T>
T DicomDataset::whole(DicomTag tag, T fallback) const {
  const auto found = values_.find(tag);
  if (found == values_.end() || found->second.empty()) return fallback;
  if (found->second.size() < sizeof(T)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("element {:08x} has {} bytes, expected {}", tag, found->second.size(), sizeof(T)));
  }
  std::array<std::uint8_t, sizeof(T)> bytes{};
  std::copy_n(found->second.begin(), sizeof(T), bytes.begin());
  if (big_endian_) std::reverse(bytes.begin(), bytes.end());
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

std::uint16_t DicomDataset::word(DicomTag tag, std::uint16_t fallback) const { return whole(tag, fallback); }

std::optional<std::uint32_t> DicomDataset::index(DicomTag tag) const {
  if (!values_.contains(tag)) return std::nullopt;
  return whole<std::uint32_t>(tag, 0);
}

std::vector<double> DicomDataset::numbers(DicomTag tag) const {
  std::string list = text(tag);
  std::replace(list.begin(), list.end(), '\\', ' ');
  return numbers_of(list, fmt::format("element {:08x}", tag));
}

double DicomDataset::number(DicomTag tag, double fallback) const {
  const std::vector<double> all = numbers(tag);
  return all.empty() ? fallback : all[0];
}

std::optional<Vec3> DicomDataset::vector(DicomTag tag) const {
  const std::vector<double> all = numbers(tag);
  if (all.size() != 3) return std::nullopt;
  return Vec3{all[0], all[1], all[2]};
}

const std::vector<DicomDataset>& DicomDataset::items(DicomTag tag) const {
  static const std::vector<DicomDataset> none;
  const auto found = sequences_.find(tag);
  return found == sequences_.end() ? none : found->second;
}

const DicomDataset* DicomDataset::item(DicomTag tag) const {
  const auto& all = items(tag);
  return all.empty() ? nullptr : &all[0];
}

bool looks_like_dicom(ByteView start) {
  if (has_preamble(start)) return true;
  if (start.size() < 16) return false;
  const bool identifying_group = (start[0] == 8 || start[0] == 2) && start[1] == 0 && start[3] == 0;
  const bool short_length = start[5] == 0 && start[6] == 0 && start[7] == 0;  // of an implicit element
  return identifying_group && (is_vr(as_text(start.subspan(4, 2))) || short_length);
}

DicomFile parse_dicom(ByteView file, std::string_view what) {
  if (!looks_like_dicom(file)) throw Error(ErrorCode::bad_input, fmt::format("{}: not a DICOM file", what));
  DicomParser parser(file, has_preamble(file) ? 132 : 0, what);
  DicomFile out;
  out.transfer_syntax = parser.parse_meta().text(tags::kTransferSyntax);
  if (out.transfer_syntax.empty()) {  // no meta group: the first element shows its representation
    const bool explicit_vr = file.size() >= 6 && is_vr(as_text(file.subspan(4, 2)));
    out.transfer_syntax = explicit_vr ? kExplicit : kImplicit;
  }
  if (out.transfer_syntax == kDeflated) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: deflated DICOM; unpack it first, e.g. with dcmconv", what));
  }
  out.big_endian = out.transfer_syntax == kBigEndian;
  parser.set_encoding(out.transfer_syntax != kImplicit, out.big_endian);
  parser.parse_main(out);
  return out;
}

std::vector<Bytes> compressed_frames(const DicomFile& file, std::int64_t frames, std::string_view what) {
  ByteReader reader(file.pixels, what);
  struct Fragment {
    std::size_t offset;  // behind the offset table
    ByteView bytes;
  };
  std::vector<Fragment> fragments;
  ByteView offset_table;
  std::size_t first = 0;
  for (bool is_table = true;; is_table = false) {
    const std::size_t at = reader.offset();
    const auto group = reader.read<std::uint16_t>();
    const DicomTag tag = (static_cast<DicomTag>(group) << 16) | reader.read<std::uint16_t>();
    const auto length = reader.read<std::uint32_t>();
    if (tag == kSequenceEnd) break;
    if (tag != kItem)
      throw Error(ErrorCode::bad_input, fmt::format("{}: expected a fragment of pixels, found {:08x}", what, tag));
    const ByteView bytes = reader.take(length);
    is_table ? void(offset_table = bytes) : fragments.push_back({at - first, bytes});
    if (is_table) first = reader.offset();
  }
  std::vector<Bytes> out(static_cast<std::size_t>(frames));
  const bool one_each = fragments.size() == out.size();
  const bool by_table = !one_each && frames > 1 && offset_table.size() / 4 == out.size();
  if (fragments.size() < out.size() || (!one_each && !by_table && frames != 1)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: {} fragments of pixels for {} frames", what, fragments.size(), frames));
  }
  std::size_t frame = 0;
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    if (one_each) frame = i;
    while (by_table && frame + 1 < out.size()) {
      std::uint32_t next = 0;
      std::memcpy(&next, offset_table.data() + 4 * (frame + 1), sizeof(next));
      if (fragments[i].offset < next) break;
      ++frame;
    }
    out[frame].insert(out[frame].end(), fragments[i].bytes.begin(), fragments[i].bytes.end());
  }
  return out;
}

}  // namespace sagittal::io
