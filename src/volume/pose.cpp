#include "volume/pose.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

constexpr double kNearlyEqual = 1e-9;  // 1 - cosine of half the angle, below which a chord is the arc

using Quaternion = std::array<double, 4>;  // w, x, y, z

Quaternion normalised(Quaternion q) {
  double sum = 0;
  for (const double part : q) sum += part * part;
  const double length = std::sqrt(sum);
  for (double& part : q) part /= length;
  return q;
}

/// Of a matrix that is a rotation but for rounding; by the largest part, so that nothing cancels.
Quaternion quaternion_of(const Mat3& m) {
  const double trace = m[0][0] + m[1][1] + m[2][2];
  if (trace > 0) return normalised({1 + trace, m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]});
  std::size_t i = m[1][1] > m[0][0] ? 1 : 0;
  if (m[2][2] > m[i][i]) i = 2;
  const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
  Quaternion q{};
  q[0] = m[k][j] - m[j][k];
  q[i + 1] = 1 + m[i][i] - m[j][j] - m[k][k];
  q[j + 1] = m[j][i] + m[i][j];
  q[k + 1] = m[k][i] + m[i][k];
  return normalised(q);
}

Mat3 matrix_of(const Quaternion& q) {
  const auto [w, x, y, z] = q;
  return {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
           {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
           {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
}

Quaternion slerp(const Quaternion& a, Quaternion b, double t) {
  double cosine = 0;
  for (std::size_t i = 0; i < 4; ++i) cosine += a[i] * b[i];
  if (cosine < 0) {  // the same rotation, the shorter way
    for (double& part : b) part = -part;
    cosine = -cosine;
  }
  double weight_a = 1 - t, weight_b = t;
  if (1 - cosine > kNearlyEqual) {
    const double angle = std::acos(std::min(cosine, 1.0)), sine = std::sin(angle);
    weight_a = std::sin((1 - t) * angle) / sine;
    weight_b = std::sin(t * angle) / sine;
  }
  Quaternion q{};
  for (std::size_t i = 0; i < 4; ++i) q[i] = weight_a * a[i] + weight_b * b[i];
  return normalised(q);
}

}  // namespace

Vec3 Affine::operator()(const Vec3& x) const {
  Vec3 y = offset;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) y[r] += matrix[r][c] * x[c];
  }
  return y;
}

Affine operator*(const Affine& a, const Affine& b) {
  Affine product{{}, a(b.offset)};
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t k = 0; k < 3; ++k) product.matrix[r][c] += a.matrix[r][k] * b.matrix[k][c];
    }
  }
  return product;
}

Affine inverse(const Affine& a) {
  const Mat3& m = a.matrix;
  const double d = determinant(m);
  Affine out;
  bool finite = true;
  for (std::size_t r = 0; r < 3; ++r) {
    const std::size_t r1 = (r + 1) % 3, r2 = (r + 2) % 3;
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t c1 = (c + 1) % 3, c2 = (c + 2) % 3;
      out.matrix[c][r] = (m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]) / d;
      finite = finite && std::isfinite(out.matrix[c][r]);
    }
  }
  if (!finite) throw Error(ErrorCode::bad_input, fmt::format("a transform without inverse: determinant {}", d));
  const Vec3 back = Affine{out.matrix, {}}(a.offset);
  out.offset = {-back[0], -back[1], -back[2]};
  return out;
}

Affine affine_from_rows(std::span<const double> numbers) {
  if (numbers.size() != 16) {
    throw Error(ErrorCode::bad_input, fmt::format("a transform of {} numbers, expected 16", numbers.size()));
  }
  const bool finite = std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
  if (!finite || numbers[12] != 0 || numbers[13] != 0 || numbers[14] != 0 || numbers[15] != 1) {
    throw Error(ErrorCode::bad_input, "a transform with numbers that are not finite, or a last row other than 0 0 0 1");
  }
  Affine affine;
  for (std::size_t r = 0; r < 3; ++r) {
    affine.matrix[r] = {numbers[4 * r], numbers[4 * r + 1], numbers[4 * r + 2]};
    affine.offset[r] = numbers[4 * r + 3];
  }
  return affine;
}

std::array<double, 16> rows_of(const Affine& a) {
  const auto& m = a.matrix;
  return {m[0][0], m[0][1], m[0][2], a.offset[0], m[1][0], m[1][1], m[1][2], a.offset[1],
          m[2][0], m[2][1], m[2][2], a.offset[2], 0,       0,       0,       1};
}

bool is_rigid(const Affine& affine, double tolerance) {
  for (std::size_t a = 0; a < 3; ++a) {
    if (!std::isfinite(affine.offset[a])) return false;
    for (std::size_t b = 0; b < 3; ++b) {
      double dot = 0;
      for (std::size_t r = 0; r < 3; ++r) dot += affine.matrix[r][a] * affine.matrix[r][b];
      if (!(std::abs(dot - (a == b ? 1 : 0)) <= tolerance)) return false;
    }
  }
  return determinant(affine.matrix) > 0;
}

Affine interpolate(const Affine& a, const Affine& b, double t) {
  Affine out{matrix_of(slerp(quaternion_of(a.matrix), quaternion_of(b.matrix), t)), {}};
  for (std::size_t r = 0; r < 3; ++r) out.offset[r] = (1 - t) * a.offset[r] + t * b.offset[r];
  return out;
}

PoseBuffer::PoseBuffer(std::size_t capacity, double largest_gap_s)
    : capacity_(std::max<std::size_t>(2, capacity)), largest_gap_s_(largest_gap_s) {}

bool PoseBuffer::add(double time_s, const Affine& pose, bool valid) {
  if (!std::isfinite(time_s) || (!poses_.empty() && time_s <= poses_.back().time_s)) return false;
  if (poses_.size() == capacity_) poses_.pop_front();
  poses_.push_back({time_s, pose, valid && is_rigid(pose)});
  return true;
}

PoseAt PoseBuffer::at(double time_s) const {
  const auto after = std::lower_bound(poses_.begin(), poses_.end(), time_s,
                                      [](const Entry& entry, double time) { return entry.time_s < time; });
  if (!std::isfinite(time_s) || after == poses_.end()) return {};
  if (after->time_s == time_s) return {after->valid ? PoseStatus::ok : PoseStatus::invalid, after->pose};
  if (after == poses_.begin()) return {};
  const Entry& before = *std::prev(after);
  if (!before.valid || !after->valid) return {PoseStatus::invalid, {}};
  if (after->time_s - before.time_s > largest_gap_s_) return {PoseStatus::gap, {}};
  const double t = (time_s - before.time_s) / (after->time_s - before.time_s);
  return {PoseStatus::ok, interpolate(before.pose, after->pose, t)};
}

std::optional<double> PoseBuffer::latest_s() const {
  if (poses_.empty()) return std::nullopt;
  return poses_.back().time_s;
}

}  // namespace sagittal
