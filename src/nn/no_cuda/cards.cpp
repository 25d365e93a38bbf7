#include "base/error.h"
#include "nn/cuda/card.h"

namespace sagittal::nn::cuda {

std::vector<std::shared_ptr<Card>> open_cards() {
  throw Error(ErrorCode::unsupported, "this program was built without CUDA");
}

}  // namespace sagittal::nn::cuda
