#include "stream/recording_format.h"

#include <array>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {
namespace {

/// The identifiers of the kinds of parts, as GXF registers them.
constexpr std::array<std::uint64_t, 2> kTensorKind{0x377501d69abf447c, 0xa6170114d4f33ab8};
constexpr std::array<std::uint64_t, 2> kTimestampKind{0xd1095b105c904bbc, 0xbc89601134cb4e03};

/// By GXF's number of an element type, from 1.
constexpr std::array kTypes{ScalarType::i8,  ScalarType::u8,  ScalarType::i16, ScalarType::u16, ScalarType::i32,
                            ScalarType::u32, ScalarType::i64, ScalarType::u64, ScalarType::f32, ScalarType::f64};

[[noreturn]] void refuse(std::string sentence) { throw Error(ErrorCode::bad_input, std::move(sentence)); }

/// A message read from its start to its end, never beyond.
class Cursor {
 public:
  Cursor(const ReadAt& read_at, std::uint64_t size) : read_at_(read_at), size_(size) {}

  std::uint64_t left() const { return size_ - at_; }
  void fill(std::span<std::uint8_t> to, std::string_view what) {
    if (to.size() > left()) refuse(fmt::format("it ends within {}: {} bytes of {} are there", what, left(), to.size()));
    read_at_(at_, to);
    at_ += to.size();
  }
  template <std::size_t bytes>
  ByteReader head(std::array<std::uint8_t, bytes>& into, std::string_view what) {
    fill(into, what);
    return {into, what};
  }

 private:
  const ReadAt& read_at_;
  const std::uint64_t size_;
  std::uint64_t at_ = 0;
};

std::uint64_t bytes_of(const RecordedTensor& tensor, std::size_t rank_limit = RecordedTensor::kMaxRank) {
  if (tensor.shape.empty() || tensor.shape.size() > rank_limit) {
    refuse(fmt::format("tensor \"{}\" has {} axes, expected 1 to {}", tensor.name, tensor.shape.size(), rank_limit));
  }
  std::uint64_t bytes = size_of(tensor.type);
  for (const std::int64_t size : tensor.shape) {
    if (size < 1 || size > std::numeric_limits<std::int32_t>::max()) {
      refuse(fmt::format("tensor \"{}\" has an axis of {}", tensor.name, size));
    }
    bytes = checked_product(bytes, static_cast<std::uint64_t>(size), "a tensor");
  }
  if (bytes > kMaxFrameBytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("tensor \"{}\" has {} bytes, at most {} are allowed", tensor.name, bytes, kMaxFrameBytes));
  }
  return bytes;
}

/// Steps of 0 say nothing; others must be those of packed numbers, because what Holoscan writes for others is not what
/// the steps say (4.6 copies as many bytes as there are numbers, from the first on).
void check_strides(const RecordedTensor& tensor, const std::array<std::uint64_t, RecordedTensor::kMaxRank>& strides) {
  std::uint64_t step = size_of(tensor.type);
  for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
    if (strides[axis] != 0 && strides[axis] != step && tensor.shape[axis] != 1) {
      refuse(fmt::format("tensor \"{}\" is not packed: axis {} has a step of {} bytes, expected {}", tensor.name, axis,
                         strides[axis], step));
    }
    step *= static_cast<std::uint64_t>(tensor.shape[axis]);
  }
}

RecordedTensor read_tensor(Cursor& cursor, std::string name, FramePool& frames) {
  std::array<std::uint8_t, kTensorHeaderBytes> bytes;
  ByteReader reader = cursor.head(bytes, "a tensor's header");
  const auto storage = reader.read<std::int32_t>();
  const auto type = reader.read<std::int32_t>();
  const auto element_bytes = reader.read<std::uint64_t>();
  const auto rank = reader.read<std::uint32_t>();
  RecordedTensor tensor;
  tensor.name = std::move(name);
  if (storage < 0 || storage > 2) refuse(fmt::format("tensor \"{}\" is stored in place {}", tensor.name, storage));
  if (type < 1 || type > static_cast<std::int32_t>(kTypes.size())) {
    refuse(fmt::format("tensor \"{}\" has elements of type {}, expected 1 to {}", tensor.name, type, kTypes.size()));
  }
  tensor.type = kTypes[static_cast<std::size_t>(type - 1)];
  if (element_bytes != size_of(tensor.type)) {
    refuse(fmt::format("tensor \"{}\" has elements of {} bytes, {} has {}", tensor.name, element_bytes,
                       name_of(tensor.type), size_of(tensor.type)));
  }
  if (rank < 1 || rank > RecordedTensor::kMaxRank) {
    refuse(fmt::format("tensor \"{}\" has {} axes, expected 1 to {}", tensor.name, rank, RecordedTensor::kMaxRank));
  }
  for (std::size_t axis = 0; axis < RecordedTensor::kMaxRank; ++axis) {
    const auto size = reader.read<std::int32_t>();
    if (axis < rank) tensor.shape.push_back(size);
  }
  std::array<std::uint64_t, RecordedTensor::kMaxRank> strides;
  for (auto& stride : strides) stride = reader.read<std::uint64_t>();
  const std::uint64_t needed = bytes_of(tensor);
  check_strides(tensor, strides);
  if (needed > cursor.left()) {
    refuse(fmt::format("tensor \"{}\" needs {} bytes, {} are left", tensor.name, needed, cursor.left()));
  }
  FreshBytes fresh = frames.take(static_cast<std::size_t>(needed));
  cursor.fill(fresh.span(), "a tensor");
  tensor.data = std::move(fresh).share();
  return tensor;
}

std::string read_name(Cursor& cursor, std::uint64_t bytes) {
  if (bytes > RecordedTensor::kMaxNameBytes) {
    refuse(
        fmt::format("the name of a part has {} bytes, at most {} are allowed", bytes, RecordedTensor::kMaxNameBytes));
  }
  Bytes name(static_cast<std::size_t>(bytes));
  cursor.fill(name, "the name of a part");
  return std::string(as_text(name));
}

template <class T>
void put(Bytes& bytes, T value) {
  bytes.resize(bytes.size() + sizeof(T));
  std::memcpy(bytes.data() + bytes.size() - sizeof(T), &value, sizeof(T));
}

std::int32_t type_number(ScalarType type) {
  for (std::size_t n = 0; n < kTypes.size(); ++n) {
    if (kTypes[n] == type) return static_cast<std::int32_t>(n + 1);
  }
  throw Error(ErrorCode::internal, "a scalar type has no number in recordings");
}

void put_tensor_head(Bytes& bytes, const RecordedTensor& tensor, RecordedStorage storage) {
  put<std::uint64_t>(bytes, 0);
  put(bytes, kTensorKind[0]);
  put(bytes, kTensorKind[1]);
  put<std::uint64_t>(bytes, tensor.name.size());
  bytes.insert(bytes.end(), tensor.name.begin(), tensor.name.end());
  put(bytes, static_cast<std::int32_t>(storage));
  put(bytes, type_number(tensor.type));
  put<std::uint64_t>(bytes, size_of(tensor.type));
  put(bytes, static_cast<std::uint32_t>(tensor.shape.size()));
  for (std::size_t axis = 0; axis < RecordedTensor::kMaxRank; ++axis) {
    put(bytes, axis < tensor.shape.size() ? static_cast<std::int32_t>(tensor.shape[axis]) : 1);
  }
  std::array<std::uint64_t, RecordedTensor::kMaxRank> strides{};
  std::uint64_t step = size_of(tensor.type);
  for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
    strides[axis] = step;
    step *= static_cast<std::uint64_t>(tensor.shape[axis]);
  }
  for (const std::uint64_t stride : strides) put(bytes, stride);
}

}  // namespace

void check_tensor(const RecordedTensor& tensor) {
  if (tensor.name.size() > RecordedTensor::kMaxNameBytes) refuse("the name of a tensor is too long to be recorded");
  if (const std::uint64_t bytes = bytes_of(tensor); bytes != tensor.data.size()) {
    refuse(fmt::format("tensor \"{}\" holds {} bytes, its shape asks for {}", tensor.name, tensor.data.size(), bytes));
  }
}

RecordedMessage read_entity(const ReadAt& read_at, std::uint64_t size, FramePool& frames) {
  Cursor cursor(read_at, size);
  std::array<std::uint8_t, kEntityHeaderBytes> bytes;
  ByteReader reader = cursor.head(bytes, "its header");
  reader.seek(24);  // size and checksum are 0 in all that Holoscan writes; its sequence is where the message lies
  const auto parts = reader.read<std::uint64_t>();
  if (parts > RecordedMessage::kMaxTensors) {
    refuse(fmt::format("it has {} parts, at most {} are allowed", parts, RecordedMessage::kMaxTensors));
  }
  RecordedMessage message;
  for (std::uint64_t part = 0; part < parts; ++part) {
    std::array<std::uint8_t, kComponentHeaderBytes> head;
    ByteReader from = cursor.head(head, "the header of a part");
    from.seek(8);
    const std::array kind{from.read<std::uint64_t>(), from.read<std::uint64_t>()};
    std::string name = read_name(cursor, from.read<std::uint64_t>());
    if (kind == kTensorKind) {
      message.tensors.push_back(read_tensor(cursor, std::move(name), frames));
    } else if (kind == kTimestampKind) {
      std::array<std::uint8_t, 16> times;
      ByteReader time = cursor.head(times, "a time stamp");
      time.seek(8);  // before it: when it was published
      message.acquired = std::max<UtcTime>(time.read<UtcTime>(), 0);
    } else {  // nothing says how long it is
      message.left_out = static_cast<std::size_t>(parts - part);
      break;
    }
  }
  return message;
}

std::vector<Bytes> entity_heads(std::span<const RecordedTensor> tensors, std::uint64_t sequence,
                                RecordedStorage storage) {
  if (tensors.size() > RecordedMessage::kMaxTensors) {
    refuse(
        fmt::format("{} tensors in a message, at most {} are allowed", tensors.size(), RecordedMessage::kMaxTensors));
  }
  std::vector<Bytes> heads(std::max<std::size_t>(tensors.size(), 1));
  put<std::uint64_t>(heads[0], 0);  // size
  put<std::uint32_t>(heads[0], 0);  // checksum
  put(heads[0], sequence);
  put<std::uint32_t>(heads[0], 0);  // flags
  put<std::uint64_t>(heads[0], tensors.size());
  put<std::uint64_t>(heads[0], 0);
  for (std::size_t n = 0; n < tensors.size(); ++n) {
    check_tensor(tensors[n]);
    put_tensor_head(heads[n], tensors[n], storage);
  }
  return heads;
}

Bytes index_record(UtcTime logged, std::uint64_t size, std::uint64_t offset) {
  Bytes bytes;
  put(bytes, static_cast<std::uint64_t>(logged));
  put(bytes, size);
  put(bytes, offset);
  return bytes;
}

}  // namespace sagittal::stream
