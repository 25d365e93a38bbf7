#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "nn/network.h"
#include "segment/preprocess.h"

namespace sagittal::segment {

/// Where tiles of `tile` voxels begin on an axis of `extent` >= tile voxels, `step` tiles apart or closer: evenly, from
/// one end to the other. 0 < step <= 1.
std::vector<std::int64_t> tile_starts(std::int64_t extent, std::int64_t tile, double step);

/// The weight of each voxel of a tile, C order: a Gaussian of an eighth of the tile, 10 in its middle, as binary16; in
/// version 1 of nnU-Net 1 in its middle, not rounded. No weight is zero.
std::vector<float> tile_weights(const Index3& tile, int generation = 2);

/// Finished logits, or probabilities: rows [first, last) of axis 0. A row holds [head, axis 1, axis 2].
struct LogitRows {
  std::int64_t first = 0, last = 0;
  const float* data = nullptr;  ///< row r is in slot (r + padding) % slots
  std::int64_t padding = 0, slots = 1;
  std::int64_t row_stride = 0, head_stride = 0, line_stride = 0;

  const float* line(std::int64_t row, std::int64_t head, std::int64_t j) const {
    return data + (row + padding) % slots * row_stride + head * head_stride + j * line_stride;
  }
};

/// Takes logits as they are finished, in order, each row once; `LogitRows` is valid during the call.
class LogitSink {
 public:
  virtual ~LogitSink() = default;
  virtual void take(const LogitRows& rows) = 0;
};

/// What is averaged over passes, tiles and folds.
enum class Averaged {
  logits,
  softmax,  ///< probabilities of labels
  sigmoid,  ///< probabilities of regions
};

/// Turns the `heads` logits of each of `count` voxels into probabilities: head h of voxel n is at h * stride + n.
void softmax(float* values, std::int64_t heads, std::int64_t stride, std::int64_t count);

struct WindowOptions {
  int generation = 2;  ///< nnU-Net's version; 1 weighs tiles alike where there is only one
  Averaged averaged = Averaged::logits;
  int dimensions = 3;  ///< of the networks: 2 or 3
  Index3 patch{};      ///< the first axis is 1 in 2D
  double step = 0.5;
  std::vector<int> mirror_axes;      ///< of the network: 0 to 1 in 2D, 0 to 2 in 3D
  std::vector<int> previous_labels;  ///< one channel of 0 and 1 for each, from the image's labels
};

/// Runs all `networks` (folds) over the image, tile by tile, and gives the mean of their answers to `sink`; memory
/// holds one layer of tiles only. Reports "predicting"; throws Error(cancelled), and Error(bad_input) where a network
/// answers with something that is not finite.
void slide(std::span<const std::shared_ptr<const nn::Network>> networks, const NetworkImage& image,
           const WindowOptions& options, LogitSink& sink, const RunControl& control, ThreadPool& pool);

}  // namespace sagittal::segment
