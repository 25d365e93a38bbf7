#include "io/nrrd.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "io/header_text.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kMaxHeader = 1 << 22;
constexpr std::size_t kMaxAxes = 16;
constexpr double kUnset = std::numeric_limits<double>::quiet_NaN();

using Fields = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void reject(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, why));
}

struct HeaderText {
  Fields fields;
  std::size_t size = 0;  // with the empty line
};

/// Splits "field: value" lines; comments and "key:=value" pairs are passed over.
HeaderText split_header(ByteView file, std::string_view what) {
  const std::string_view text = as_text(file.first(std::min(file.size(), kMaxHeader)));
  std::string_view rest = text;
  HeaderText header;
  take_line(rest);  // the magic
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.empty()) break;
    if (line.starts_with('#')) continue;
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
      reject(what, fmt::format("a header line without a colon: \"{}\"", line.substr(0, 40)));
    if (line.substr(colon).starts_with(":=")) continue;
    std::string name = lower_case(trimmed(line.substr(0, colon)));
    std::erase(name, ' ');  // "data file" and "datafile" are the same
    if (!header.fields.emplace(name, trimmed(line.substr(colon + 1))).second)
      reject(what, fmt::format("\"{}\" twice", name));
  }
  header.size = text.size() - rest.size();
  if (header.size == kMaxHeader) reject(what, "a header of more than 4 MiB");
  return header;
}

const std::string* find(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? nullptr : &found->second;
}

const std::string& require(const Fields& fields, std::string_view name, std::string_view what) {
  const std::string* value = find(fields, name);
  if (value == nullptr) reject(what, fmt::format("\"{}\" is missing from the NRRD header", name));
  return *value;
}

ScalarType scalar_type(const std::string& value, std::string_view what) {
  static const std::map<std::string, ScalarType, std::less<>> names{{"signed char", ScalarType::i8},
                                                                    {"int8", ScalarType::i8},
                                                                    {"int8_t", ScalarType::i8},
                                                                    {"uchar", ScalarType::u8},
                                                                    {"unsigned char", ScalarType::u8},
                                                                    {"uint8", ScalarType::u8},
                                                                    {"uint8_t", ScalarType::u8},
                                                                    {"short", ScalarType::i16},
                                                                    {"short int", ScalarType::i16},
                                                                    {"signed short", ScalarType::i16},
                                                                    {"signed short int", ScalarType::i16},
                                                                    {"int16", ScalarType::i16},
                                                                    {"int16_t", ScalarType::i16},
                                                                    {"ushort", ScalarType::u16},
                                                                    {"unsigned short", ScalarType::u16},
                                                                    {"unsigned short int", ScalarType::u16},
                                                                    {"uint16", ScalarType::u16},
                                                                    {"uint16_t", ScalarType::u16},
                                                                    {"int", ScalarType::i32},
                                                                    {"signed int", ScalarType::i32},
                                                                    {"int32", ScalarType::i32},
                                                                    {"int32_t", ScalarType::i32},
                                                                    {"uint", ScalarType::u32},
                                                                    {"unsigned int", ScalarType::u32},
                                                                    {"uint32", ScalarType::u32},
                                                                    {"uint32_t", ScalarType::u32},
                                                                    {"longlong", ScalarType::i64},
                                                                    {"long long", ScalarType::i64},
                                                                    {"long long int", ScalarType::i64},
                                                                    {"signed long long", ScalarType::i64},
                                                                    {"signed long long int", ScalarType::i64},
                                                                    {"int64", ScalarType::i64},
                                                                    {"int64_t", ScalarType::i64},
                                                                    {"ulonglong", ScalarType::u64},
                                                                    {"unsigned long long", ScalarType::u64},
                                                                    {"unsigned long long int", ScalarType::u64},
                                                                    {"uint64", ScalarType::u64},
                                                                    {"uint64_t", ScalarType::u64},
                                                                    {"float", ScalarType::f32},
                                                                    {"double", ScalarType::f64}};
  const auto found = names.find(lower_case(value));
  if (found != names.end()) return found->second;
  throw Error(ErrorCode::unsupported, fmt::format("{}: NRRD type \"{}\" is not supported", what, value.substr(0, 40)));
}

Encoding encoding_of(const std::string& value, std::string_view what) {
  const std::string name = lower_case(value);
  if (name == "raw") return Encoding::raw;
  if (name == "gzip" || name == "gz") return Encoding::gzip;
  if (name == "text" || name == "txt" || name == "ascii") return Encoding::ascii;
  throw Error(
      ErrorCode::unsupported,
      fmt::format("{}: NRRD encoding \"{}\" is not supported, expected raw, gzip or ascii", what, name.substr(0, 40)));
}

/// Factors that turn the file's space to LPS.
Vec3 to_lps(const Fields& fields, std::string_view what) {
  const std::string* value = find(fields, "space");
  if (value == nullptr) return {1, 1, 1};
  static const std::map<std::string, Vec3, std::less<>> spaces{{"right-anterior-superior", {-1, -1, 1}},
                                                               {"ras", {-1, -1, 1}},
                                                               {"left-anterior-superior", {1, -1, 1}},
                                                               {"las", {1, -1, 1}},
                                                               {"left-posterior-superior", {1, 1, 1}},
                                                               {"lps", {1, 1, 1}},
                                                               {"scanner-xyz", {1, 1, 1}},
                                                               {"3d-right-handed", {1, 1, 1}},
                                                               {"3d-left-handed", {1, 1, 1}}};
  std::string name = lower_case(*value);
  for (const std::string_view time : {"-time", "t"}) {  // "left-posterior-superior-time", "LPST": time is a frame axis
    const std::string_view stem = std::string_view(name).substr(0, name.size() - std::min(name.size(), time.size()));
    if (name.ends_with(time) && spaces.contains(stem)) name = stem;
  }
  const auto found = spaces.find(name);
  if (found != spaces.end()) return found->second;
  throw Error(ErrorCode::unsupported,
              fmt::format("{}: NRRD space \"{}\" is not supported", what, value->substr(0, 40)));
}

/// One "(x,y,z)"; a fourth coordinate, time, is dropped; "none" gives nothing.
std::optional<Vec3> take_vector(std::string_view& text, std::string_view what) {
  text = trimmed(text);
  if (lower_case(text.substr(0, 4)) == "none") {
    text.remove_prefix(4);
    return std::nullopt;
  }
  const auto close = text.find(')');
  if (!text.starts_with('(') || close == std::string_view::npos) reject(what, "expected a vector (x,y,z) or none");
  std::string inside(text.substr(1, close - 1));
  std::replace(inside.begin(), inside.end(), ',', ' ');
  const std::vector<double> numbers = numbers_of(inside, what);
  text.remove_prefix(close + 1);
  if (numbers.size() < 2 || numbers.size() > 4)
    reject(what, fmt::format("a vector of {} numbers, expected 3", numbers.size()));
  if (numbers.size() == 4 && numbers[3] != 0 && numbers[0] == 0 && numbers[1] == 0 && numbers[2] == 0)
    return std::nullopt;
  return Vec3{numbers[0], numbers[1], numbers.size() > 2 ? numbers[2] : 0};
}

/// What is known of one axis of the array.
struct Axis {
  std::int64_t size = 0;
  std::optional<Vec3> direction{};  // mm per voxel, LPS
  double spacing = kUnset;
  double min = kUnset;
  std::string kind{};
};

std::vector<Axis> read_axes(const Fields& fields, std::string_view what) {
  const std::int64_t count = whole_number_of(require(fields, "dimension", what), what);
  if (count < 1 || count > static_cast<std::int64_t>(kMaxAxes)) reject(what, fmt::format("dimension {}", count));
  std::vector<Axis> axes(static_cast<std::size_t>(count));
  const auto fill = [&](const auto& values, std::string_view name, auto set) {
    if (values.size() != axes.size())
      reject(what, fmt::format("\"{}\" has {} entries for {} axes", name, values.size(), count));
    for (std::size_t a = 0; a < axes.size(); ++a) set(axes[a], values[a]);
  };
  fill(whole_numbers_of(require(fields, "sizes", what), what), "sizes",
       [](Axis& axis, std::int64_t v) { axis.size = v; });
  if (const auto* value = find(fields, "spacings"))
    fill(numbers_of(*value, what), "spacings", [](Axis& axis, double v) { axis.spacing = v; });
  if (const auto* value = find(fields, "axismins"))
    fill(numbers_of(*value, what), "axis mins", [](Axis& axis, double v) { axis.min = v; });
  if (const auto* value = find(fields, "kinds"))
    fill(words_of(*value), "kinds", [](Axis& axis, std::string_view v) { axis.kind = lower_case(v); });
  if (const auto* value = find(fields, "spacedirections")) {
    const Vec3 sign = to_lps(fields, what);
    std::string_view rest = *value;
    for (Axis& axis : axes) {
      axis.direction = take_vector(rest, what);
      if (axis.direction)
        axis.direction =
            Vec3{(*axis.direction)[0] * sign[0], (*axis.direction)[1] * sign[1], (*axis.direction)[2] * sign[2]};
    }
    if (!trimmed(rest).empty()) reject(what, "more space directions than axes");
  }
  return axes;
}

bool is_frame_axis(const Axis& axis, bool has_directions) {
  if (has_directions) return !axis.direction;
  static constexpr std::array<std::string_view, 4> spatial{"", "domain", "space", "???"};
  return std::find(spatial.begin(), spatial.end(), axis.kind) == spatial.end();
}

/// Removes the one axis that holds frames, if any, and notes it in `header`.
void take_frame_axis(std::vector<Axis>& axes, ImageHeader& header, bool has_directions, std::string_view what) {
  std::size_t at = axes.size();
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (!is_frame_axis(axes[a], has_directions)) continue;
    if (at != axes.size())
      throw Error(ErrorCode::unsupported, fmt::format("{}: more than one axis that is no space axis", what));
    at = a;
  }
  const bool flat_stack =
      at < axes.size() && axes.size() == 3 && !has_directions;  // tracked frames, "domain domain list"
  if (flat_stack && at == 2) return;
  if (at == axes.size() && axes.size() == 4) at = 3;
  if (at == axes.size()) return;
  if (at != 0 && at + 1 != axes.size())
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: the frames are on axis {}, expected the first or the last", what, at));
  header.frames = axes[at].size;
  header.frames_fastest = at == 0;
  axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(at));
}

Vec3 origin_of(const Fields& fields, const std::vector<Axis>& axes, bool has_directions, std::string_view what) {
  if (const auto* value = find(fields, "spaceorigin")) {
    std::string_view rest = *value;
    const auto origin = take_vector(rest, what);
    const Vec3 sign = to_lps(fields, what);
    if (!origin) return {0, 0, 0};
    return {(*origin)[0] * sign[0], (*origin)[1] * sign[1], (*origin)[2] * sign[2]};
  }
  Vec3 origin{0, 0, 0};
  for (std::size_t a = 0; a < axes.size() && !has_directions; ++a) {
    if (std::isfinite(axes[a].min)) origin[a] = axes[a].min;
  }
  return origin;
}

Geometry geometry_of(const Fields& fields, const std::vector<Axis>& axes, bool has_directions, std::string_view what) {
  if (axes.empty() || axes.size() > 3) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: {} space axes, expected 2 or 3", what, axes.size()));
  }
  Index3 size{1, 1, 1};
  Mat3 columns{};
  for (std::size_t a = 0; a < 3; ++a) {
    if (a < axes.size()) size[a] = axes[a].size;
    const bool plane_normal = has_directions && a == 2 && axes.size() == 2;
    if (plane_normal) continue;
    if (has_directions && a < axes.size()) {
      for (std::size_t r = 0; r < 3; ++r) columns[r][a] = (*axes[a].direction)[r];
    } else {
      columns[a][a] = a < axes.size() && !std::isnan(axes[a].spacing) ? axes[a].spacing : 1;
    }
  }
  return geometry_from_columns(size, columns, origin_of(fields, axes, has_directions, what), what);
}

void read_data_place(const HeaderText& text, ImageHeader& header, std::string_view what) {
  const Fields& fields = text.fields;
  header.encoding = encoding_of(require(fields, "encoding", what), what);
  if (const auto* name = find(fields, "datafile")) {
    header.data_file = *name;
    const bool pattern = name->find('%') != std::string::npos && words_of(*name).size() > 3;
    if (name->starts_with("LIST") || pattern) {
      throw Error(ErrorCode::unsupported,
                  fmt::format("{}: voxels spread over several data files; convert it to one file first", what));
    }
  } else {
    header.data_offset = text.size;
  }
  if (const auto* lines = find(fields, "lineskip")) {
    const std::int64_t count = whole_number_of(*lines, what);
    if (count < 0) reject(what, fmt::format("line skip {}", count));
    if (count > 0 && header.data_file.empty())
      throw Error(ErrorCode::unsupported, fmt::format("{}: line skip in an attached file", what));
    header.skipped_lines = static_cast<std::uint64_t>(count);
  }
  if (const auto* skip = find(fields, "byteskip")) {
    const std::int64_t count = whole_number_of(*skip, what);
    if (count < -1 || (count == -1 && header.encoding != Encoding::raw))
      reject(what, fmt::format("byte skip {}", count));
    header.data_at_end = count == -1;
    if (count > 0 && header.encoding == Encoding::gzip) header.unpacked_offset = static_cast<std::uint64_t>(count);
    if (count > 0 && header.encoding != Encoding::gzip) header.data_offset += static_cast<std::uint64_t>(count);
  }
}

/// Line ends and backslashes inside of values are written as \n and \\.
std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c != '\r' && c != '\0') {
      out += c;
    }
  }
  return out;
}

std::string unescaped(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool escape = value[i] == '\\' && i + 1 < value.size() && (value[i + 1] == 'n' || value[i + 1] == '\\');
    if (escape) ++i;
    out += escape && value[i] == 'n' ? '\n' : value[i];
  }
  return out;
}

/// All lines but the empty one.
std::string header_text(const Geometry& g, ScalarType type, std::int64_t layers, bool compressed,
                        std::string_view data_file) {
  const Mat3 m = columns_of(g);
  std::string text = fmt::format(
      "NRRD0004\n"
      "# Complete NRRD file format specification at:\n# http://teem.sourceforge.net/nrrd/format.html\n"
      "type: {}\ndimension: {}\nspace: left-posterior-superior\nsizes: {}{} {} {}\n",
      type == ScalarType::f32   ? "float"
      : type == ScalarType::f64 ? "double"
                                : name_of(type),
      layers > 1 ? 4 : 3, layers > 1 ? fmt::format("{} ", layers) : "", g.size[0], g.size[1], g.size[2]);
  text += layers > 1 ? "space directions: none" : "space directions:";
  for (int c = 0; c < 3; ++c) text += fmt::format(" ({},{},{})", m[0][c], m[1][c], m[2][c]);
  text += fmt::format("\nkinds: {}domain domain domain\nendian: little\nencoding: {}\nspace origin: ({},{},{})\n",
                      layers > 1 ? "list " : "", compressed ? "gzip" : "raw", g.origin_mm[0], g.origin_mm[1],
                      g.origin_mm[2]);
  if (!data_file.empty()) text += fmt::format("data file: {}\n", data_file);
  return text;
}

}  // namespace

bool looks_like_nrrd(ByteView start) { return as_text(start).starts_with("NRRD000"); }

ImageHeader parse_nrrd_header(ByteView file, std::string_view what) {
  if (!looks_like_nrrd(file)) reject(what, "not an NRRD file");
  const HeaderText text = split_header(file, what);
  ImageHeader header;
  header.format = "NRRD";
  header.type = scalar_type(require(text.fields, "type", what), what);
  if (const auto* endian = find(text.fields, "endian")) header.big_endian = lower_case(*endian) == "big";
  read_data_place(text, header, what);
  std::vector<Axis> axes = read_axes(text.fields, what);
  const bool has_directions = find(text.fields, "spacedirections") != nullptr;
  take_frame_axis(axes, header, has_directions, what);
  header.geometry = geometry_of(text.fields, axes, has_directions, what);
  return header;
}

std::map<std::string, std::string> nrrd_key_values(ByteView file, std::string_view what) {
  const HeaderText header = split_header(file, what);
  std::string_view rest = as_text(file.first(header.size));
  std::map<std::string, std::string> pairs;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    const auto mark = line.find(":=");
    const bool is_pair = !line.starts_with('#') && mark != std::string_view::npos && line.find(':') == mark;
    if (is_pair) pairs.emplace(line.substr(0, mark), unescaped(line.substr(mark + 2)));
  }
  return pairs;
}

std::string nrrd_header(const Volume& volume, bool compressed, std::string_view data_file) {
  return header_text(volume.geometry(), volume.type(), 1, compressed, data_file) + "\n";
}

std::string nrrd_header(const Geometry& geometry, ScalarType type, std::int64_t layers,
                        const std::map<std::string, std::string>& key_values) {
  std::string text = header_text(geometry, type, layers, true, "");
  for (const auto& [key, value] : key_values) text += fmt::format("{}:={}\n", key, escaped(value));
  if (text.size() >= kMaxHeader)
    throw Error(ErrorCode::too_large,
                fmt::format("an NRRD header of {} bytes, the limit is {}", text.size(), kMaxHeader));
  return text + "\n";
}

}  // namespace sagittal::io
