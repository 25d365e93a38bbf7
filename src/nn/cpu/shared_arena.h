#pragma once
#include <memory>

#include "base/buffer_pool.h"
#include "nn/cpu/network.h"

namespace sagittal::nn::cpu {

/// Memory that networks which run one after the other can share.
std::shared_ptr<BufferPool> make_arenas();

/// `make_network`, with feature maps in memory of `arenas` instead of its own.
std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights, const CpuOptions& options,
                                            std::shared_ptr<BufferPool> arenas);

}  // namespace sagittal::nn::cpu
