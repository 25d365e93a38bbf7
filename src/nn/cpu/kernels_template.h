// Included once per instruction set, after `Vector` is defined there. Everything stays in an unnamed namespace: no
// inline function compiled for AVX-512 may end up serving a processor without it.
#pragma once
#include <cstring>

namespace sagittal::nn::cpu {
namespace {

constexpr std::int64_t kBlock = 8192;  // elements that stay in the first-level cache

Vector activated(Vector x, Vector slope) { return max(x, x * slope); }

float value_of(float x) { return x; }
[[maybe_unused]] float value_of(Bf16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
void assign(float& to, float x) { to = x; }
[[maybe_unused]] void assign(Bf16& to, float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  bits = x == x ? bits + 0x7fff + (bits >> 16 & 1) : bits | 0x400000;
  to = static_cast<Bf16>(bits >> 16);
}

template <class T>
void accumulate_block(const T* x, std::int64_t periods, std::int64_t pattern, const float* shift, double* sums) {
  constexpr int unroll = 4;
  constexpr int width = unroll * Vector::kLanes;
  for (std::int64_t c = 0; c < pattern; c += width) {
    Vector sum[unroll], square[unroll], origin[unroll];
    for (int u = 0; u < unroll; ++u) {
      sum[u] = square[u] = Vector::zero();
      origin[u] = Vector::load(shift + c + u * Vector::kLanes);
    }
    const T* at = x + c;
    for (std::int64_t p = 0; p < periods; ++p, at += pattern) {
      for (int u = 0; u < unroll; ++u) {
        const Vector d = Vector::load(at + u * Vector::kLanes) - origin[u];
        sum[u] = sum[u] + d;
        square[u] = fma(d, d, square[u]);
      }
    }
    float lanes[2][width];
    for (int u = 0; u < unroll; ++u) {
      sum[u].store(lanes[0] + u * Vector::kLanes);
      square[u].store(lanes[1] + u * Vector::kLanes);
    }
    for (int i = 0; i < width; ++i) {
      sums[c + i] += static_cast<double>(lanes[0][i]);
      sums[pattern + c + i] += static_cast<double>(lanes[1][i]);
    }
  }
}

template <class T>
void accumulate(const T* x, std::int64_t count, std::int64_t pattern, const float* shift, double* sums) {
  const std::int64_t periods_per_block = pattern < kBlock ? kBlock / pattern : 1;
  const std::int64_t periods = count / pattern;
  for (std::int64_t p = 0; p < periods; p += periods_per_block) {
    const std::int64_t here = periods - p < periods_per_block ? periods - p : periods_per_block;
    accumulate_block(x + p * pattern, here, pattern, shift, sums);
  }
  const T* rest = x + periods * pattern;
  for (std::int64_t i = 0; i < count % pattern; ++i) {
    const double d = static_cast<double>(value_of(rest[i])) - static_cast<double>(shift[i]);
    sums[i] += d;
    sums[pattern + i] += d * d;
  }
}

enum class Residual { none, plain, scaled };

/// `periods` whole patterns; the coefficients of one column of vectors stay in registers.
template <Residual residual, class T>
void normalise_block(const NormaliseArguments<T>& a, std::int64_t at, std::int64_t periods) {
  constexpr int unroll = 4;
  constexpr int lanes = Vector::kLanes;
  const Vector slope = Vector::fill(a.slope);
  for (std::int64_t c = 0; c < a.pattern; c += unroll * lanes) {
    Vector scale[unroll], shift[unroll], residual_scale[unroll];
    for (int u = 0; u < unroll; ++u) {
      scale[u] = Vector::load(a.scale + c + u * lanes);
      shift[u] = Vector::load(a.shift + c + u * lanes);
      residual_scale[u] = residual == Residual::scaled ? Vector::load(a.residual_scale + c + u * lanes) : slope;
    }
    const T* x = a.x + at + c;
    const T* other = residual == Residual::none ? nullptr : a.residual + at + c;
    T* out = a.out + at + c;
    for (std::int64_t p = 0; p < periods; ++p, x += a.pattern, out += a.pattern) {
      for (int u = 0; u < unroll; ++u) {
        Vector y = fma(Vector::load(x + u * lanes), scale[u], shift[u]);
        if (residual == Residual::plain) y = y + Vector::load(other + u * lanes);
        if (residual == Residual::scaled) y = fma(Vector::load(other + u * lanes), residual_scale[u], y);
        activated(y, slope).store(out + u * lanes);
      }
      if (residual != Residual::none) other += a.pattern;
    }
  }
}

template <Residual residual, class T>
void normalise_all(const NormaliseArguments<T>& a) {
  const std::int64_t periods_per_block = a.pattern < kBlock ? kBlock / a.pattern : 1;
  const std::int64_t periods = a.count / a.pattern;
  for (std::int64_t p = 0; p < periods; p += periods_per_block) {
    const std::int64_t here = periods - p < periods_per_block ? periods - p : periods_per_block;
    normalise_block<residual>(a, p * a.pattern, here);
  }
  const std::int64_t at = periods * a.pattern;
  for (std::int64_t i = 0; i < a.count - at; ++i) {
    float y = value_of(a.x[at + i]) * a.scale[i] + a.shift[i];
    if (residual == Residual::plain) y += value_of(a.residual[at + i]);
    if (residual == Residual::scaled) y += value_of(a.residual[at + i]) * a.residual_scale[i];
    assign(a.out[at + i], y > y * a.slope ? y : y * a.slope);
  }
}

template <class T>
void normalise(const NormaliseArguments<T>& a) {
  if (a.residual == nullptr) {
    normalise_all<Residual::none>(a);
  } else if (a.residual_scale == nullptr) {
    normalise_all<Residual::plain>(a);
  } else {
    normalise_all<Residual::scaled>(a);
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu
