#include "io/nnia.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "io/blosc2_chunk.h"
#include "io/byte_order.h"

namespace sagittal::io {
namespace {

constexpr std::string_view kMagic = "NNIA";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kZstd = 1;
constexpr std::uint8_t kLz4 = 2;
constexpr std::size_t kMaxAxes = 32;

struct Dtype {
  std::string_view name;
  ScalarType type;
  bool is_bool = false;
};

Dtype find_dtype(std::string_view name, std::string_view what) {
  if (name == "bool") return {name, ScalarType::u8, true};
  if (const auto type = scalar_type_from_name(name)) return {name, *type};
  std::string shown(name.substr(0, 40));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  throw Error(
      ErrorCode::unsupported,
      fmt::format("{}: dtype \"{}\" is not supported, expected bool, an integer, float32 or float64", what, shown));
}

struct Chunk {
  ByteView packed;
  std::size_t size;  ///< unpacked
};

struct Container {
  Dtype dtype;
  std::vector<std::int64_t> shape;
  std::size_t size = 0;  ///< of the values, in bytes
  std::vector<Chunk> chunks;
};

/// The start up to the name of the type; gives the number of axes.
std::size_t read_start(ByteReader& reader, Container& container, std::string_view what) {
  if (as_text(reader.take(std::min(reader.remaining(), kMagic.size()))) != kMagic) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not an NNIA container", what));
  }
  const auto version = reader.read<std::uint8_t>();
  const auto codec = reader.read<std::uint8_t>();
  const std::size_t axes = reader.read<std::uint8_t>();
  const std::size_t name_size = reader.read<std::uint8_t>();
  if (version != kVersion || (codec != kZstd && codec != kLz4)) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: NNIA version {} with codec {} is not known, expected version {} with codec {} or {}",
                            what, version, codec, kVersion, kZstd, kLz4));
  }
  if (axes > kMaxAxes)
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} axes, the limit is {}", what, axes, kMaxAxes));
  container.dtype = find_dtype(as_text(reader.take(name_size)), what);
  return axes;
}

std::size_t count_bytes(const Container& container, std::size_t max_bytes, std::string_view what) {
  std::uint64_t count = 1;
  for (const std::int64_t size : container.shape) {
    if (size < 0) throw Error(ErrorCode::bad_input, fmt::format("{}: an axis of size {}", what, size));
    count = checked_product(count, static_cast<std::uint64_t>(size), what);
  }
  const std::uint64_t bytes = checked_product(count, size_of(container.dtype.type), what);
  if (count > static_cast<std::uint64_t>(kMaxVoxels) || bytes > max_bytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("{}: shape ({}) of {} needs {} bytes, the limits are {} bytes and {} values", what,
                            fmt::join(container.shape, ", "), container.dtype.name, bytes, max_bytes, kMaxVoxels));
  }
  return bytes;
}

[[noreturn]] void fail_sum(const Container& container, std::uint64_t found, std::string_view what) {
  throw Error(ErrorCode::bad_input,
              fmt::format("{}: shape ({}) of {} needs {} bytes, its chunks hold {}", what,
                          fmt::join(container.shape, ", "), container.dtype.name, container.size, found));
}

void read_chunks(ByteReader& reader, Container& container, std::string_view what) {
  const auto count = reader.read<std::uint32_t>();
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto size = reader.read<std::uint64_t>();
    const auto length = reader.read<std::uint64_t>();
    const Chunk chunk{reader.take(length), size};
    if (size > container.size - sum) fail_sum(container, sum + std::min<std::uint64_t>(size, kMaxBlosc2Chunk), what);
    const std::size_t held = blosc2_unpacked_size(chunk.packed, what);
    if (held != size) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: chunk {} holds {} bytes, the container says {}", what, i, held, size));
    }
    sum += size;
    container.chunks.push_back(chunk);
  }
  if (sum != container.size) fail_sum(container, sum, what);
  if (!reader.at_end()) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} bytes after the last chunk", what, reader.remaining()));
  }
}

Container read_container(ByteView bytes, std::size_t max_bytes, std::string_view what) {
  ByteReader reader(bytes, what);
  Container container;
  const std::size_t axes = read_start(reader, container, what);
  for (std::size_t axis = 0; axis < axes; ++axis) container.shape.push_back(reader.read<std::int64_t>());
  container.size = count_bytes(container, max_bytes, what);
  read_chunks(reader, container, what);
  return container;
}

template <class T>
void append(Bytes& out, T value) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof(T));
}

template <class T>
void put(Bytes& out, std::size_t at, T value) {
  std::memcpy(out.data() + at, &value, sizeof(T));
}

}  // namespace

NpyArray read_nnia(ByteView bytes, std::size_t max_bytes, std::string_view what, ThreadPool& pool) {
  Container container = read_container(bytes, max_bytes, what);
  NpyArray array{container.dtype.type, container.dtype.is_bool, std::move(container.shape), Buffer(container.size)};
  const auto values = array.data.as<std::uint8_t>();
  std::size_t at = 0;
  for (const Chunk& chunk : container.chunks) {
    blosc2_decompress(chunk.packed, values.subspan(at, chunk.size), what, pool);
    at += chunk.size;
  }
  if (array.is_bool) {
    for (std::uint8_t& value : values) value = value != 0;
  }
  return array;
}

Bytes write_nnia(ScalarType type, bool is_bool, std::span<const std::int64_t> shape, std::span<const std::byte> data,
                 ThreadPool& pool, std::size_t chunk_bytes) {
  const std::string_view dtype = is_bool && type == ScalarType::u8 ? "bool" : name_of(type);
  std::uint64_t bytes = size_of(type);
  for (const std::int64_t size : shape) bytes = checked_product(bytes, static_cast<std::uint64_t>(size), "NNIA shape");
  if (bytes != data.size()) {
    throw Error(ErrorCode::internal,
                fmt::format("{} bytes of values for shape ({}) of {}", data.size(), fmt::join(shape, ", "), dtype));
  }
  const Blosc2Packing packing{size_of(type), size_of(type) > 1, 1};
  Bytes out(kMagic.begin(), kMagic.end());
  for (const std::size_t byte : {std::size_t{kVersion}, std::size_t{kZstd}, shape.size(), dtype.size()}) {
    out.push_back(static_cast<std::uint8_t>(byte));
  }
  out.insert(out.end(), dtype.begin(), dtype.end());
  for (const std::int64_t size : shape) append(out, size);
  append(out, static_cast<std::uint32_t>((data.size() + chunk_bytes - 1) / chunk_bytes));
  const ByteView values{reinterpret_cast<const std::uint8_t*>(data.data()), data.size()};
  for (std::size_t at = 0; at < values.size(); at += chunk_bytes) {
    const ByteView chunk = values.subspan(at, std::min(chunk_bytes, values.size() - at));
    append(out, std::uint64_t{chunk.size()});
    const std::size_t length_at = out.size();
    append(out, std::uint64_t{0});
    append_blosc2(out, chunk, packing, pool);
    put(out, length_at, std::uint64_t{out.size() - length_at - sizeof(std::uint64_t)});
  }
  return out;
}

}  // namespace sagittal::io
