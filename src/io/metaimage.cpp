#include "io/metaimage.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "io/header_text.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kMaxHeader = 64 << 20;  // tracked sequences write ten lines per frame
constexpr std::pair<std::string_view, ScalarType> kTypes[] = {
    {"MET_UCHAR", ScalarType::u8},       {"MET_CHAR", ScalarType::i8},       {"MET_USHORT", ScalarType::u16},
    {"MET_SHORT", ScalarType::i16},      {"MET_UINT", ScalarType::u32},      {"MET_INT", ScalarType::i32},
    {"MET_ULONG_LONG", ScalarType::u64}, {"MET_LONG_LONG", ScalarType::i64}, {"MET_FLOAT", ScalarType::f32},
    {"MET_DOUBLE", ScalarType::f64},     {"MET_ULONG", ScalarType::u32},     {"MET_LONG", ScalarType::i32}};

using Fields = std::map<std::string, std::string_view, std::less<>>;

[[noreturn]] void reject(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, why));
}

struct HeaderText {
  Fields fields;
  std::size_t size = 0;
};

HeaderText split_header(ByteView file, std::string_view what) {
  const std::string_view text = as_text(file.first(std::min(file.size(), kMaxHeader)));
  HeaderText header;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (trimmed(line).empty()) continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos)
      reject(what, fmt::format("a header line without \"=\": \"{}\"", line.substr(0, 40)));
    const std::string_view name = trimmed(line.substr(0, equals));
    if (name.starts_with("Seq_Frame")) continue;
    header.fields.insert_or_assign(std::string(name), trimmed(line.substr(equals + 1)));
    if (name != "ElementDataFile") continue;
    header.size = text.size() - rest.size();
    return header;
  }
  reject(what, "its header has no ElementDataFile line");
}

/// The value of the first of several synonyms, or an empty one.
std::string_view value_of(const Fields& fields, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto found = fields.find(name);
    if (found != fields.end()) return found->second;
  }
  return {};
}

bool flag(const Fields& fields, std::initializer_list<std::string_view> names, bool fallback, std::string_view what) {
  const std::string_view value = value_of(fields, names);
  return value.empty() ? fallback : truth_of(value, what);
}

ScalarType scalar_type(std::string_view value, std::string_view what) {
  if (value.ends_with("_ARRAY")) value.remove_suffix(6);
  for (const auto& [name, type] : kTypes) {
    if (name == value) return type;
  }
  throw Error(ErrorCode::unsupported,
              fmt::format("{}: ElementType \"{}\" is not supported", what, value.substr(0, 40)));
}

/// Numbers of a field that has `count` of them, or the fallback where it is absent.
std::vector<double> numbers_or(const Fields& fields, std::initializer_list<std::string_view> names,
                               std::vector<double> fallback, std::string_view what) {
  const std::string_view value = value_of(fields, names);
  if (value.empty()) return fallback;
  std::vector<double> numbers = numbers_of(value, what);
  if (numbers.size() != fallback.size()) {
    reject(what, fmt::format("\"{}\" has {} numbers, expected {}", *names.begin(), numbers.size(), fallback.size()));
  }
  return numbers;
}

Geometry read_geometry(const Fields& fields, const std::vector<std::int64_t>& sizes, std::string_view what) {
  const std::size_t axes = sizes.size(), space = std::min<std::size_t>(axes, 3);
  std::vector<double> identity(axes * axes, 0);
  for (std::size_t a = 0; a < axes; ++a) identity[a * axes + a] = 1;
  const auto matrix = numbers_or(fields, {"TransformMatrix", "Rotation", "Orientation"}, identity, what);
  const auto offset = numbers_or(fields, {"Offset", "Position", "Origin"}, std::vector<double>(axes, 0), what);
  const auto size_mm = numbers_or(fields, {"ElementSize"}, std::vector<double>(axes, 1), what);
  const auto spacing = numbers_or(fields, {"ElementSpacing"}, size_mm, what);
  Geometry geometry;
  for (std::size_t a = 0; a < space; ++a) {
    geometry.size[a] = sizes[a];
    geometry.spacing_mm[a] = spacing[a];
    geometry.origin_mm[a] = offset[a];
    for (std::size_t r = 0; r < space; ++r) geometry.direction[r][a] = matrix[a * axes + r];  // one row per index axis
  }
  if (geometry.size[0] >= 1 && geometry.size[1] >= 1 && geometry.size[2] >= 1) {  // else said by frame_bytes
    check_geometry(geometry, std::string(what));
  }
  return geometry;
}

void read_frames(const Fields& fields, const std::vector<std::int64_t>& sizes, ImageHeader& header,
                 std::string_view what) {
  const std::string_view channels_text = value_of(fields, {"ElementNumberOfChannels"});
  const std::int64_t channels = channels_text.empty() ? 1 : whole_number_of(channels_text, what);
  const std::int64_t times = sizes.size() == 4 ? sizes[3] : 1;
  if (channels > 1 && times > 1)
    throw Error(ErrorCode::unsupported, fmt::format("{}: both channels and time points", what));
  header.frames = channels > 1 ? channels : times;
  header.frames_fastest = channels > 1;
  if (channels < 1) reject(what, fmt::format("{} channels", channels));
}

void read_data_place(const HeaderText& text, ImageHeader& header, std::string_view what) {
  const Fields& fields = text.fields;
  const bool compressed = flag(fields, {"CompressedData"}, false, what);
  const bool binary = flag(fields, {"BinaryData"}, true, what);
  header.encoding = compressed ? Encoding::zlib : binary ? Encoding::raw : Encoding::ascii;
  header.big_endian = flag(fields, {"BinaryDataByteOrderMSB", "ElementByteOrderMSB"}, false, what);
  const std::string_view packed = value_of(fields, {"CompressedDataSize"});
  if (compressed && !packed.empty()) {
    const std::int64_t size = whole_number_of(packed, what);
    if (size < 0) reject(what, fmt::format("CompressedDataSize {}", size));
    header.packed_size = static_cast<std::uint64_t>(size);
  }
  const std::string_view name = value_of(fields, {"ElementDataFile"});
  const bool local = lower_case(name) == "local";
  if (name.starts_with("LIST") || name.find('%') != std::string_view::npos) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: voxels spread over several data files; convert it to one file first", what));
  }
  if (name.empty()) reject(what, "ElementDataFile is empty");
  if (!local) header.data_file = name;
  header.data_offset = local ? text.size : 0;
  const std::string_view skip = value_of(fields, {"HeaderSize"});
  const std::int64_t bytes = skip.empty() ? 0 : whole_number_of(skip, what);
  if (bytes < -1 || (bytes == -1 && header.encoding != Encoding::raw))
    reject(what, fmt::format("HeaderSize {}", bytes));
  header.data_at_end = bytes == -1;
  if (bytes > 0) header.data_offset += static_cast<std::uint64_t>(bytes);
}

}  // namespace

bool looks_like_metaimage(ByteView start) {
  std::string_view text = as_text(start.first(std::min<std::size_t>(start.size(), 4096)));
  const std::string_view first = trimmed(take_line(text));
  return first.starts_with("ObjectType") || first.starts_with("NDims") || first.starts_with("Comment");
}

ImageHeader parse_metaimage_header(ByteView file, std::string_view what) {
  if (!looks_like_metaimage(file)) reject(what, "not a MetaImage file");
  const HeaderText text = split_header(file, what);
  const std::vector<std::int64_t> sizes = whole_numbers_of(value_of(text.fields, {"DimSize"}), what);
  const std::int64_t axes = whole_number_of(value_of(text.fields, {"NDims"}), what);
  if (axes < 2 || axes > 4)
    throw Error(ErrorCode::unsupported, fmt::format("{}: {} dimensions, expected 2 to 4", what, axes));
  if (static_cast<std::int64_t>(sizes.size()) != axes)
    reject(what, fmt::format("{} sizes for {} dimensions", sizes.size(), axes));
  ImageHeader header;
  header.format = "MetaImage";
  header.type = scalar_type(value_of(text.fields, {"ElementType"}), what);
  header.geometry = read_geometry(text.fields, sizes, what);
  read_frames(text.fields, sizes, header, what);
  read_data_place(text, header, what);
  return header;
}

std::string metaimage_header(const Volume& volume, std::optional<std::size_t> packed_size, std::string_view data_file) {
  const Geometry& g = volume.geometry();
  const Mat3& d = g.direction;
  std::string text = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n";
  text += packed_size ? fmt::format("CompressedData = True\nCompressedDataSize = {}\n", *packed_size)
                      : "CompressedData = False\n";
  text += "TransformMatrix =";
  for (int c = 0; c < 3; ++c) text += fmt::format(" {} {} {}", d[0][c], d[1][c], d[2][c]);
  text +=
      fmt::format("\nOffset = {} {} {}\nCenterOfRotation = 0 0 0\n", g.origin_mm[0], g.origin_mm[1], g.origin_mm[2]);
  text += fmt::format("ElementSpacing = {} {} {}\nDimSize = {} {} {}\n", g.spacing_mm[0], g.spacing_mm[1],
                      g.spacing_mm[2], g.size[0], g.size[1], g.size[2]);
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& t) { return t.second == volume.type(); });
  return text +
         fmt::format("ElementType = {}\nElementDataFile = {}\n", type->first, data_file.empty() ? "LOCAL" : data_file);
}

}  // namespace sagittal::io
