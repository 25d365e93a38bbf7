#include <fmt/format.h>

#include "base/error.h"
#include "nn/cuda/device/cuda_card.h"
#include "nn/cuda/device/status.h"

namespace sagittal::nn::cuda {
namespace {

constexpr int kLeastCapability = 75;  ///< as src/nn/cuda/device/CMakeLists.txt builds for

/// How many cards the driver knows; 0 without a driver.
int count_cards() {
  int driver = 0, count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) return count;
  cudaGetLastError();
  if (status == cudaErrorNoDevice) return 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) return 0;
  throw Error(
      ErrorCode::unsupported,
      fmt::format("CUDA {}.{} cannot be used with this driver, which is for CUDA {}.{}: {}", CUDART_VERSION / 1000,
                  CUDART_VERSION % 1000 / 10, driver / 1000, driver % 1000 / 10, cudaGetErrorString(status)));
}

}  // namespace

std::vector<std::shared_ptr<Card>> open_cards() {
  std::vector<std::shared_ptr<Card>> cards;
  const int count = count_cards();
  std::string too_old;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp about{};
    check(cudaGetDeviceProperties(&about, index), fmt::format("asking card {} what it is", index));
    if (about.major * 10 + about.minor < kLeastCapability) {
      too_old =
          fmt::format("{} is of compute capability {}.{}, expected 7.5 at least", about.name, about.major, about.minor);
      continue;
    }
    cudnn();
    cards.push_back(std::make_shared<CudaCard>(index, about.name));
  }
  if (cards.empty() && count > 0) throw Error(ErrorCode::unsupported, too_old);
  return cards;
}

}  // namespace sagittal::nn::cuda
