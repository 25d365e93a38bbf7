#include "nn/plain_pickle.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::nn {
namespace {

using Kind = PickleValue::Kind;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxValues = std::size_t{4} << 20;
constexpr std::size_t kMaxAxes = 8;

/// A shared value is written as often as it is referred to, so what comes out is counted, not what goes in.
class Converter {
 public:
  explicit Converter(std::string_view what) : what_(what) {}

  Json convert(const PickleValue& value, int depth);

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what_, problem));
  }
  void count(std::size_t values) {
    if (values > kMaxValues - count_) {
      throw Error(ErrorCode::too_large, fmt::format("{}: more than {} values", what_, kMaxValues));
    }
    count_ += values;
  }
  Json convert_call(const PickleValue& call);
  Json convert_dict(const PickleValue& dict, int depth);
  Json scalar(const PickleValue& call);
  Json array(const PickleValue& call);
  std::string element_type(const PickleValue& dtype) const;
  Json element(const std::string& type, const char* bytes) const;
  std::size_t size_of_element(const std::string& type) const;
  Json nested(const std::string& type, std::string_view bytes, const std::vector<std::size_t>& shape, std::size_t axis);

  std::string_view what_;
  std::size_t count_ = 0;
};

Json Converter::convert(const PickleValue& value, int depth) {
  if (depth > kMaxDepth) throw Error(ErrorCode::too_large, fmt::format("{}: deeper than {}", what_, kMaxDepth));
  count(1);
  switch (value.kind) {
    case Kind::boolean:
      return value.integer != 0;
    case Kind::integer:
      return value.integer;
    case Kind::real:
      return value.real;
    case Kind::text:
      return std::string(value.text);
    case Kind::tuple:
    case Kind::list: {
      Json out = Json::array();
      for (const PickleValue* item : value.items) out.push_back(convert(*item, depth + 1));
      return out;
    }
    case Kind::dict:
      return convert_dict(value, depth);
    case Kind::reduced:
      return convert_call(value);
    default:
      return nullptr;
  }
}

Json Converter::convert_dict(const PickleValue& dict, int depth) {
  Json out = Json::object();
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& key = *dict.items[i];
    if (key.is(Kind::text)) {
      out[std::string(key.text)] = convert(*dict.items[i + 1], depth + 1);
    } else if (key.is(Kind::integer)) {
      out[std::to_string(key.integer)] = convert(*dict.items[i + 1], depth + 1);
    }
  }
  return out;
}

Json Converter::convert_call(const PickleValue& call) {
  const auto is = [&](const char* name) {
    return call.is_call_of(fmt::format("numpy.core.multiarray {}", name)) ||
           call.is_call_of(fmt::format("numpy._core.multiarray {}", name));
  };
  if (is("scalar")) return scalar(call);
  if (is("_reconstruct")) return array(call);
  return nullptr;
}

/// "f8", "i4", "b1"; empty for what is no little-endian number.
std::string Converter::element_type(const PickleValue& dtype) const {
  if (!dtype.is_call_of("numpy dtype") || dtype.items[1]->items.empty()) return {};
  const PickleValue& name = *dtype.items[1]->items[0];
  constexpr std::array<std::string_view, 11> known{"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
  const bool number = name.is(Kind::text) && std::find(known.begin(), known.end(), name.text) != known.end();
  const PickleValue* state = dtype.state;
  const bool described = state != nullptr && state->is(Kind::tuple) && state->items.size() >= 2;
  const bool big = described && state->items[1]->is(Kind::text) && state->items[1]->text == ">";
  return number && !big ? std::string(name.text) : std::string();
}

std::size_t Converter::size_of_element(const std::string& type) const {
  return static_cast<std::size_t>(type[1] - '0');
}

template <class T>
Json read_as(const char* bytes) {
  T value{};
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

Json Converter::element(const std::string& type, const char* bytes) const {
  if (type == "f4") return static_cast<double>(read_as<float>(bytes).get<float>());
  if (type == "f8") return read_as<double>(bytes);
  if (type == "i1") return read_as<std::int8_t>(bytes);
  if (type == "i2") return read_as<std::int16_t>(bytes);
  if (type == "i4") return read_as<std::int32_t>(bytes);
  if (type == "i8") return read_as<std::int64_t>(bytes);
  if (type == "u1") return read_as<std::uint8_t>(bytes);
  if (type == "u2") return read_as<std::uint16_t>(bytes);
  if (type == "u4") return read_as<std::uint32_t>(bytes);
  if (type == "u8") return read_as<std::uint64_t>(bytes);
  return *bytes != 0;  // b1
}

Json Converter::scalar(const PickleValue& call) {
  const auto& arguments = call.items[1]->items;
  if (arguments.size() != 2 || !arguments[1]->is(Kind::bytes)) return nullptr;
  const std::string type = element_type(*arguments[0]);
  if (type.empty()) return nullptr;
  if (arguments[1]->text.size() != size_of_element(type))
    fail(fmt::format("a number of type {} of another size", type));
  return element(type, arguments[1]->text.data());
}

Json Converter::nested(const std::string& type, std::string_view bytes, const std::vector<std::size_t>& shape,
                       std::size_t axis) {
  if (axis == shape.size()) return element(type, bytes.data());
  Json out = Json::array();
  const std::size_t part = shape[axis] == 0 ? 0 : bytes.size() / shape[axis];
  for (std::size_t n = 0; n < shape[axis]; ++n) {
    out.push_back(nested(type, bytes.substr(n * part, part), shape, axis + 1));
  }
  return out;
}

/// Its state is (version, shape, dtype, Fortran order, bytes).
Json Converter::array(const PickleValue& call) {
  const PickleValue* state = call.state;
  if (state == nullptr || !state->is(Kind::tuple) || state->items.size() != 5) return nullptr;
  const PickleValue &extents = *state->items[1], &order = *state->items[3], &bytes = *state->items[4];
  const std::string type = element_type(*state->items[2]);
  if (type.empty() || !extents.is(Kind::tuple) || !bytes.is(Kind::bytes)) return nullptr;
  if (order.integer != 0 && extents.items.size() > 1) return nullptr;
  std::vector<std::size_t> shape;
  std::uint64_t elements = 1;
  for (const PickleValue* extent : extents.items) {
    if (!extent->is(Kind::integer) || extent->integer < 0 || shape.size() == kMaxAxes) fail("an array without a shape");
    shape.push_back(static_cast<std::size_t>(extent->integer));
    elements = checked_product(elements, shape.back(), what_);
  }
  if (checked_product(elements, size_of_element(type), what_) != bytes.text.size()) {
    fail(fmt::format("an array of {} elements in {} bytes", elements, bytes.text.size()));
  }
  // A shape with a zero has no elements, but may still ask for many empty lists.
  std::size_t lists = 1;
  for (const std::size_t extent : shape) {
    count(lists);
    lists = static_cast<std::size_t>(checked_product(lists, extent, what_));
  }
  count(lists);
  return nested(type, bytes.text, shape, 0);
}

}  // namespace

Json json_of(const PickleValue& value, std::string_view what) { return Converter(what).convert(value, 0); }

}  // namespace sagittal::nn
