#pragma once
#include <optional>

#include "base/buffer_pool.h"
#include "base/progress.h"
#include "interact/coarse.h"
#include "interact/cover.h"
#include "interact/network_input.h"
#include "interact/preview.h"
#include "interact/raster.h"

namespace sagittal::interact {

struct PredictionOptions {
  Rules rules = Rules::v2_5;
  bool auto_zoom = true;
  bool refine_all = false;  ///< refine the whole previous segmentation, not only what changes
  PreviewSink preview = {};
};

struct Prediction {
  Box changed;  ///< clipped to the image
  double zoom = 1;
  int passes = 0;
};

inline constexpr double kMaxZoom = 4;
inline constexpr double kZoomGrowth = 1.5;

/// One prediction: looks from ever farther away until the object fits, then refines at full resolution what changed.
class Predictor {
 public:
  /// `model`, `image` and `pool` must outlive the object.
  Predictor(const Model& model, const NormalisedImage& image, ThreadPool& pool);

  /// Writes the answer into layers.previous and layers.mask. Where it throws, `layers` may be half written.
  Prediction run(Layers& layers, const Focus& focus, const PredictionOptions& options, const LeftoverPick& pick,
                 const RunControl& control);

 private:
  struct Look;
  Look look(const Layers& layers, const Index3& centre, double zoom, Rules rules, const RunControl& control);
  Look zoom_until_contained(const Layers& layers, const Focus& focus, const PredictionOptions& options,
                            const RunControl& control);
  std::vector<Box> plan(const Layers& layers, const BitVolume& coarse, const Box& seen, const Focus& focus,
                        bool refine_all, const LeftoverPick& pick) const;
  Box refine(Layers& layers, const BitVolume& coarse, const Box& seen, const std::vector<Box>& patches, Rules rules,
             const RunControl& control);
  void write(Layers& layers, const BitVolume& answer, const Box& answer_box, const Box& box) const;
  BitVolume coarse_mask(const Look& look) const;
  void show(const PreviewSink& sink, const Layers& layers, const Look& look, const BitVolume& coarse) const;
  void pass(const RunControl& control);

  const Model& model_;
  Index3 shape_;
  ThreadPool& pool_;
  NetworkInput input_;
  std::optional<BorrowedBuffer> memory_;  ///< of `run`
  std::span<float> input_values_;
  std::span<float> logits_;  ///< over the input, all of which each pass writes anew
  PatchMask answer_;
  int passes_ = 0;
};

}  // namespace sagittal::interact
