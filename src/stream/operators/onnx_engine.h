#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sagittal::stream {

/// A network that OpenCV runs. OpenCV stands in a module of its own (onnx_engine.cpp), loaded with the first network:
/// to load it with the program would double the time that the program takes to start. One thread.
class OnnxEngine {
 public:
  virtual ~OnnxEngine() = default;

  struct Output {
    std::vector<std::int64_t> shape;
    std::span<const float> values;  ///< until the next run
  };
  /// `input`: values of `shape`, C order. Error(bad_input) where the network does not take that, Error(too_large)
  /// where it would need more than kMaxOnnxMemory.
  virtual Output run(std::span<const float> input, std::span<const std::int64_t> shape) = 0;
};
inline constexpr std::uint64_t kMaxOnnxMemory = std::uint64_t{4} << 30;

struct OnnxEngineOptions {
  ByteView file;       ///< as `nn::read_onnx` found it sound; not needed any more once made
  std::string output;  ///< a name of one of the file's outputs
  int threads = 0;     ///< of all networks of the process together; 0: as OpenCV has it
};

/// What the module has, under kOnnxEngineFunction. Error(bad_input) for files that OpenCV does not take.
using MakeOnnxEngine = std::unique_ptr<OnnxEngine> (*)(const OnnxEngineOptions&);
inline constexpr const char* kOnnxEngineFunction = "sagittal_onnx_engine_1";

/// Finds it in ../lib/sagittal/ beside the program's folder. Error(unavailable) where it is not there or cannot be
/// loaded, with the packages that are needed.
MakeOnnxEngine load_onnx_engine();

}  // namespace sagittal::stream
