#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <span>

#include "volume/geometry.h"

namespace sagittal {

/// y = matrix * x + offset, in millimetres (or pixels, where a coordinate system counts them).
struct Affine {
  Mat3 matrix{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Vec3 offset{0, 0, 0};

  Vec3 operator()(const Vec3& x) const;
  bool operator==(const Affine&) const = default;
};

/// First `b`, then `a`.
Affine operator*(const Affine& a, const Affine& b);
/// Error(bad_input) where there is none.
Affine inverse(const Affine& a);

/// The 16 numbers of a 4 x 4 matrix, row by row. Error(bad_input) unless they are finite and the last row is 0 0 0 1.
Affine affine_from_rows(std::span<const double> numbers);
std::array<double, 16> rows_of(const Affine& affine);

inline constexpr double kRigidTolerance =
    1e-2;  ///< of any entry of transpose(matrix) * matrix: trackers write few digits
/// Whether it is a rotation without reflection, and a shift.
bool is_rigid(const Affine& affine, double tolerance = kRigidTolerance);

/// The pose at `t` of the way from `a` to `b`, both rigid: the rotation about one axis by the shorter way (slerp), the
/// offset along a line. The result is orthonormal.
Affine interpolate(const Affine& a, const Affine& b, double t);

enum class PoseStatus {
  ok,       ///< measured then, or interpolated between two valid poses
  unknown,  ///< before the first or after the last pose
  gap,      ///< the poses before and after lie too far apart
  invalid,  ///< one of them says that the tracker did not see the tool
};

struct PoseAt {
  PoseStatus status = PoseStatus::unknown;
  Affine pose;  ///< where status is ok
};

/// The last poses of one tool, by time. Not for use by several threads at once.
class PoseBuffer {
 public:
  /// Keeps at most `capacity` poses, at least 2. Poses further apart than `largest_gap_s` are not interpolated between.
  PoseBuffer(std::size_t capacity, double largest_gap_s);

  /// Seconds of any clock. False, and nothing is kept, unless `time_s` is finite and later than all before. A pose that
  /// is not rigid counts as invalid.
  bool add(double time_s, const Affine& pose, bool valid);

  PoseAt at(double time_s) const;
  /// The time of the latest pose; none where there is none. Later times will become known.
  std::optional<double> latest_s() const;
  std::size_t size() const { return poses_.size(); }

 private:
  struct Entry {
    double time_s;
    Affine pose;
    bool valid;
  };
  std::size_t capacity_;
  double largest_gap_s_;
  std::deque<Entry> poses_;
};

}  // namespace sagittal
