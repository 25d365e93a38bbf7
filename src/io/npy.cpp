#include "io/npy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "io/byte_order.h"

namespace sagittal::io {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeader = 64 << 10;
constexpr std::size_t kMaxAxes = 32;

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// Reads the one Python literal that a .npy header is: a dict of a string, a bool and a tuple of integers.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view what) : rest_(text), what_(what) {}

  Header parse() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !std::exchange(has_descr, true)) {
        header.descr = descr();
      } else if (key == "fortran_order" && !std::exchange(has_order, true)) {
        header.fortran_order = boolean();
      } else if (key == "shape" && !std::exchange(has_shape, true)) {
        header.shape = tuple();
      } else {
        fail(fmt::format("unknown or repeated key \"{}\"", key));
      }
      if (!accept(',') && !next_is('}')) fail("expected , or } after a value");
    }
    skip_space();
    if (!rest_.empty()) fail("text after the closing brace");
    if (!has_descr || !has_order || !has_shape) fail("descr, fortran_order or shape is missing");
    return header;
  }

 private:
  [[noreturn]] void fail(std::string_view why) const {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not a valid .npy header: {}", what_, why));
  }
  void skip_space() { rest_.remove_prefix(std::min(rest_.size(), rest_.find_first_not_of(" \t\n\r"))); }
  bool next_is(char c) {
    skip_space();
    return rest_.starts_with(c);
  }
  bool accept(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("expected {}", c));
  }
  std::string string() {
    skip_space();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) fail("expected a string");
    const auto end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) fail("a string does not end");
    const std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }
  std::string descr() {
    if (next_is('['))
      throw Error(ErrorCode::unsupported, fmt::format("{}: arrays of records are not supported", what_));
    return string();
  }
  bool boolean() {
    skip_space();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {"False", false}}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    fail("fortran_order is neither True nor False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!accept(')')) {
      values.push_back(integer());
      if (values.size() > kMaxAxes) fail("more than 32 axes");
      if (!accept(',') && !next_is(')')) fail("expected , or ) in the shape");
    }
    return values;
  }
  std::int64_t integer() {
    skip_space();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) fail("a size in the shape is not a whole number of at least 0");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    accept('L');  // Python 2
    return value;
  }

  std::string_view rest_;
  std::string_view what_;
};

struct Dtype {
  ScalarType type;
  bool is_bool = false;
  bool big_endian = false;
};

Dtype parse_dtype(std::string_view descr, std::string_view what) {
  static constexpr std::pair<std::string_view, ScalarType> kinds[] = {
      {"b1", ScalarType::u8},  {"u1", ScalarType::u8},  {"i1", ScalarType::i8},  {"u2", ScalarType::u16},
      {"i2", ScalarType::i16}, {"u4", ScalarType::u32}, {"i4", ScalarType::i32}, {"u8", ScalarType::u64},
      {"i8", ScalarType::i64}, {"f4", ScalarType::f32}, {"f8", ScalarType::f64}};
  std::string_view kind = descr;
  if (!kind.empty() && std::string_view("<>|=").find(kind[0]) != std::string_view::npos) kind.remove_prefix(1);
  for (const auto& [name, type] : kinds) {
    if (name == kind) return {type, name == "b1", descr[0] == '>'};
  }
  throw Error(ErrorCode::unsupported,
              fmt::format("{}: dtype \"{}\" is not supported, expected bool, an integer, float32 or float64", what,
                          descr.substr(0, 40)));
}

std::uint64_t count_values(const std::vector<std::int64_t>& shape, std::string_view what) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) count = checked_product(count, static_cast<std::uint64_t>(size), what);
  if (count > static_cast<std::uint64_t>(kMaxVoxels)) {
    throw Error(ErrorCode::too_large, fmt::format("{}: {} values, the limit is {}", what, count, kMaxVoxels));
  }
  return count;
}

/// Copies Fortran-ordered `in` to C-ordered `out`, walking `out` in order.
template <class T>
void copy_fortran_order(const std::uint8_t* in, std::span<T> out, const std::vector<std::int64_t>& shape) {
  const std::size_t axes = shape.size();
  std::vector<std::int64_t> index(axes, 0), stride(axes, 1);
  for (std::size_t a = 1; a < axes; ++a) stride[a] = stride[a - 1] * shape[a - 1];
  std::int64_t from = 0;
  for (T& value : out) {
    std::memcpy(&value, in + from * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    for (std::size_t a = axes; a-- > 0;) {
      from += stride[a];
      if (++index[a] < shape[a]) break;
      from -= stride[a] * shape[a];
      index[a] = 0;
    }
  }
}

void copy_fortran_order(ByteView in, Buffer& out, std::size_t width, const std::vector<std::int64_t>& shape) {
  if (width == 1) return copy_fortran_order(in.data(), out.as<std::uint8_t>(), shape);
  if (width == 2) return copy_fortran_order(in.data(), out.as<std::uint16_t>(), shape);
  if (width == 4) return copy_fortran_order(in.data(), out.as<std::uint32_t>(), shape);
  copy_fortran_order(in.data(), out.as<std::uint64_t>(), shape);
}

std::string_view read_header_text(ByteReader& reader, std::string_view what) {
  if (as_text(reader.take(std::min(reader.remaining(), kMagic.size()))) != kMagic) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not a .npy file", what));
  }
  const auto major = reader.read<std::uint8_t>();
  reader.read<std::uint8_t>();
  if (major < 1 || major > 3) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: .npy format {} is not known, expected 1 to 3", what, major));
  }
  const std::size_t size = major == 1 ? reader.read<std::uint16_t>() : reader.read<std::uint32_t>();
  if (size > kMaxHeader) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: its header claims {} bytes, the limit is {}", what, size, kMaxHeader));
  }
  return as_text(reader.take(size));
}

struct File {
  Header header;
  Dtype dtype;
  ByteView data;  ///< exactly the bytes that shape and type need
};

File parse_file(ByteView file, std::string_view what) {
  ByteReader reader(file, what);
  File parsed;
  parsed.header = HeaderParser(read_header_text(reader, what), what).parse();
  parsed.dtype = parse_dtype(parsed.header.descr, what);
  const std::uint64_t expected = count_values(parsed.header.shape, what) * size_of(parsed.dtype.type);
  if (reader.remaining() != expected) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: shape ({}) of {} needs {} bytes, found {}", what, fmt::join(parsed.header.shape, ", "),
                            parsed.header.descr, expected, reader.remaining()));
  }
  parsed.data = reader.take(expected);
  return parsed;
}

}  // namespace

bool looks_like_npy(ByteView start) { return as_text(start).starts_with(kMagic); }

NpyArray read_npy(ByteView file, std::string_view what) {
  File parsed = parse_file(file, what);
  const std::size_t width = size_of(parsed.dtype.type);
  NpyArray array{parsed.dtype.type, parsed.dtype.is_bool, std::move(parsed.header.shape), Buffer(parsed.data.size())};
  if (parsed.header.fortran_order && array.shape.size() > 1) {
    copy_fortran_order(parsed.data, array.data, width, array.shape);
  } else if (!parsed.data.empty()) {
    std::memcpy(array.data.data(), parsed.data.data(), parsed.data.size());
  }
  if (parsed.dtype.big_endian) swap_byte_order({array.data.data(), array.data.size()}, width);
  if (array.is_bool) {
    for (std::uint8_t& value : array.data.as<std::uint8_t>()) value = value != 0;
  }
  return array;
}

std::optional<NpyView> view_npy(ByteView file, std::string_view what) {
  File parsed = parse_file(file, what);
  if (parsed.dtype.big_endian || (parsed.header.fortran_order && parsed.header.shape.size() > 1)) return std::nullopt;
  return NpyView{parsed.dtype.type, parsed.dtype.is_bool, std::move(parsed.header.shape), parsed.data};
}

Bytes write_npy(ScalarType type, std::span<const std::int64_t> shape, std::span<const std::byte> data) {
  static constexpr std::string_view descrs[] = {"|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8"};
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kPreamble = 10;
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                  descrs[static_cast<std::size_t>(type)], fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  header.append(kAlignment - (kPreamble + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  Bytes file(kPreamble + header.size() + data.size());
  const std::uint8_t preamble[] = {0x93,
                                   'N',
                                   'U',
                                   'M',
                                   'P',
                                   'Y',
                                   1,
                                   0,
                                   static_cast<std::uint8_t>(header.size() & 0xff),
                                   static_cast<std::uint8_t>(header.size() >> 8)};
  static_assert(sizeof(preamble) == kPreamble);
  std::copy_n(preamble, kPreamble, file.begin());
  std::copy(header.begin(), header.end(), file.begin() + kPreamble);
  if (!data.empty()) std::memcpy(file.data() + kPreamble + header.size(), data.data(), data.size());
  return file;
}

}  // namespace sagittal::io
