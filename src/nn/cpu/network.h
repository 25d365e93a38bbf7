#pragma once
#include <memory>

#include "nn/architecture.h"
#include "nn/network.h"
#include "nn/tensor.h"

namespace sagittal::nn::cpu {

class Tuning;

enum class Precision {
  automatic,  ///< bf16 where the processor has AMX for it, else fp32
  fp32,
  bf16,  ///< needs AVX-512, else Error(unsupported); twice as fast as fp32 on AMD's, half as fast on Intel's without
         ///< AMX
};

struct CpuOptions {
  int threads = 0;  ///< 0: available_cores()
  Precision precision = Precision::automatic;
  std::shared_ptr<Tuning> tuning = nullptr;  ///< which kernels; null: what tuning_file() remembers (tuning.h)
};

/// The network on oneDNN and kernels of our own. `weights` must hold exactly the parameters (see `select_parameters`);
/// the network keeps a share in them. The first run of each size prepares kernels and weights for it; later runs reuse
/// them.
std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights,
                                            const CpuOptions& options = {});

/// What `automatic` means on this processor.
Precision automatic_precision();

}  // namespace sagittal::nn::cpu
