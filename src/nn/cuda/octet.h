#pragma once
#include <cstdint>

#include "base/half.h"

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define SAGITTAL_ANYWHERE __host__ __device__ inline
#else
#define SAGITTAL_ANYWHERE inline
#endif

namespace sagittal::nn::cuda {

inline constexpr int kOctet = 8;  ///< channels come in multiples of so many in a card's memory; the rest is zero

/// Eight neighbouring channels of a voxel.
struct Octet {
  float values[kOctet];
};

/// `from` is aligned to 16 bytes.
SAGITTAL_ANYWHERE Octet load(const Half* from) {
  Octet out;
#ifdef __CUDA_ARCH__
  const uint4 raw = *reinterpret_cast<const uint4*>(from);
  const auto* pairs = reinterpret_cast<const __half2*>(&raw);
  for (int n = 0; n < kOctet / 2; ++n) {
    const float2 pair = __half22float2(pairs[n]);
    out.values[2 * n] = pair.x;
    out.values[2 * n + 1] = pair.y;
  }
#else
  for (int n = 0; n < kOctet; ++n) out.values[n] = from_half(from[n]);
#endif
  return out;
}

SAGITTAL_ANYWHERE void store(const Octet& octet, Half* to) {
#ifdef __CUDA_ARCH__
  uint4 raw;
  auto* pairs = reinterpret_cast<__half2*>(&raw);
  for (int n = 0; n < kOctet / 2; ++n) pairs[n] = __floats2half2_rn(octet.values[2 * n], octet.values[2 * n + 1]);
  *reinterpret_cast<uint4*>(to) = raw;
#else
  for (int n = 0; n < kOctet; ++n) to[n] = to_half(octet.values[n]);
#endif
}

}  // namespace sagittal::nn::cuda
