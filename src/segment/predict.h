#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "segment/model.h"
#include "volume/volume.h"

namespace sagittal::segment {

class LogitStore;

struct PredictOptions {
  bool mirror = true;                ///< the mean over mirrored passes, as far as training allowed
  double step = 0.5;                 ///< of tiles; 0 < step <= 1
  const Volume* previous = nullptr;  ///< labels of the stage before, for the second stage of a cascade
  RunControl control{};
};

/// Segments an image with nnU-Net's rules: one volume for each channel of the model, on one grid. Gives uint8 or uint16
/// labels on that grid; with regions, the label that was painted last. Throws Error(bad_input) for images that the
/// model does not take, Error(cancelled).
Volume predict(const Model& model, std::span<const Volume> channels, const PredictOptions& options, ThreadPool& pool);

/// What the model answers, for an ensemble (ensemble.h), with the same checks and errors.
std::unique_ptr<const LogitStore> answer(const Model& model, std::span<const Volume> channels,
                                         const PredictOptions& options, ThreadPool& pool);

/// Bytes that a prediction will hold at once at most, about, for an image of that grid: the scan as the network sees
/// it, one layer of tiles, labels, and a network of usual width.
std::uint64_t memory_needed(const Model& model, const Geometry& image);

}  // namespace sagittal::segment
