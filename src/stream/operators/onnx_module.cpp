#include <dlfcn.h>

#include <filesystem>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/operators/onnx_engine.h"

namespace sagittal::stream {

MakeOnnxEngine load_onnx_engine() {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const auto file = program.parent_path() / "lib/sagittal/onnx.so";
  // It stays: OpenCV has threads of its own that outlive a network.
  void* const module = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    throw Error(ErrorCode::unavailable, fmt::format("ONNX networks need the module {} and Debian's package "
                                                    "libopencv-dnn406: {}",
                                                    file.string(), ::dlerror()));
  }
  auto* const make = reinterpret_cast<MakeOnnxEngine>(::dlsym(module, kOnnxEngineFunction));
  if (make == nullptr) {
    throw Error(ErrorCode::unavailable, fmt::format("{} is of another version of this program", file.string()));
  }
  return make;
}

}  // namespace sagittal::stream
