#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace sagittal {

using Vec3 = std::array<double, 3>;
using Mat3 = std::array<Vec3, 3>;  ///< rows
using Index3 = std::array<std::int64_t, 3>;

/// "[i, j, k]", for messages.
std::string describe_shape(const Index3& shape);

/// Where the voxels of an image lie in the patient.
///
/// An index is (i, j, k); i runs fastest in memory, so a volume is a C-ordered array [k, j, i].
/// World coordinates are millimetres in LPS: x grows to the patient's Left, y to Posterior, z to Superior (as in ITK
/// and DICOM; 3D Slicer and NIfTI use RAS and are converted where they are read). Index (0, 0, 0) is the *centre* of
/// the first voxel:
///
///     world = origin_mm + direction * (spacing_mm .* index)
///
/// `direction` is orthonormal to within kDirectionTolerance; column a is the direction in which index axis a grows. Its
/// determinant is -1 for left-handed grids, which are kept as they are.
struct Geometry {
  Index3 size{1, 1, 1};  ///< voxels along i, j, k; each at least 1
  Vec3 spacing_mm{1, 1, 1};
  Vec3 origin_mm{0, 0, 0};
  Mat3 direction{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};

  std::int64_t voxel_count() const { return size[0] * size[1] * size[2]; }
  bool operator==(const Geometry&) const = default;
};

inline constexpr double kDirectionTolerance =
    1e-3;                                       ///< largest deviation of any entry of transpose(direction) * direction
inline constexpr double kGridTolerance = 1e-4;  ///< of one voxel; below it two grids are the same

/// Throws Error(bad_input) unless sizes, spacing, origin and direction are finite and as `Geometry` says.
void check_geometry(const Geometry& geometry, const std::string& what);

Vec3 index_to_world(const Geometry& geometry, const Vec3& index);
/// Continuous index of a world point; integers at voxel centres.
Vec3 world_to_index(const Geometry& geometry, const Vec3& world_mm);

/// Same size, and every corner voxel within kGridTolerance of a voxel of its counterpart.
bool same_grid(const Geometry& a, const Geometry& b);

/// LPS <-> RAS, its own inverse.
inline Vec3 flip_lps_ras(const Vec3& world_mm) { return {-world_mm[0], -world_mm[1], world_mm[2]}; }

/// The patient direction in which each index axis grows, nearest of R/L, A/P, S/I: "LPS" for an axial scan.
std::string orientation_code(const Geometry& geometry);

double determinant(const Mat3& m);

}  // namespace sagittal
