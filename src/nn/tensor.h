#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sagittal::nn {

enum class DType { f32, f64, f16, bf16, i64, i32, i16, i8, u8, boolean };

std::size_t size_of(DType type);
/// PyTorch's name: "float32", "bfloat16".
std::string_view name_of(DType type);

/// Elements in C order, little-endian; the bytes belong to someone else (see `StateDict`).
struct TensorView {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  ByteView bytes;  ///< element_count() * size_of(dtype) of them, of any alignment

  std::int64_t element_count() const;
};

/// All elements converted to float.
std::vector<float> to_float(const TensorView& tensor);

/// Named tensors and a share in the memory behind them. Copies share that memory; safe to read from any thread.
struct StateDict {
  std::map<std::string, TensorView, std::less<>> tensors;
  std::vector<std::shared_ptr<const void>> owners;
  std::shared_ptr<const MappedFile> file;  ///< the owner of most bytes, where it is a mapped file

  /// Null where the name is unknown.
  const TensorView* find(std::string_view name) const;
  /// Gives the memory of `file` back to the system; what is read again comes from the file again.
  void forget_pages() const noexcept;
  /// The same for one of the tensors, except where others share its pages.
  void forget_pages(const TensorView& tensor) const noexcept;
  /// Adds a float32 tensor and keeps its values.
  void add(std::string name, std::vector<std::int64_t> shape, std::vector<float> values);
};

}  // namespace sagittal::nn
