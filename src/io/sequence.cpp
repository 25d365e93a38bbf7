#include "io/sequence.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "io/byte_order.h"
#include "io/header_text.h"
#include "io/sequence_header.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kChunk = 1 << 16;
constexpr std::uint64_t kMostPacked = 1032;  // bytes that deflate makes of one
constexpr std::string_view kTransform = "Transform";
constexpr std::string_view kStatus = "Status";

/// How a stored frame becomes MF.
struct Turn {
  bool transpose = false, flip_x = false, flip_y = false;
  bool any() const { return transpose || flip_x || flip_y; }
};

/// Letters of the first two axes: M or U (marked, unmarked side first), F or N (towards far or near). What follows
/// concerns frames of three dimensions.
Turn turn_of(const SequenceHeader& header, std::string_view what) {
  const std::string_view letters = header.orientation;
  const bool picture =
      header.image_type.empty() || header.image_type == "BRIGHTNESS" || header.image_type == "RGB_COLOR";
  if (!picture || letters.empty() || letters.starts_with("XX")) return {};
  Turn turn;
  char x = letters[0], y = letters.size() > 1 ? letters[1] : '?';
  turn.transpose = x == 'F' || x == 'N';
  if (turn.transpose) std::swap(x, y);
  turn.flip_x = x == 'U';
  turn.flip_y = y == 'N';
  if ((x != 'M' && x != 'U') || (y != 'F' && y != 'N')) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: orientation \"{}\"", what, letters.substr(0, 8)));
  }
  return turn;
}

/// `to` [height, width] from `from`, which has the flipped, then transposed order; pixels of `size` bytes.
void turn_pixels(const std::byte* from, const Turn& turn, std::int64_t width, std::int64_t height, std::size_t size,
                 std::byte* to) {
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t v = turn.flip_y ? height - 1 - y : y;
    for (std::int64_t x = 0; x < width; ++x, to += size) {
      const std::int64_t u = turn.flip_x ? width - 1 - x : x;
      std::memcpy(to, from + static_cast<std::size_t>(turn.transpose ? u * height + v : v * width + u) * size, size);
    }
  }
}

}  // namespace

std::optional<std::string_view> field_of(const SequenceFields& fields, std::string_view name) {
  for (const auto& [key, text] : fields) {
    if (key == name) return text;
  }
  return std::nullopt;
}

std::optional<double> SequenceFrame::timestamp_s() const {
  const auto text = field_of(fields, "Timestamp");
  const auto time = text ? parse_number<double>(trimmed(*text)) : std::nullopt;
  return time && std::isfinite(*time) ? time : std::nullopt;
}

std::optional<FrameTransform> transform_of(const SequenceFields& fields, std::string_view name) {
  const std::string key = std::string(name) + std::string(kTransform);
  const auto text = field_of(fields, key);
  if (!text) return std::nullopt;
  FrameTransform found;
  const auto status = field_of(fields, key + std::string(kStatus));
  found.valid = !status || trimmed(*status) == "OK";
  try {
    found.affine = affine_from_rows(numbers_of(*text, key));
  } catch (Error& error) {
    throw error.within(key);
  }
  return found;
}

std::vector<std::string> transform_names(const SequenceFields& fields) {
  std::vector<std::string> names;
  for (const auto& [key, text] : fields) {
    if (key.size() > kTransform.size() && key.ends_with(kTransform)) {
      names.push_back(key.substr(0, key.size() - kTransform.size()));
    }
  }
  return names;
}

void set_transform(SequenceFields& fields, std::string_view name, const FrameTransform& transform) {
  const auto set = [&fields](const std::string& key, std::string text) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == key; });
    if (found != fields.end()) {
      found->second = std::move(text);
    } else {
      fields.emplace_back(key, std::move(text));
    }
  };
  const std::string key = std::string(name) + std::string(kTransform);
  set(key, fmt::format("{}", fmt::join(rows_of(transform.affine), " ")));
  set(key + std::string(kStatus), transform.valid ? "OK" : "INVALID");
}

struct SequenceReader::State {
  State(std::unique_ptr<std::istream> stream, std::string name)
      : file(std::move(stream)), what(std::move(name)), parsed(read_sequence_header(*file, what)) {
    SequenceHeader& header = parsed.header;
    turn = turn_of(header, what);
    if (turn.transpose) std::swap(header.width, header.height);
    if (turn.any()) header.orientation.replace(0, 2, "MF");
    pixel_bytes = size_of(header.type) * static_cast<std::size_t>(header.channels);
    frame_bytes = static_cast<std::size_t>(header.width * header.height) * pixel_bytes;
    check_size();
    parsed.frames.resize(static_cast<std::size_t>(header.frames));
    start();
  }
  ~State() { stop(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Before any frame is allocated.
  void check_size() {
    file->clear();
    file->seekg(0, std::ios::end);
    const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(0, file->tellg()));
    const std::uint64_t stored = size - std::min(size, parsed.data_offset);
    const std::uint64_t needed = frame_bytes * static_cast<std::uint64_t>(parsed.header.frames);
    if (needed > stored * (parsed.encoding == Encoding::raw ? 1 : kMostPacked)) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: {} bytes of pixels, expected {} unpacked ones", what, stored, needed));
    }
  }

  void start() {
    next = 0;
    file->clear();
    file->seekg(static_cast<std::streamoff>(parsed.data_offset));
    if (parsed.encoding == Encoding::raw) return;
    stop();
    inflater = {};
    if (::inflateInit2(&inflater, MAX_WBITS + (parsed.encoding == Encoding::gzip ? 16 : 0)) != Z_OK) {
      throw Error(ErrorCode::too_large, fmt::format("{}: no memory to unpack it", what));
    }
    inflating = true;
  }
  void stop() {
    if (inflating) ::inflateEnd(&inflater);
    inflating = false;
  }
  [[noreturn]] void reject(std::string_view why) const {
    throw Error(ErrorCode::bad_input, fmt::format("{}: frame {}: {}", what, next, why));
  }
  void read(std::byte* to);
  void unpack(std::byte* to);

  std::unique_ptr<std::istream> file;
  std::string what;
  SequenceFile parsed;
  Turn turn;
  std::size_t pixel_bytes = 0, frame_bytes = 0;
  std::int64_t next = 0;
  Buffer as_stored;  // of one frame, where it has to be turned
  z_stream inflater{};
  bool inflating = false;
  std::array<Bytef, kChunk> packed{};
};

void SequenceReader::State::read(std::byte* to) {
  if (parsed.encoding != Encoding::raw) return unpack(to);
  file->read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(frame_bytes));
  if (static_cast<std::size_t>(file->gcount()) != frame_bytes) reject("its pixels are missing");
}

void SequenceReader::State::unpack(std::byte* to) {
  inflater.next_out = reinterpret_cast<Bytef*>(to);
  inflater.avail_out = static_cast<uInt>(frame_bytes);
  while (inflater.avail_out > 0) {
    if (inflater.avail_in == 0) {
      file->read(reinterpret_cast<char*>(packed.data()), kChunk);
      inflater.next_in = packed.data();
      inflater.avail_in = static_cast<uInt>(file->gcount());
      if (inflater.avail_in == 0) reject("its pixels are missing");
    }
    const int result = ::inflate(&inflater, Z_NO_FLUSH);
    if (result == Z_STREAM_END && inflater.avail_out > 0) reject("its pixels are missing");
    if (result != Z_OK && result != Z_STREAM_END) reject("its packed pixels are damaged");
  }
}

SequenceReader::SequenceReader(std::unique_ptr<std::istream> file, std::string what)
    : state_(std::make_unique<State>(std::move(file), std::move(what))) {}

SequenceReader::SequenceReader(const std::filesystem::path& path) {
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*file) throw Error(ErrorCode::not_found, fmt::format("{} cannot be read", path.string()));
  state_ = std::make_unique<State>(std::move(file), path.filename().string());
}

SequenceReader::SequenceReader(SequenceReader&&) noexcept = default;
SequenceReader::~SequenceReader() = default;

const SequenceHeader& SequenceReader::header() const { return state_->parsed.header; }

const SequenceFields& SequenceReader::fields(std::int64_t frame) const {
  return state_->parsed.frames.at(static_cast<std::size_t>(frame));
}

bool SequenceReader::next(SequenceFrame& frame) {
  State& state = *state_;
  const SequenceHeader& header = state.parsed.header;
  if (state.next == header.frames) return false;
  if (frame.pixels.size() != state.frame_bytes) frame.pixels = Buffer(state.frame_bytes);
  if (state.turn.any() && state.as_stored.size() == 0) state.as_stored = Buffer(state.frame_bytes);
  std::byte* stored = state.turn.any() ? state.as_stored.data() : frame.pixels.data();
  state.read(stored);
  if (state.parsed.big_endian) swap_byte_order({stored, state.frame_bytes}, size_of(header.type));
  if (state.turn.any()) {
    turn_pixels(stored, state.turn, header.width, header.height, state.pixel_bytes, frame.pixels.data());
  }
  frame.fields = state.parsed.frames[static_cast<std::size_t>(state.next)];
  ++state.next;
  return true;
}

void SequenceReader::rewind() { state_->start(); }

}  // namespace sagittal::io
