#pragma once
#include <array>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "interact/guide_view.h"
#include "volume/bit_volume.h"

namespace sagittal::interact {

// The guide's answer in a view is a field of log odds: larger than 0 where it says object.

/// Whether the answer reaches the faces [axis][low or high side] beyond which the image goes on.
std::array<std::array<bool, 2>, 3> reached_faces(const Field& answer, const GuideView& view, const Index3& shape);

/// The answer at full resolution, plane by plane: trilinear between the blocks' middles, and told only where a block
/// nearby is larger than `floor`: elsewhere it is not larger either, but for rounding. The answer and the view must
/// outlive it.
class AnswerPlane {
 public:
  /// From `first` to before `last`; nothing where they are equal.
  struct Range {
    std::int64_t first = 0, last = 0;
    bool empty() const { return first >= last; }
  };

  AnswerPlane(const Field& answer, const GuideView& view, float floor);
  /// Goes to plane i of the view's box.
  void read(std::int64_t i);
  /// Rows, and columns, of that plane that are told of.
  Range rows() const { return rows_; }
  Range columns() const { return columns_; }
  /// Row j of that plane; `out` has the length of the box and is written where the answer says.
  Range row(std::int64_t j, std::span<float> out);

 private:
  /// Where a voxel lies between the middles of blocks.
  struct Between {
    std::int64_t low, high;
    float share;  ///< of `high`
  };
  static Between between(std::int64_t n, std::int64_t step, std::int64_t blocks);
  Range voxels_near(const Range& blocks, int axis) const;

  const Field& answer_;
  const GuideView& view_;
  float floor_;
  std::vector<Between> along_;  ///< axis 2
  std::vector<float> plane_, row_;
  std::vector<Range> high_;  ///< blocks above the floor, per row of blocks
  Range rows_, columns_;
};

/// Larger than 0 after trilinear interpolation between the blocks' middles; of the size of view.box.
BitVolume enlarge(const Field& answer, const GuideView& view, ThreadPool& pool);

/// The Dice that the mask would have if the answer's chances were right, 0 to 1.
double expected_dice(const Field& answer);

/// The middle of points, and scribbles, are what the user said they are.
void obey_prompts(Field& answer, const GuideScene& scene);

/// Where the answer differs from the previous mask, but what differs does not reach as far as the newest prompt, it
/// must be sure; else the previous mask stays.
void keep_what_was_accepted(Field& answer, const GuideScene& scene);

}  // namespace sagittal::interact
