#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sagittal::nn {

/// What goes into a network or comes out of it.
struct OnnxValue {
  std::string name;
  bool is_float32 = false;
  std::vector<std::int64_t> shape;  ///< -1: any
};

/// What an .onnx file says of itself, its weights checked but not kept.
struct OnnxFile {
  std::string producer, name;
  std::int64_t opset = 0;         ///< of the standard operators
  std::vector<OnnxValue> inputs;  ///< without those that the file has the values of
  std::vector<OnnxValue> outputs;
  std::size_t nodes = 0;
  std::uint64_t weights = 0;                    ///< numbers in all tensors
  std::map<std::string, std::string> metadata;  ///< up to 64 KiB in all
};

/// Reads the whole file and trusts none of it: each tensor holds as many values as its shape says, no more than 2^16
/// nodes, weights in the file itself. Error(bad_input) for what is forged or cut, Error(unsupported) for weights in
/// other files and for networks with branches or loops, Error(too_large).
OnnxFile read_onnx(ByteView file, std::string_view what);

}  // namespace sagittal::nn
