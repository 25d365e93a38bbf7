#include "nn/onnx/onnx_file.h"

#include <array>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::nn {
namespace {

constexpr std::size_t kMaxNodes = 1 << 16, kMaxAxes = 16, kMaxMetadata = 1 << 16;
constexpr std::uint64_t kMaxSide = std::uint64_t{1} << 31;

/// One field of a message of protocol buffers.
struct Field {
  std::uint32_t number = 0;
  enum class Kind { number, fixed64, bytes, fixed32 } kind = Kind::number;
  std::uint64_t value = 0;
  ByteView bytes = {};
};

class Fields {
 public:
  Fields(ByteView bytes, std::string_view what) : rest_(bytes), what_(what) {}

  bool next(Field& field) {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    field = {};
    field.number = static_cast<std::uint32_t>(key >> 3);
    if (field.number == 0 || key >> 32 != 0) reject("a field without a number");
    switch (key & 7) {
      case 0:
        field.kind = Field::Kind::number;
        field.value = varint();
        break;
      case 1:
        field.kind = Field::Kind::fixed64;
        field.bytes = take(8);
        break;
      case 2:
        field.kind = Field::Kind::bytes;
        field.bytes = take(varint());
        break;
      case 5:
        field.kind = Field::Kind::fixed32;
        field.bytes = take(4);
        break;
      default:
        reject(fmt::format("a field of kind {}", key & 7));
    }
    return true;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = take(1)[0];
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    reject("a number of more than 64 bits");
  }
  bool at_end() const { return rest_.empty(); }
  std::size_t size() const { return rest_.size(); }
  std::string_view what() const { return what_; }
  [[noreturn]] void reject(std::string_view why) const {
    throw Error(ErrorCode::bad_input, fmt::format("{}: no ONNX file: {}", what_, why));
  }
  /// The message in a field.
  Fields within(const Field& field) const {
    if (field.kind != Field::Kind::bytes) reject(fmt::format("field {} is no message", field.number));
    return {field.bytes, what_};
  }
  std::string text(const Field& field) const {
    if (field.kind != Field::Kind::bytes) reject(fmt::format("field {} is no text", field.number));
    return std::string(as_text(field.bytes));
  }
  std::uint64_t number(const Field& field) const {
    if (field.kind != Field::Kind::number) reject(fmt::format("field {} is no number", field.number));
    return field.value;
  }

 private:
  ByteView take(std::uint64_t count) {
    if (count > rest_.size()) reject("it ends too early");
    const ByteView taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  ByteView rest_;
  std::string_view what_;
};

/// How many values a repeated field holds, packed or one by one.
std::uint64_t count_of(const Fields& owner, const Field& field) {
  if (field.kind != Field::Kind::bytes || field.number == 6) return 1;
  if (field.number == 4 || field.number == 10) {
    const std::size_t size = field.number == 4 ? 4 : 8;
    if (field.bytes.size() % size != 0) owner.reject("half a number");
    return field.bytes.size() / size;
  }
  std::uint64_t count = 0;
  for (Fields packed = owner.within(field); !packed.at_end(); ++count) packed.varint();
  return count;
}

/// Bytes of a value in raw data; 0: of no size that is known.
std::size_t raw_size(std::uint64_t type) {
  switch (type) {
    case 2:  // uint8
    case 3:  // int8
    case 9:  // bool
      return 1;
    case 4:   // uint16
    case 5:   // int16
    case 10:  // float16
      return 2;
    case 1:   // float32
    case 6:   // int32
    case 12:  // uint32
      return 4;
    case 7:   // int64
    case 11:  // float64
    case 13:  // uint64
      return 8;
    default:
      return 0;
  }
}

/// The field that holds values of a type where they are not raw.
std::size_t typed_field(std::uint64_t type) {
  switch (type) {
    case 1:
      return 4;
    case 7:
      return 7;
    case 8:
      return 6;
    case 11:
      return 10;
    case 12:
    case 13:
      return 11;
    default:
      return 5;
  }
}

struct TensorParts {
  std::uint64_t type = 0, elements = 1;
  std::size_t axes = 0;
  bool is_raw = false;
  std::size_t raw_bytes = 0;
  std::array<std::uint64_t, 12> typed{};  // by field
  std::string name;
};

class Reader {
 public:
  explicit Reader(std::string_view what) : what_(what) {}

  OnnxFile model(ByteView file) {
    Fields fields(file, what_);
    Field field;
    bool has_graph = false;
    while (fields.next(field)) {
      if (field.number == 2) file_.producer = fields.text(field).substr(0, 200);
      if (field.number == 8) opset(fields.within(field));
      if (field.number == 14) metadata(fields.within(field));
      if (field.number != 7) continue;
      if (std::exchange(has_graph, true)) fields.reject("it has two graphs");
      graph(fields.within(field));
    }
    if (!has_graph) fields.reject("it has no graph");
    std::erase_if(file_.inputs, [&](const OnnxValue& input) { return initialised_.contains(input.name); });
    if (file_.inputs.empty() || file_.outputs.empty()) fields.reject("its graph has no input or no output");
    return std::move(file_);
  }

 private:
  void opset(Fields fields) {
    Field field;
    std::string domain;
    std::uint64_t version = 0;
    while (fields.next(field)) {
      if (field.number == 1) domain = fields.text(field);
      if (field.number == 2) version = fields.number(field);
    }
    if (version > 10'000) fields.reject(fmt::format("operators of version {}", version));
    if (domain.empty() || domain == "ai.onnx") file_.opset = static_cast<std::int64_t>(version);
  }

  void metadata(Fields fields) {
    Field field;
    std::string key, value;
    while (fields.next(field)) {
      if (field.number == 1) key = fields.text(field);
      if (field.number == 2) value = fields.text(field);
    }
    metadata_bytes_ += key.size() + value.size();
    if (metadata_bytes_ <= kMaxMetadata) file_.metadata[std::move(key)] = std::move(value);
  }

  void graph(Fields fields) {
    Field field;
    while (fields.next(field)) {
      if (field.number == 1) node(fields.within(field));
      if (field.number == 2) file_.name = fields.text(field).substr(0, 200);
      if (field.number == 5) tensor(fields.within(field), true);
      if (field.number == 11) value(fields.within(field), file_.inputs);
      if (field.number == 12) value(fields.within(field), file_.outputs);
      if (field.number == 15) {
        throw Error(ErrorCode::unsupported, fmt::format("{}: weights as sparse tensors", what_));
      }
    }
  }

  void node(Fields fields) {
    if (++file_.nodes > kMaxNodes) {
      throw Error(ErrorCode::too_large, fmt::format("{}: more than {} nodes", what_, kMaxNodes));
    }
    Field field;
    while (fields.next(field)) {
      if (field.number == 5) attribute(fields.within(field));
    }
  }

  void attribute(Fields fields) {
    Field field;
    while (fields.next(field)) {
      if (field.number == 5 || field.number == 10) tensor(fields.within(field), false);
      if (field.number == 6 || field.number == 11) {
        throw Error(ErrorCode::unsupported, fmt::format("{}: networks with branches or loops", what_));
      }
    }
  }

  void tensor(Fields fields, bool is_initialiser) {
    TensorParts parts;
    Field field;
    while (fields.next(field)) part(fields, field, parts);
    const std::size_t size = raw_size(parts.type), place = typed_field(parts.type);
    const std::uint64_t typed = std::accumulate(parts.typed.begin(), parts.typed.end(), std::uint64_t{0});
    const bool fits = parts.is_raw
                          ? typed == 0 && size > 0 && checked_product(parts.elements, size, what_) == parts.raw_bytes
                          : typed == parts.elements && parts.typed[place] == typed;
    if (!fits) {
      fields.reject(fmt::format("tensor \"{}\" of type {} does not hold the {} values of its shape",
                                parts.name.substr(0, 100), parts.type, parts.elements));
    }
    file_.weights += parts.elements;
    if (is_initialiser) initialised_.insert(std::move(parts.name));
  }

  void part(const Fields& fields, const Field& field, TensorParts& parts) {
    const auto dimension = [&](std::uint64_t size) {
      if (size > kMaxSide || ++parts.axes > kMaxAxes) fields.reject("a tensor of no sound shape");
      parts.elements = checked_product(parts.elements, size, what_);
    };
    switch (field.number) {
      case 1:
        if (field.kind == Field::Kind::number) return dimension(field.value);
        for (Fields packed = fields.within(field); !packed.at_end();) dimension(packed.varint());
        break;
      case 2:
        parts.type = fields.number(field);
        break;
      case 4:   // float32
      case 5:   // int32
      case 6:   // text
      case 7:   // int64
      case 10:  // float64
      case 11:  // uint64
        parts.typed[field.number] += count_of(fields, field);
        break;
      case 8:
        parts.name = fields.text(field);
        break;
      case 9:
        parts.is_raw = true;
        parts.raw_bytes = fields.within(field).size();
        break;
      case 13:
      case 14:
        if (field.number == 14 && fields.number(field) == 0) return;
        throw Error(ErrorCode::unsupported, fmt::format("{}: weights in another file", what_));
      default:
        break;
    }
  }

  void value(Fields fields, std::vector<OnnxValue>& to) {
    if (to.size() == kMaxNodes) {
      throw Error(ErrorCode::too_large, fmt::format("{}: too many inputs or outputs", what_));
    }
    OnnxValue& one = to.emplace_back();
    Field field;
    while (fields.next(field)) {
      if (field.number == 1) one.name = fields.text(field);
      if (field.number == 2) type(fields.within(field), one);
    }
  }

  void type(Fields fields, OnnxValue& value) {
    Field field;
    while (fields.next(field)) {
      if (field.number != 1) continue;
      Fields tensor = fields.within(field);
      while (tensor.next(field)) {
        if (field.number == 1) value.is_float32 = tensor.number(field) == 1;
        if (field.number == 2) shape(tensor.within(field), value);
      }
    }
  }

  void shape(Fields fields, OnnxValue& value) {
    Field field;
    while (fields.next(field)) {
      if (field.number != 1) continue;
      if (value.shape.size() == kMaxAxes) fields.reject("a value of no sound shape");
      std::int64_t& side = value.shape.emplace_back(-1);
      Fields dimension = fields.within(field);
      while (dimension.next(field)) {
        if (field.number != 1) continue;
        const std::uint64_t size = dimension.number(field);
        if (size > kMaxSide) fields.reject("a value of no sound shape");
        side = size == 0 ? -1 : static_cast<std::int64_t>(size);
      }
    }
  }

  std::string_view what_;
  OnnxFile file_;
  std::set<std::string> initialised_;
  std::size_t metadata_bytes_ = 0;
};

}  // namespace

OnnxFile read_onnx(ByteView file, std::string_view what) { return Reader(what).model(file); }

}  // namespace sagittal::nn
