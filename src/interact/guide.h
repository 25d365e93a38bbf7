#pragma once
#include <vector>

#include "interact/guide_answer.h"
#include "interact/model.h"
#include "interact/predictor.h"

namespace sagittal::interact {

/// One prediction of a model with a guide (see `GuideModel`): random walks, path lengths and grey values in a view of
/// the image make what the guide's small network sees. A first prompt is looked at from ever farther away and the
/// widest view whose answer is about as trustworthy as the best one counts; later ones are seen with all of the mask.
/// The view then grows until the object no longer reaches its faces.
class Guide {
 public:
  /// `model`, which has a guide, `image` and `pool` must outlive the object.
  Guide(const Model& model, const NormalisedImage& image, ThreadPool& pool);

  /// Writes the answer into layers.previous and layers.mask; outside the view both stay. Where it throws, `layers` may
  /// be half written. `preview` sees the first answer, and those that a wider view replaces. Without `auto_zoom` there
  /// is one view.
  Prediction run(Layers& layers, const Focus& focus, bool auto_zoom, const PreviewSink& preview,
                 const RunControl& control);

  static constexpr int kMostViews = 6;  ///< that are prepared at once
  /// That the guide's network is run on.
  static Index3 largest_patch(const GuideModel& guide);

 private:
  struct Look;
  struct Prepared;
  Prepared prepare(const Layers& layers, const GuideView& view, const RunControl& control) const;
  Look answer(Prepared prepared, const RunControl& control);
  Look look(const Layers& layers, const GuideView& view, const RunControl& control);
  Look widest_good(const Layers& layers, const GuideView& first, const PreviewSink& preview, const RunControl& control);
  void report(const RunControl& control) const;

  const Model& model_;
  const NormalisedImage& image_;
  ThreadPool& pool_;
  int passes_ = 0;
};

}  // namespace sagittal::interact
