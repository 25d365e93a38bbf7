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

struct Octet {
  Vector low, high;

  static Octet fill(float x) { return {Vector::fill(x), Vector::fill(x)}; }
  static Octet load(const float* p) { return {Vector::load(p), Vector::load(p + Vector::kLanes)}; }
  void store(float* p) const {
    low.store(p);
    high.store(p + Vector::kLanes);
  }
};
Octet operator+(Octet a, Octet b) { return {a.low + b.low, a.high + b.high}; }
Octet operator-(Octet a, Octet b) { return {a.low - b.low, a.high - b.high}; }
Octet operator*(Octet a, Octet b) { return {a.low * b.low, a.high * b.high}; }
Octet max(Octet a, Octet b) { return {max(a.low, b.low), max(a.high, b.high)}; }
Octet fma(Octet a, Octet b, Octet c) { return a * b + c; }

void transpose(Octet (&rows)[8]) {
  float in[8][8], out[8][8];
  for (int i = 0; i < 8; ++i) rows[i].store(in[i]);
  for (int i = 0; i < 8; ++i) {
    for (int j = 0; j < 8; ++j) out[i][j] = in[j][i];
  }
  for (int i = 0; i < 8; ++i) rows[i] = Octet::load(out[i]);
}

}  // namespace
}  // namespace sagittal::nn::cpu

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
