// Eight floats in two Vectors of four lanes; included after Vector and transpose() of four of them. In an unnamed
// namespace, see kernels_template.h.
#pragma once
#include <utility>

namespace sagittal::nn::cpu {
namespace {

struct Octet {
  static constexpr int kLanes = 8;
  Vector low, high;

  static Octet fill(float x) { return {Vector::fill(x), Vector::fill(x)}; }
  template <class T>
  static Octet load(const T* p) {
    return {Vector::load(p), Vector::load(p + Vector::kLanes)};
  }
  template <class T>
  void store(T* p) const {
    low.store(p);
    high.store(p + Vector::kLanes);
  }
};
inline Octet operator+(Octet a, Octet b) { return {a.low + b.low, a.high + b.high}; }
inline Octet operator-(Octet a, Octet b) { return {a.low - b.low, a.high - b.high}; }
inline Octet operator*(Octet a, Octet b) { return {a.low * b.low, a.high * b.high}; }
inline Octet max(Octet a, Octet b) { return {max(a.low, b.low), max(a.high, b.high)}; }
inline Octet fma(Octet a, Octet b, Octet c) { return {fma(a.low, b.low, c.low), fma(a.high, b.high, c.high)}; }

/// rows[i][j] and rows[j][i] change places.
inline void transpose(Octet (&rows)[8]) {
  for (int i = 0; i < 8; i += 4) {
    transpose({&rows[i].low, &rows[i + 1].low, &rows[i + 2].low, &rows[i + 3].low});
    transpose({&rows[i].high, &rows[i + 1].high, &rows[i + 2].high, &rows[i + 3].high});
  }
  for (int i = 0; i < 4; ++i) std::swap(rows[i].high, rows[i + 4].low);
}

}  // namespace
}  // namespace sagittal::nn::cpu
