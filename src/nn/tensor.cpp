#include "nn/tensor.h"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstring>
#include <functional>

#include "base/error.h"

namespace sagittal::nn {
namespace {

struct TypeRow {
  DType type;
  std::size_t size;
  std::string_view name;
};
constexpr std::array kTypes{
    TypeRow{DType::f32, 4, "float32"},   TypeRow{DType::f64, 8, "float64"}, TypeRow{DType::f16, 2, "float16"},
    TypeRow{DType::bf16, 2, "bfloat16"}, TypeRow{DType::i64, 8, "int64"},   TypeRow{DType::i32, 4, "int32"},
    TypeRow{DType::i16, 2, "int16"},     TypeRow{DType::i8, 1, "int8"},     TypeRow{DType::u8, 1, "uint8"},
    TypeRow{DType::boolean, 1, "bool"},
};

float from_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = half >> 10 & 0x1f;
  const std::uint32_t fraction = half & 0x3ff;
  constexpr float subnormal_unit = 0x1p-24F;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * subnormal_unit;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xff : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

template <class T, class F>
void convert(ByteView bytes, std::vector<float>& out, F&& to_float_value) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = to_float_value(value);
  }
}

template <class T>
void convert_number(ByteView bytes, std::vector<float>& out) {
  convert<T>(bytes, out, [](T value) { return static_cast<float>(value); });
}

}  // namespace

std::size_t size_of(DType type) { return kTypes[static_cast<std::size_t>(type)].size; }
std::string_view name_of(DType type) { return kTypes[static_cast<std::size_t>(type)].name; }

std::int64_t TensorView::element_count() const { return static_cast<std::int64_t>(bytes.size() / size_of(dtype)); }

std::vector<float> to_float(const TensorView& tensor) {
  std::vector<float> out(static_cast<std::size_t>(tensor.element_count()));
  const ByteView bytes = tensor.bytes;
  switch (tensor.dtype) {
    case DType::f32:
      if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
      break;
    case DType::f64:
      convert_number<double>(bytes, out);
      break;
    case DType::f16:
      convert<std::uint16_t>(bytes, out, from_half);
      break;
    case DType::bf16:
      convert<std::uint16_t>(bytes, out, [](std::uint16_t value) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
      });
      break;
    case DType::i64:
      convert_number<std::int64_t>(bytes, out);
      break;
    case DType::i32:
      convert_number<std::int32_t>(bytes, out);
      break;
    case DType::i16:
      convert_number<std::int16_t>(bytes, out);
      break;
    case DType::i8:
      convert_number<std::int8_t>(bytes, out);
      break;
    case DType::u8:
    case DType::boolean:
      convert_number<std::uint8_t>(bytes, out);
      break;
  }
  return out;
}

const TensorView* StateDict::find(std::string_view name) const {
  const auto found = tensors.find(name);
  return found == tensors.end() ? nullptr : &found->second;
}

void StateDict::forget_pages() const noexcept {
  if (!file) return;
  const ByteView bytes = file->bytes();  // starts on a page, as every mapping
  ::madvise(const_cast<std::uint8_t*>(bytes.data()), bytes.size(), MADV_DONTNEED);
}

void StateDict::forget_pages(const TensorView& tensor) const noexcept {
  constexpr std::uintptr_t page = 4096;
  if (!file || tensor.bytes.empty()) return;
  const ByteView all = file->bytes();
  const std::less_equal<const std::uint8_t*> at_most;
  const std::uint8_t *first = tensor.bytes.data(), *last = first + tensor.bytes.size();
  if (!at_most(all.data(), first) || !at_most(last, all.data() + all.size())) return;
  const std::uintptr_t begin = (reinterpret_cast<std::uintptr_t>(first) + page - 1) / page * page;
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(last) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void StateDict::add(std::string name, std::vector<std::int64_t> shape, std::vector<float> values) {
  const auto kept = std::make_shared<const std::vector<float>>(std::move(values));
  owners.push_back(kept);
  tensors[std::move(name)] = {DType::f32,
                              std::move(shape),
                              {reinterpret_cast<const std::uint8_t*>(kept->data()), kept->size() * sizeof(float)}};
}

}  // namespace sagittal::nn
