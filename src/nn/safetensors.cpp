#include "nn/safetensors.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace sagittal::nn {
namespace {

constexpr std::uint64_t kMaxHeader = 16 << 20;
constexpr std::size_t kMaxTensors = 65536;
constexpr std::size_t kMaxAxes = 16;
constexpr std::size_t kAlignment = 8;
constexpr std::array<std::pair<std::string_view, DType>, 10> kTypes{{{"F32", DType::f32},
                                                                     {"F64", DType::f64},
                                                                     {"F16", DType::f16},
                                                                     {"BF16", DType::bf16},
                                                                     {"I64", DType::i64},
                                                                     {"I32", DType::i32},
                                                                     {"I16", DType::i16},
                                                                     {"I8", DType::i8},
                                                                     {"U8", DType::u8},
                                                                     {"BOOL", DType::boolean}}};

[[noreturn]] void reject(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, why));
}

DType type_from(std::string_view name, std::string_view what) {
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  throw Error(ErrorCode::unsupported, fmt::format("{}: type \"{}\" is not supported", what, name.substr(0, 20)));
}

std::string_view text_of(DType wanted) {
  return std::find_if(kTypes.begin(), kTypes.end(), [wanted](const auto& row) { return row.second == wanted; })->first;
}

TensorView read_entry(const Json& entry, ByteView data, std::string_view what) {
  TensorView tensor;
  tensor.dtype = type_from(json_get<std::string>(entry, "dtype", what), what);
  tensor.shape = json_get<std::vector<std::int64_t>>(entry, "shape", what);
  if (tensor.shape.size() > kMaxAxes) reject(what, fmt::format("{} axes", tensor.shape.size()));
  std::uint64_t bytes = size_of(tensor.dtype);
  for (const std::int64_t size : tensor.shape) {
    if (size < 0) reject(what, fmt::format("an axis of {} values", size));
    bytes = checked_product(bytes, static_cast<std::uint64_t>(size), what);
  }
  const auto range = json_get<std::vector<std::uint64_t>>(entry, "data_offsets", what);
  if (range.size() != 2 || range[0] > range[1] || range[1] > data.size() || range[1] - range[0] != bytes) {
    reject(what, fmt::format("its offsets are not those of {} bytes among {}", bytes, data.size()));
  }
  tensor.bytes = data.subspan(range[0], bytes);
  return tensor;
}

/// Every byte belongs to one tensor.
void check_cover(const StateDict& state, ByteView data, std::string_view what) {
  std::vector<std::pair<const std::uint8_t*, std::size_t>> parts;
  for (const auto& [name, tensor] : state.tensors) parts.emplace_back(tensor.bytes.data(), tensor.bytes.size());
  std::sort(parts.begin(), parts.end());
  const std::uint8_t* at = data.data();
  for (const auto& [begin, size] : parts) {
    if (begin != at) reject(what, "its tensors overlap or leave gaps");
    at += size;
  }
  if (at != data.data() + data.size()) reject(what, "bytes that belong to no tensor");
}

}  // namespace

StateDict read_safetensors_bytes(ByteView file, std::shared_ptr<const void> owner, std::string_view what) {
  ByteReader reader(file, what);
  const auto size = reader.read<std::uint64_t>();
  if (size > kMaxHeader) throw Error(ErrorCode::too_large, fmt::format("{}: a header of {} bytes", what, size));
  const Json header = parse_json(as_text(reader.take(size)), what);
  if (!header.is_object()) reject(what, "its header is not a table");
  if (header.size() > kMaxTensors) reject(what, fmt::format("{} tensors", header.size()));
  const ByteView data = reader.take(reader.remaining());
  StateDict state;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") state.tensors[name] = read_entry(entry, data, fmt::format("{}: {}", what, name));
  }
  check_cover(state, data, what);
  if (owner) state.owners.push_back(std::move(owner));
  return state;
}

StateDict read_safetensors(const std::filesystem::path& path) {
  auto file = std::make_shared<const MappedFile>(path);
  StateDict state = read_safetensors_bytes(file->bytes(), file, path.filename().string());
  state.file = std::move(file);
  return state;
}

Bytes write_safetensors(const StateDict& tensors) {
  Json header = Json::object();
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors.tensors) {
    header[name] = {{"dtype", text_of(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const std::uint64_t size = text.size();
  Bytes file(sizeof(size) + text.size() + offset);
  std::memcpy(file.data(), &size, sizeof(size));
  std::copy(text.begin(), text.end(), file.begin() + sizeof(size));
  auto at = file.end() - static_cast<std::ptrdiff_t>(offset);
  for (const auto& [name, tensor] : tensors.tensors) at = std::copy(tensor.bytes.begin(), tensor.bytes.end(), at);
  return file;
}

}  // namespace sagittal::nn
