#include <utility>

#include "nn/cpu/kernels.h"
#include "nn/cpu/pointwise_kernels.h"

namespace sagittal::nn::cpu {
namespace {

/// Four floats in plain C++; the compiler maps them to what every processor of the architecture has.
struct Vector {
  static constexpr int kLanes = 4;
  float lane[kLanes];

  static Vector fill(float x) { return {{x, x, x, x}}; }
  static Vector zero() { return fill(0); }
  static Vector load(const float* p) { return {{p[0], p[1], p[2], p[3]}}; }
  void store(float* p) const {
    for (int i = 0; i < kLanes; ++i) p[i] = lane[i];
  }
};

template <class F>
Vector combine(Vector a, Vector b, F f) {
  Vector out{};
  for (int i = 0; i < Vector::kLanes; ++i) out.lane[i] = f(a.lane[i], b.lane[i]);
  return out;
}
Vector operator+(Vector a, Vector b) {
  return combine(a, b, [](float x, float y) { return x + y; });
}
Vector operator-(Vector a, Vector b) {
  return combine(a, b, [](float x, float y) { return x - y; });
}
Vector operator*(Vector a, Vector b) {
  return combine(a, b, [](float x, float y) { return x * y; });
}
Vector max(Vector a, Vector b) {
  return combine(a, b, [](float x, float y) { return x > y ? x : y; });
}
Vector fma(Vector a, Vector b, Vector c) { return a * b + c; }

/// rows[i][j] and rows[j][i] change places.
void transpose(Vector* const (&rows)[4]) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < i; ++j) std::swap(rows[i]->lane[j], rows[j]->lane[i]);
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu

#include "nn/cpu/octet_template.h"

#include "nn/cpu/joint_template.h"
#include "nn/cpu/kernels_template.h"
#include "nn/cpu/layout_template.h"
#include "nn/cpu/pointwise_template.h"

namespace sagittal::nn::cpu {

const Kernels& baseline_kernels() {
  static constexpr KernelTable<float> table = make_table<float>();
  static constexpr PointwiseTable<float> pointwise = make_pointwise_table<float>();
  static constexpr Kernels kernels{"baseline", &table, nullptr, &pointwise, nullptr};
  return kernels;
}

}  // namespace sagittal::nn::cpu
