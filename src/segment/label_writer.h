#pragma once
#include <array>
#include <vector>

#include "base/thread_pool.h"
#include "segment/window.h"
#include "volume/resize.h"
#include "volume/volume.h"

namespace sagittal::segment {

/// Turns logits, or probabilities where the plan is of version 1, into the labels of the input image while they come:
/// resampled to the cropped image head by head, the largest kept (the lower label of equals), or, for regions, each
/// that is likely painted over those before it.
class LabelWriter final : public LogitSink {
 public:
  /// `regions` are the labels that heads paint, empty where heads are labels; `widest_label` chooses uint8 or uint16.
  LabelWriter(const Geometry& geometry, const NetworkImage& image, const Plan& plan, int heads,
              std::vector<int> regions, int widest_label, ThreadPool& pool);

  void take(const LogitRows& rows) override;
  /// The whole label image, once all rows were taken.
  Volume finish();

 private:
  struct Line;
  void write_line(const LogitRows& rows, std::int64_t i, std::int64_t j, Line& line);
  void blend(const LogitRows& rows, const SamplePair& p0, const SamplePair& p1, std::int64_t head, float* out) const;
  const float* source(const LogitRows& rows, std::int64_t row, std::int64_t head, std::int64_t j) const;
  void store(std::int64_t i, std::int64_t j, const std::vector<std::uint16_t>& labels);
  void keep_last(const LogitRows& rows);

  Geometry geometry_;
  Grid target_;   // of the crop
  Index3 shape_;  // of the logits
  int heads_;
  std::vector<int> regions_;
  float likely_;  // what a region must exceed
  ThreadPool& pool_;
  std::array<std::vector<SamplePair>, 3> pairs_;
  bool wide_;
  Buffer labels_;
  std::int64_t next_ = 0;    // row of the target
  std::vector<float> last_;  // the row before the next ones: [head][axis 1][axis 2]
};

}  // namespace sagittal::segment
