#include "nn/cuda/device/cudnn.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace sagittal::nn::cuda {
namespace {

constexpr int kCudaMajor = CUDART_VERSION / 1000;

[[noreturn]] void refuse(std::string_view reason) {
  throw Error(ErrorCode::unsupported,
              fmt::format("cuDNN 9 is needed beside CUDA: {}. `pip install nvidia-cudnn-cu{}` brings it; its folder "
                          "nvidia/cudnn/lib belongs into LD_LIBRARY_PATH",
                          reason, kCudaMajor));
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) refuse(fmt::format("{} is not in it", name));
}

}  // namespace

Cudnn load_cudnn(const char* library) {
  void* opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);  // for as long as the process lives
  if (opened == nullptr) refuse(dlerror());
  Cudnn table{};
  find(opened, "cudnnGetVersion", table.version);
  find(opened, "cudnnGetCudartVersion", table.cudart_version);
  find(opened, "cudnnGetErrorString", table.error_string);
  find(opened, "cudnnGetLastErrorString", table.last_error);
  find(opened, "cudnnCreate", table.create);
  find(opened, "cudnnDestroy", table.destroy);
  find(opened, "cudnnSetStream", table.set_stream);
  find(opened, "cudnnBackendCreateDescriptor", table.create_descriptor);
  find(opened, "cudnnBackendDestroyDescriptor", table.destroy_descriptor);
  find(opened, "cudnnBackendSetAttribute", table.set);
  find(opened, "cudnnBackendGetAttribute", table.get);
  find(opened, "cudnnBackendFinalize", table.finalize);
  find(opened, "cudnnBackendExecute", table.execute);
  if (table.version() / 10000 != CUDNN_MAJOR) refuse(fmt::format("this is version {}", table.version()));
  if (table.cudart_version() / 1000 != kCudaMajor) {
    refuse(fmt::format("this one is for CUDA {}, the program for {}", table.cudart_version() / 1000, kCudaMajor));
  }
  return table;
}

const Cudnn& cudnn() {
  static const Cudnn table = load_cudnn("libcudnn.so.9");
  return table;
}

std::string explain(cudnnStatus_t status) {
  std::array<char, 1024> more{};
  cudnn().last_error(more.data(), more.size());
  return fmt::format("{} {}", cudnn().error_string(status), more.data());
}

void check(cudnnStatus_t status, std::string_view doing) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const bool memory = status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
                      status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  throw Error(memory ? ErrorCode::too_large : ErrorCode::internal,
              fmt::format("cuDNN, {}: {}", doing, explain(status)));
}

CudnnHandle make_cudnn_handle() {
  cudnnHandle_t handle = nullptr;
  check(cudnn().create(&handle), "opening the card");
  return {handle, cudnn().destroy};
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t made = nullptr;
  check(cudnn().create_descriptor(type, &made), "making a descriptor");
  descriptor_.reset(made);
}

std::int64_t Descriptor::integer(cudnnBackendAttributeName_t name) const {
  std::int64_t value = 0, count = 0;
  check(cudnn().get(get(), name, CUDNN_TYPE_INT64, 1, &count, &value), "reading a descriptor");
  return value;
}

Descriptor& Descriptor::finish(std::string_view what) {
  check(try_finish(), what);
  return *this;
}

}  // namespace sagittal::nn::cuda
