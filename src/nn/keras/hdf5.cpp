#include "nn/keras/hdf5.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::nn {
namespace {

constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
constexpr std::size_t kMaxRecords = 1 << 18;
constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxAxes = 16;
constexpr std::size_t kMaxTexts = 1 << 16;
constexpr std::size_t kMaxName = 1024;
constexpr std::size_t kMaxTextBytes = 64 << 20;
constexpr std::size_t kPadding = 8;

enum MessageType : std::uint16_t {
  dataspace = 0x01,
  datatype = 0x03,
  layout = 0x08,
  filters = 0x0b,
  attribute = 0x0c,
  continuation = 0x10,
  symbol_table = 0x11,
};

enum class Kind { float32, fixed_text, shared_text, other };

std::size_t padded(std::size_t size) { return (size + kPadding - 1) / kPadding * kPadding; }

struct Type {
  Kind kind = Kind::other;
  std::uint32_t size = 0;
};

Type read_type(ByteReader reader) {
  const auto head = reader.read<std::uint8_t>();
  const ByteView bits = reader.take(3);
  Type type;
  type.size = reader.read<std::uint32_t>();
  const int kind = head & 15;
  if (kind == 1 && type.size == 4 && (bits[0] & 1) == 0) {
    reader.take(2);                                                     // bit offset
    if (reader.read<std::uint16_t>() == 32) type.kind = Kind::float32;  // precision
  }
  if (kind == 3) type.kind = Kind::fixed_text;
  if (kind == 9 && (bits[0] & 15) == 1 && type.size == 16) type.kind = Kind::shared_text;
  return type;
}

std::vector<std::int64_t> read_shape(ByteReader reader, std::string_view what) {
  const auto version = reader.read<std::uint8_t>();
  const auto rank = reader.read<std::uint8_t>();
  reader.take(version == 1 ? 6 : 2);
  if ((version != 1 && version != 2) || rank > kMaxAxes) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: an HDF5 data space, version {}, {} axes", what, version, rank));
  }
  std::vector<std::int64_t> shape;
  for (int axis = 0; axis < rank; ++axis) {
    const auto size = reader.read<std::uint64_t>();
    if (size > std::uint64_t{1} << 40) throw Error(ErrorCode::bad_input, fmt::format("{}: an axis of {}", what, size));
    shape.push_back(static_cast<std::int64_t>(size));
  }
  return shape;
}

std::uint64_t count_of(const std::vector<std::int64_t>& shape, std::string_view what) {
  std::uint64_t count = 1;
  for (const std::int64_t size : shape) count = checked_product(count, static_cast<std::uint64_t>(size), what);
  return count;
}

std::string until_zero(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  return std::string(text.substr(0, text.find('\0')));
}

}  // namespace

struct Hdf5File::Message {
  std::uint16_t type;
  ByteView bytes;
};

void Hdf5File::reject(std::string_view why) const {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what_, why));
}

ByteReader Hdf5File::at(std::uint64_t address) const {
  ByteReader reader(bytes_, what_);
  reader.seek(address);
  return reader;
}

ByteView Hdf5File::piece(std::uint64_t address, std::uint64_t size) const { return at(address).take(size); }

/// What follows the signature of a record.
ByteReader Hdf5File::record(std::uint64_t address, std::string_view signature) const {
  count();
  ByteReader reader = at(address);
  if (as_text(reader.take(4)) != signature) reject(fmt::format("no {} at byte {}", signature, address));
  return reader;
}

void Hdf5File::count() const {
  if (++records_ > kMaxRecords) reject("too many records, or some that lead to each other");
}

Hdf5File::Hdf5File(ByteView bytes, std::string_view what) : bytes_(bytes), what_(what) {
  ByteReader reader(bytes, what);
  if (bytes.size() < kSignature.size() || as_text(reader.take(kSignature.size())) != kSignature) {
    reject("not an HDF5 file");
  }
  const auto version = reader.read<std::uint8_t>();
  reader.take(4);
  const auto offset_size = reader.read<std::uint8_t>(), length_size = reader.read<std::uint8_t>();
  if (version != 0 || offset_size != 8 || length_size != 8) {
    throw Error(
        ErrorCode::unsupported,
        fmt::format("{}: HDF5 superblock {} with addresses of {} bytes, expected 0 and 8", what, version, offset_size));
  }
  reader.seek(24);
  if (reader.read<std::uint64_t>() != 0) reject("its base address is not 0");
  reader.seek(40);
  if (reader.read<std::uint64_t>() > bytes.size()) reject("it is cut off");
  reader.seek(64);
  root_ = reader.read<std::uint64_t>();
}

/// The messages of an object's header, in all its blocks.
std::vector<Hdf5File::Message> Hdf5File::messages(std::uint64_t address) const {
  ByteReader head = at(address);
  if (const auto version = head.read<std::uint8_t>(); version != 1) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: HDF5 object header {}, expected 1", what_, version));
  }
  head.take(7);
  const auto size = head.read<std::uint32_t>();
  std::vector<ByteView> blocks{piece(address + 16, size)};
  std::vector<Message> found;
  for (std::size_t block = 0; block < blocks.size(); ++block) {
    ByteReader reader(blocks[block], what_);
    while (reader.remaining() >= 8) {
      count();
      const auto type = reader.read<std::uint16_t>(), bytes = reader.read<std::uint16_t>();
      const auto flags = reader.read<std::uint8_t>();
      reader.take(3);
      const ByteView body = reader.take(bytes);
      if ((flags & 2) != 0 && (type == datatype || type == attribute)) {
        throw Error(ErrorCode::unsupported, fmt::format("{}: HDF5 messages that are shared", what_));
      }
      if (type == continuation) {
        ByteReader next(body, what_);
        const auto where = next.read<std::uint64_t>(), length = next.read<std::uint64_t>();
        blocks.push_back(piece(where, length));
      } else {
        found.push_back({type, body});
      }
    }
  }
  return found;
}

Hdf5Object Hdf5File::object(std::uint64_t address) const {
  Hdf5Object object;
  std::optional<std::vector<std::int64_t>> shape;
  Type type;
  ByteView data;
  for (const Message& message : messages(address)) {
    ByteReader reader(message.bytes, what_);
    switch (message.type) {
      case dataspace:
        shape = read_shape(reader, what_);
        break;
      case datatype:
        type = read_type(reader);
        break;
      case layout: {
        const auto version = reader.read<std::uint8_t>(), kind = reader.read<std::uint8_t>();
        if (version != 3 || kind != 1) {
          throw Error(ErrorCode::unsupported, fmt::format("{}: HDF5 data in chunks; expected one piece", what_));
        }
        const auto where = reader.read<std::uint64_t>(), size = reader.read<std::uint64_t>();
        if (size > 0) data = piece(where, size);
        break;
      }
      case filters:
        throw Error(ErrorCode::unsupported, fmt::format("{}: packed HDF5 data", what_));
      case symbol_table:
        read_links(message.bytes, object);
        break;
      case attribute:
        read_attribute(message.bytes, object);
        break;
      default:
        break;
    }
  }
  if (shape && type.kind == Kind::float32) {
    if (checked_product(count_of(*shape, what_), sizeof(float), what_) != data.size()) {
      reject(fmt::format("{} bytes of data where its shape asks for others", data.size()));
    }
    object.dataset = Hdf5Object::Dataset{std::move(*shape), data};
  }
  return object;
}

Hdf5Object Hdf5File::find(const Hdf5Object& from, std::string_view path) const {
  Hdf5Object found = from;
  for (const std::string_view name : split(path, '/')) {
    const auto link = found.links.find(name);
    if (link == found.links.end()) reject(fmt::format("it has no {}", path.substr(0, 200)));
    found = object(link->second);
  }
  return found;
}

void Hdf5File::read_links(ByteView message, Hdf5Object& object) const {
  ByteReader reader(message, what_);
  const auto tree = reader.read<std::uint64_t>(), heap = reader.read<std::uint64_t>();
  ByteReader names = record(heap, "HEAP");
  names.take(4);
  const auto size = names.read<std::uint64_t>();
  names.take(8);
  read_tree(tree, piece(names.read<std::uint64_t>(), size), 0, object);
}

void Hdf5File::read_tree(std::uint64_t address, ByteView names, int depth, Hdf5Object& object) const {
  if (depth > kMaxDepth) reject("a tree of more than 16 levels");
  ByteReader node = record(address, "TREE");
  const auto kind = node.read<std::uint8_t>(), level = node.read<std::uint8_t>();
  const auto entries = node.read<std::uint16_t>();
  if (kind != 0) reject("a tree that holds no groups");
  node.take(16);  // siblings
  for (int n = 0; n < entries; ++n) {
    node.take(8);  // key
    const auto child = node.read<std::uint64_t>();
    if (level > 0) {
      read_tree(child, names, depth + 1, object);
    } else {
      read_symbols(child, names, object);
    }
  }
}

void Hdf5File::read_symbols(std::uint64_t address, ByteView names, Hdf5Object& object) const {
  ByteReader node = record(address, "SNOD");
  node.take(2);
  const auto symbols = node.read<std::uint16_t>();
  for (int n = 0; n < symbols; ++n) {
    count();
    const auto name = node.read<std::uint64_t>(), header = node.read<std::uint64_t>();
    node.take(24);
    if (name >= names.size()) reject("a name outside its heap");
    const std::size_t room = std::min<std::size_t>(names.size() - name, kMaxName);
    object.links.insert_or_assign(until_zero(names.subspan(name, room)), header);
  }
}

/// Of a text that lies in the global heap.
std::string Hdf5File::shared_text(ByteView element) const {
  ByteReader reader(element, what_);
  const auto length = reader.read<std::uint32_t>();
  const auto collection = reader.read<std::uint64_t>();
  const auto wanted = reader.read<std::uint32_t>();
  ByteReader head = record(collection, "GCOL");
  head.take(4);
  const auto size = head.read<std::uint64_t>();
  ByteReader heap(piece(collection, size), what_);
  heap.take(16);
  while (heap.remaining() >= 16) {
    count();
    const auto index = heap.read<std::uint16_t>();
    heap.take(6);
    const auto bytes = heap.read<std::uint64_t>();
    if (index == 0) break;  // free space
    if (bytes > heap.remaining()) break;
    const ByteView text = heap.take(bytes);
    if (index == wanted) {
      const std::size_t size_read = std::min<std::size_t>(length, text.size());
      if ((text_bytes_ += size_read) > kMaxTextBytes) reject("texts of more than 64 MiB");
      return std::string(as_text(text.first(size_read)));
    }
    heap.take(std::min(heap.remaining(), padded(bytes) - bytes));
  }
  reject("a text that is not in its heap");
}

void Hdf5File::read_attribute(ByteView message, Hdf5Object& object) const {
  ByteReader reader(message, what_);
  const auto version = reader.read<std::uint8_t>();
  reader.take(1);
  const auto name_size = reader.read<std::uint16_t>(), type_size = reader.read<std::uint16_t>(),
             space_size = reader.read<std::uint16_t>();
  if (version < 1 || version > 3) reject(fmt::format("an attribute of version {}", version));
  if (version == 3) reader.take(1);  // character set
  const auto take = [&](std::size_t size) { return reader.take(version == 1 ? padded(size) : size); };
  const std::string name = until_zero(take(name_size));
  const Type type = read_type(ByteReader(take(type_size), what_));
  const auto shape = read_shape(ByteReader(take(space_size), what_), what_);
  if (type.kind != Kind::fixed_text && type.kind != Kind::shared_text) return;
  const std::uint64_t texts = count_of(shape, what_);
  if (texts > kMaxTexts || type.size == 0) reject("an attribute of too many texts");
  std::vector<std::string> values;
  for (std::uint64_t n = 0; n < texts; ++n) {
    const ByteView element = reader.take(type.size);
    values.push_back(type.kind == Kind::fixed_text ? until_zero(element) : shared_text(element));
  }
  object.texts.insert_or_assign(name, std::move(values));
}

}  // namespace sagittal::nn
