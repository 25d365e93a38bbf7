#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "segment/window.h"
#include "volume/resize.h"

namespace sagittal::segment {

/// Everything that one model answered, on its network's grid, in an unnamed file: ensembles average at the image's
/// resolution, so all models must have finished. The file lies in the system's folder for temporary files and ends with
/// this object; the system may keep as much of it in memory as it likes.
class LogitStore final : public LogitSink {
 public:
  /// `probable`: what comes are probabilities already. Throws Error(io) where the disk has no room.
  LogitStore(const NetworkImage& image, const Plan& plan, int heads, bool regions, bool probable);
  ~LogitStore() override;
  LogitStore(const LogitStore&) = delete;
  LogitStore& operator=(const LogitStore&) = delete;

  void take(const LogitRows& rows) override;

  /// Adds the probabilities of slice `k` of the image's memory, [head][j][i], to `sums`; outside of the model's crop
  /// label 0 is certain. `size` is the image's [i, j, k].
  void add_slice(std::int64_t k, const Index3& size, std::span<float> sums, ThreadPool& pool) const;

 private:
  struct Axis;
  void add_voxel(const std::array<const SamplePair*, 3>& at, float* head0, std::int64_t plane,
                 std::vector<float>& values) const;

  Grid grid_;
  Box crop_;
  Index3 shape_;
  std::int64_t heads_;
  bool regions_, probable_;
  std::array<std::vector<SamplePair>, 3> pairs_;
  float* values_ = nullptr;  // [row][head][axis 1][axis 2]
  std::size_t bytes_ = 0;
};

/// Between the network's grid and the cropped image, for each axis.
std::array<std::vector<SamplePair>, 3> pairs_to_image(const NetworkImage& image, const Plan& plan);

}  // namespace sagittal::segment
