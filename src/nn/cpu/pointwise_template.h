// Included once per instruction set, after `Octet` and kernels_template.h; in an unnamed namespace like that.
#pragma once
#include "nn/cpu/kernels_template.h"

namespace sagittal::nn::cpu {
namespace {

constexpr int kVoxels = 8;           // results computed together
constexpr int kBlocksPerFlush = 32;  // of kVoxels, between additions to the sums in double

/// Results of kVoxels neighbouring voxels in one octet of channels.
struct Results {
  Octet voxel[kVoxels];
};

/// sum and square of differences from an origin, in float until `flush`.
struct Moments {
  Octet origin, sum, square;

  explicit Moments(const float* from) : origin(Octet::load(from)), sum(Octet::fill(0)), square(Octet::fill(0)) {}
  void add(Octet y) {
    const Octet d = y - origin;
    sum = sum + d;
    square = fma(d, d, square);
  }
  void flush(double* sums, int outputs) {
    float lanes[2][kOctet];
    sum.store(lanes[0]);
    square.store(lanes[1]);
    for (int i = 0; i < kOctet; ++i) {
      sums[i] += static_cast<double>(lanes[0][i]);
      sums[outputs + i] += static_cast<double>(lanes[1][i]);
    }
    sum = square = Octet::fill(0);
  }
};

template <int count>
Results planes_block(const PlanesPointwise& a, std::int64_t v, int o) {
  Results out;
  for (int i = 0; i < count; ++i) out.voxel[i] = Octet::fill(0);
  for (int c = 0; c < a.inputs; ++c) {
    const Octet weights = Octet::load(a.weights + c * a.outputs + o);
    const float* x = a.planes + c * a.plane_stride + v;
    for (int i = 0; i < count; ++i) out.voxel[i] = fma(Octet::fill(x[i]), weights, out.voxel[i]);
  }
  return out;
}

/// Calls body(results, first voxel, count as a constant) for all voxels of one octet of channels.
template <class Body>
void for_planes(const PlanesPointwise& a, std::int64_t voxels, int o, Body&& body) {
  std::int64_t v = 0;
  for (; v + kVoxels <= voxels; v += kVoxels) body(planes_block<kVoxels>(a, v, o), v, kVoxels);
  for (; v < voxels; ++v) body(planes_block<1>(a, v, o), v, 1);
}

void planes_statistics(const PlanesPointwise& a, std::int64_t voxels, const float* origin, double* sums) {
  for (int o = 0; o < a.outputs; o += kOctet) {
    Moments moments(origin + o);
    int blocks = 0;
    for_planes(a, voxels, o, [&](const Results& y, std::int64_t, int count) {
      for (int i = 0; i < count; ++i) moments.add(y.voxel[i]);
      if (++blocks % kBlocksPerFlush == 0) moments.flush(sums + o, a.outputs);
    });
    moments.flush(sums + o, a.outputs);
  }
}

template <class T>
void planes_normalised(const PlanesPointwise& a, std::int64_t voxels, const float* scale, const float* shift,
                       float slope, T* out) {
  const Octet lower = Octet::fill(slope);
  for (int o = 0; o < a.outputs; o += kOctet) {
    const Octet factor = Octet::load(scale + o), offset = Octet::load(shift + o);
    for_planes(a, voxels, o, [&](const Results& y, std::int64_t v, int count) {
      for (int i = 0; i < count; ++i) {
        const Octet z = fma(y.voxel[i], factor, offset);
        max(z, z * lower).store(out + (v + i) * a.outputs + o);
      }
    });
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu
