#include "interact/coarse.h"

#include "base/half.h"
#include "volume/resample.h"

namespace sagittal::interact {
namespace {

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// Counts of one face.
struct FaceChange {
  static constexpr double kLargeRatio = 0.2;

  std::int64_t before = 0;
  std::int64_t after = 0;
  std::int64_t differing = 0;

  bool is_large(Rules rules) const {
    constexpr std::int64_t always_large = 1500, never_large = 100;
    if (differing <= never_large) return false;
    return differing > always_large || (rules == Rules::v2_5 ? grows_in_half() : grows());
  }

 private:
  bool grows() const {
    const auto larger = static_cast<double>(std::max(before, after));
    const double smaller = std::max(static_cast<double>(std::min(before, after)), 1e-5);
    return larger / smaller - 1 > kLargeRatio;
  }

  /// The same with every number rounded to half, as the original's tensors of that type do.
  bool grows_in_half() const {
    const Half a = to_half(static_cast<float>(before)), b = to_half(static_cast<float>(after));
    const float larger = from_half(std::max(a, b)), smaller = from_half(std::min(a, b));
    if (smaller == 0) return larger > 0;
    const float ratio = from_half(to_half(larger / smaller));
    return from_half(to_half(ratio - 1)) > from_half(to_half(static_cast<float>(kLargeRatio)));
  }
};

}  // namespace

void decide(std::span<const float> logits, ThreadPool& pool, PatchMask& mask) {
  const std::size_t voxels = logits.size() / 2;
  mask.resize(voxels);
  const float* background = logits.data();
  const float* object = background + voxels;
  std::uint8_t* out = mask.data();
  constexpr std::int64_t grain = 1 << 18;
  pool.parallel_for(static_cast<std::int64_t>(voxels), grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t v = begin; v < end; ++v) out[v] = object[v] > background[v] ? 1 : 0;
  });
}

bool reaches_border(const PatchMask& mask, const Index3& patch, const MaskGrid& previous, const Box& box, Rules rules) {
  const Index3 size = box.size();
  std::array<std::vector<std::int64_t>, 3> sources;  // in the box
  for (int axis = 0; axis < 3; ++axis) sources[to_size(axis)] = nearest_sources(size[axis], patch[axis]);
  const auto face_change = [&](int axis, std::int64_t plane) {
    Box face = whole(patch);
    face.lo[axis] = plane;
    face.hi[axis] = plane + 1;
    Box seen = box;
    seen.lo[axis] += sources[to_size(axis)][to_size(plane)];
    seen.hi[axis] = seen.lo[axis] + 1;
    const BitVolume known = previous.read(seen);
    const auto source_of = [&](int a, std::int64_t n) { return a == axis ? 0 : sources[to_size(a)][to_size(n)]; };
    FaceChange change;
    for (std::int64_t i = face.lo[0]; i < face.hi[0]; ++i) {
      for (std::int64_t j = face.lo[1]; j < face.hi[1]; ++j) {
        for (std::int64_t k = face.lo[2]; k < face.hi[2]; ++k) {
          const bool before = known.at(source_of(0, i), source_of(1, j), source_of(2, k));
          const bool after = mask[to_size((i * patch[1] + j) * patch[2] + k)] != 0;
          change.before += before;
          change.after += after;
          change.differing += before != after;
        }
      }
    }
    return change;
  };
  for (int axis = 0; axis < 3; ++axis) {
    for (const std::int64_t plane : {std::int64_t{0}, patch[axis] - 1}) {
      if (face_change(axis, plane).is_large(rules)) return true;
    }
  }
  return false;
}

namespace {

enum class RowContent : std::uint8_t { empty, full, mixed };

/// One plane of the enlarged mask at a time; rows of the patch are stretched along axis 2 once per plane.
class Enlarger {
 public:
  Enlarger(const PatchMask& mask, const Index3& patch, const Index3& size, const Box& part)
      : mask_(mask), patch_(patch), part_(part) {
    for (int axis = 0; axis < 3; ++axis) taps_[to_size(axis)] = linear_taps(patch[axis], size[axis]);
    for (std::int64_t row = 0; row < patch[0] * patch[1]; ++row) {
      const auto* first = mask.data() + row * patch[2];
      const auto set = std::count_if(first, first + patch[2], [](std::uint8_t v) { return v != 0; });
      contents_.push_back(set == 0 ? RowContent::empty : set == patch[2] ? RowContent::full : RowContent::mixed);
    }
  }

  void fill_plane(std::int64_t i, BitVolume& out) const {
    const LinearTap& ti = taps_[0][to_size(part_.lo[0] + i)];
    const std::int64_t length = part_.hi[2] - part_.lo[2];
    Stretched front(ti.index0, to_size(patch_[1])), back(ti.index1, to_size(patch_[1]));
    std::vector<std::uint8_t> row(to_size(length));
    for (std::int64_t j = 0; j < part_.hi[1] - part_.lo[1]; ++j) {
      const LinearTap& tj = taps_[1][to_size(part_.lo[1] + j)];
      const auto content = common_content(ti, tj);
      if (content == RowContent::empty) continue;
      if (content == RowContent::full) {
        out.fill({{i, j, 0}, {i + 1, j + 1, length}}, true);
        continue;
      }
      const float *a = stretched_row(front, tj.index0), *b = stretched_row(front, tj.index1);
      const float *c = stretched_row(back, tj.index0), *d = stretched_row(back, tj.index1);
      for (std::int64_t k = 0; k < length; ++k) {
        const float near_value = blend(tj.weight0, a[k], tj.weight1, b[k]);
        const float far_value = blend(tj.weight0, c[k], tj.weight1, d[k]);
        row[to_size(k)] = blend(ti.weight0, near_value, ti.weight1, far_value) >= 0.5f;
      }
      out.set_row(i, j, 0, row);
    }
  }

 private:
  /// The rows of one plane of the patch, stretched along axis 2 when first asked for.
  struct Stretched {
    Stretched(std::int64_t at, std::size_t rows_in_plane) : plane(at), rows(rows_in_plane) {}
    std::int64_t plane;
    std::vector<std::vector<float>> rows;
  };

  RowContent common_content(const LinearTap& ti, const LinearTap& tj) const {
    const RowContent first = contents_[to_size(ti.index0 * patch_[1] + tj.index0)];
    for (const std::int64_t i : {ti.index0, ti.index1}) {
      for (const std::int64_t j : {tj.index0, tj.index1}) {
        if (contents_[to_size(i * patch_[1] + j)] != first) return RowContent::mixed;
      }
    }
    return first;
  }

  const float* stretched_row(Stretched& stretched, std::int64_t j) const {
    std::vector<float>& row = stretched.rows[to_size(j)];
    if (row.empty()) {
      row.reserve(to_size(part_.hi[2] - part_.lo[2]));
      const std::uint8_t* source = mask_.data() + (stretched.plane * patch_[1] + j) * patch_[2];
      for (std::int64_t k = part_.lo[2]; k < part_.hi[2]; ++k) {
        const LinearTap& tap = taps_[2][to_size(k)];
        row.push_back(blend(tap.weight0, source[tap.index0], tap.weight1, source[tap.index1]));
      }
    }
    return row.data();
  }

  const PatchMask& mask_;
  Index3 patch_;
  Box part_;
  std::array<std::vector<LinearTap>, 3> taps_;
  std::vector<RowContent> contents_;
};

}  // namespace

BitVolume enlarge(const PatchMask& mask, const Index3& patch, const Index3& size, const Box& part, ThreadPool& pool) {
  BitVolume out(part.size());
  const Enlarger enlarger(mask, patch, size, part);
  pool.parallel_for(part.hi[0] - part.lo[0], 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) enlarger.fill_plane(i, out);
  });
  return out;
}

}  // namespace sagittal::interact
