#pragma once
#include <cudnn.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sagittal::nn::cuda {

/// What is called of cuDNN 9, found when it is first asked for.
struct Cudnn {
  decltype(&cudnnGetVersion) version;
  decltype(&cudnnGetCudartVersion) cudart_version;
  decltype(&cudnnGetErrorString) error_string;
  decltype(&cudnnGetLastErrorString) last_error;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) set_stream;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor;
  decltype(&cudnnBackendSetAttribute) set;
  decltype(&cudnnBackendGetAttribute) get;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;
};

/// Loads `library`. Throws Error(unsupported), with what to install, where it is missing, of another major version, or
/// made for another CUDA than this program.
Cudnn load_cudnn(const char* library);

/// libcudnn.so.9, loaded once for the process. Throws as `load_cudnn` each time.
const Cudnn& cudnn();

/// Status and the library's own text.
std::string explain(cudnnStatus_t status);

/// Throws as `check` of CUDA's status.
void check(cudnnStatus_t status, std::string_view doing);

/// What a cuDNN handle needs of the thread: its card is selected.
using CudnnHandle = std::unique_ptr<std::remove_pointer_t<cudnnHandle_t>, cudnnStatus_t (*)(cudnnHandle_t)>;
CudnnHandle make_cudnn_handle();

/// One object of cuDNN's graph API: attributes are set, then it is finished.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::span<const T> values) {
    check(cudnn().set(get(), name, type, static_cast<std::int64_t>(values.size()), values.data()), "describing");
    return *this;
  }
  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    return set(name, type, std::span<const T>(&value, 1));
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& part) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, part.get());
  }
  Descriptor& integers(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
    return set(name, CUDNN_TYPE_INT64, values);
  }
  std::int64_t integer(cudnnBackendAttributeName_t name) const;

  /// Throws where cuDNN does not take it.
  Descriptor& finish(std::string_view what);
  cudnnStatus_t try_finish() { return cudnn().finalize(get()); }
  cudnnBackendDescriptor_t get() const { return descriptor_.get(); }

 private:
  struct Destroy {
    void operator()(cudnnBackendDescriptor_t descriptor) const { cudnn().destroy_descriptor(descriptor); }
  };
  std::unique_ptr<void, Destroy> descriptor_;
};

}  // namespace sagittal::nn::cuda
