#include "io/sequence_header.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "io/header_text.h"

namespace sagittal::io {
namespace {

constexpr std::int64_t kMaxExtent = 1 << 16;
constexpr std::uint64_t kMaxFrameBytes = std::uint64_t{1} << 28;
constexpr std::size_t kMaxFields = 1 << 20;

struct TypeName {
  std::string_view metaimage, nrrd;
  ScalarType type;
};
constexpr std::array kTypes{TypeName{"MET_UCHAR", "unsigned char", ScalarType::u8},
                            TypeName{"", "uint8", ScalarType::u8},
                            TypeName{"", "uchar", ScalarType::u8},
                            TypeName{"MET_USHORT", "unsigned short", ScalarType::u16},
                            TypeName{"", "uint16", ScalarType::u16},
                            TypeName{"", "ushort", ScalarType::u16},
                            TypeName{"MET_SHORT", "short", ScalarType::i16},
                            TypeName{"", "int16", ScalarType::i16},
                            TypeName{"MET_FLOAT", "float", ScalarType::f32}};

class Reader {
 public:
  Reader(std::istream& file, std::string_view what) : stream_(file), what_(what) {}
  SequenceFile read();

 private:
  [[noreturn]] void reject(const std::string& why, ErrorCode code = ErrorCode::bad_input) const {
    throw Error(code, fmt::format("{}: {}", what_, why));
  }
  bool take_line(std::string& line);
  void read_metaimage();
  void read_metaimage_line(std::string_view name, std::string_view text);
  void read_nrrd();
  void read_nrrd_line(std::string_view name, std::string_view text);
  void add_field(std::string_view name, std::string_view text);
  void set_type(std::string_view name, std::string_view TypeName::*column);
  void set_sizes(std::vector<std::int64_t> sizes);

  std::istream& stream_;
  std::string what_;
  SequenceFile file_;
  std::uint64_t taken_ = 0;
  std::size_t fields_ = 0;
  std::vector<std::int64_t> sizes_;
  std::string kinds_;
  bool ended_ = false;
};

/// Up to and without the line's end; false at the end of the file.
bool Reader::take_line(std::string& line) {
  line.clear();
  for (int c = stream_.get(); c != std::istream::traits_type::eof(); c = stream_.get()) {
    if (++taken_ > kMaxSequenceHeader) reject("its header is longer than 64 MiB", ErrorCode::too_large);
    if (c == '\n') {
      if (line.ends_with('\r')) line.pop_back();
      return true;
    }
    line.push_back(static_cast<char>(c));
  }
  return false;
}

void Reader::set_type(std::string_view name, std::string_view TypeName::*column) {
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(),
                                   [&](const TypeName& row) { return !name.empty() && row.*column == name; });
  if (found == kTypes.end()) {
    reject(fmt::format("frames of type \"{}\"; expected 8 or 16 bits or float", name.substr(0, 40)),
           ErrorCode::unsupported);
  }
  file_.header.type = found->type;
}

/// Of the frame, or of the whole recording.
void Reader::add_field(std::string_view name, std::string_view text) {
  if (++fields_ > kMaxFields) reject("more than a million fields", ErrorCode::too_large);
  const auto end = name.find('_', kFramePrefix.size());
  if (!name.starts_with(kFramePrefix) || end == std::string_view::npos) {
    SequenceHeader& header = file_.header;
    if (name == "UltrasoundImageOrientation") {
      header.orientation = trimmed(text);
    } else if (name == "UltrasoundImageType") {
      header.image_type = trimmed(text);
    } else {
      header.fields.emplace_back(name, text);
    }
    return;
  }
  const std::string_view digits = name.substr(kFramePrefix.size(), end - kFramePrefix.size());
  const auto number = parse_number<std::int64_t>(digits);
  if (!number || *number < 0 || *number >= kMaxSequenceFrames) {
    reject(fmt::format("a field of frame \"{}\"", digits.substr(0, 40)));
  }
  const auto index = static_cast<std::size_t>(*number);
  if (index >= file_.frames.size()) file_.frames.resize(index + 1);
  file_.frames[index].emplace_back(name.substr(end + 1), text);
}

void Reader::read_metaimage_line(std::string_view name, std::string_view text) {
  const std::string_view value = trimmed(text);
  if (name == "NDims" || name == "ObjectType") {
    if (name == "ObjectType" && value != "Image") reject(fmt::format("a {}, expected an image", value.substr(0, 40)));
  } else if (name == "DimSize") {
    sizes_ = whole_numbers_of(value, what_);
  } else if (name == "ElementType") {
    set_type(value.ends_with("_ARRAY") ? value.substr(0, value.size() - 6) : value, &TypeName::metaimage);
  } else if (name == "ElementNumberOfChannels") {
    file_.header.channels = whole_number_of(value, what_);
  } else if (name == "CompressedData") {
    if (truth_of(value, what_)) file_.encoding = Encoding::zlib;
  } else if (name == "BinaryData") {
    if (!truth_of(value, what_)) reject("pixels as text", ErrorCode::unsupported);
  } else if (name == "BinaryDataByteOrderMSB" || name == "ElementByteOrderMSB") {
    file_.big_endian = truth_of(value, what_);
  } else if (name == "ElementDataFile") {
    if (lower_case(value) != "local") reject("pixels in another file", ErrorCode::unsupported);
    ended_ = true;
  } else if (name == "HeaderSize") {
    if (whole_number_of(value, what_) != 0) reject("HeaderSize", ErrorCode::unsupported);
  } else if (name == "Kinds") {
    kinds_ = value;
  } else if (name != "CompressedDataSize") {
    add_field(name, text);
  }
}

void Reader::read_metaimage() {
  std::string line;
  while (!ended_) {
    if (!take_line(line)) reject("its header has no ElementDataFile line");
    if (trimmed(line).empty()) continue;
    const auto equals = line.find('=');
    if (equals == std::string::npos) reject(fmt::format("a header line without \"=\": \"{}\"", line.substr(0, 40)));
    std::string_view text = std::string_view(line).substr(equals + 1);
    if (text.starts_with(' ')) text.remove_prefix(1);
    read_metaimage_line(trimmed(std::string_view(line).substr(0, equals)), text);
  }
  set_sizes(sizes_);
}

void Reader::read_nrrd_line(std::string_view name, std::string_view text) {
  const std::string_view value = trimmed(text);
  if (name == "type") {
    set_type(value, &TypeName::nrrd);
  } else if (name == "sizes") {
    sizes_ = whole_numbers_of(value, what_);
  } else if (name == "kinds") {
    kinds_ = value;
  } else if (name == "encoding") {
    const bool gzip = value == "gzip" || value == "gz";
    if (!gzip && value != "raw") reject(fmt::format("encoding \"{}\"", value.substr(0, 40)), ErrorCode::unsupported);
    file_.encoding = gzip ? Encoding::gzip : Encoding::raw;
  } else if (name == "endian") {
    file_.big_endian = value == "big";
  } else if (name == "data file" || name == "datafile") {
    reject("pixels in another file", ErrorCode::unsupported);
  } else if ((name == "byte skip" || name == "line skip") && whole_number_of(value, what_) != 0) {
    reject(std::string(name), ErrorCode::unsupported);
  }
}

void Reader::read_nrrd() {
  std::string line;
  while (take_line(line) && !line.empty()) {
    if (line.starts_with('#')) continue;
    const auto colon = line.find(':');
    if (colon == std::string::npos) reject(fmt::format("a header line without \":\": \"{}\"", line.substr(0, 40)));
    const std::string_view name = std::string_view(line).substr(0, colon), rest = std::string_view(line).substr(colon);
    if (rest.starts_with(":=")) {
      add_field(trimmed(name), rest.substr(2));
    } else {
      read_nrrd_line(lower_case(trimmed(name)), rest.substr(1));
    }
  }
  std::vector<std::int64_t> sizes = sizes_;
  const auto words = words_of(kinds_);
  // the colours of a pixel are NRRD's first axis
  const bool colours = sizes.size() == 4 && words.size() == 4 && words[0] != "domain" && words[0] != "space";
  if (colours) {
    file_.header.channels = sizes.front();
    sizes.erase(sizes.begin());
  }
  if (!words.empty() && words.back() != "list" && words.back() != "domain" && words.back() != "space" &&
      words.back() != "time") {
    reject("its last axis does not count frames", ErrorCode::unsupported);
  }
  if (!colours && !words.empty() && words.front() == "list") {
    reject("its first axis counts frames; expected the last one to", ErrorCode::unsupported);
  }
  set_sizes(std::move(sizes));
}

void Reader::set_sizes(std::vector<std::int64_t> sizes) {
  if (sizes.size() == 2) sizes.push_back(1);
  if (sizes.size() == 4 && sizes[2] == 1) sizes.erase(sizes.begin() + 2);
  if (sizes.size() == 4) reject("frames of three dimensions", ErrorCode::unsupported);
  if (sizes.size() != 3) reject(fmt::format("{} sizes, expected width, height and frames", sizes.size()));
  SequenceHeader& header = file_.header;
  header.width = sizes[0];
  header.height = sizes[1];
  header.frames = sizes[2];
  const bool fits = header.width >= 1 && header.width <= kMaxExtent && header.height >= 1 &&
                    header.height <= kMaxExtent && header.frames >= 1 && header.frames <= kMaxSequenceFrames;
  if (!fits || (header.channels != 1 && header.channels != 3)) {
    reject(fmt::format("{} frames of {} x {} pixels with {} channels", header.frames, header.width, header.height,
                       header.channels));
  }
  const auto bytes = static_cast<std::uint64_t>(header.width * header.height * header.channels) * size_of(header.type);
  if (bytes > kMaxFrameBytes) reject("its frames are larger than 256 MiB", ErrorCode::too_large);
}

SequenceFile Reader::read() {
  std::string first;
  take_line(first);
  if (first.starts_with("NRRD000")) {
    read_nrrd();
  } else if (first.starts_with("ObjectType") || first.starts_with("NDims") || first.starts_with("Comment")) {
    stream_.clear();
    stream_.seekg(0);
    taken_ = 0;
    read_metaimage();
  } else {
    reject("neither a MetaImage nor an NRRD file");
  }
  file_.data_offset = taken_;
  if (file_.frames.size() > static_cast<std::size_t>(file_.header.frames)) {
    reject(fmt::format("fields of {} frames, where there are {}", file_.frames.size(), file_.header.frames));
  }
  return std::move(file_);
}

}  // namespace

SequenceFile read_sequence_header(std::istream& file, std::string_view what) { return Reader(file, what).read(); }

}  // namespace sagittal::io
