#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "segment/model.h"
#include "volume/volume.h"

namespace sagittal::segment {

/// How TotalSegmentator composes one task of nnU-Net models: one row of its table.
struct Composition {
  std::string_view task;       ///< "total_fast"
  Vec3 spacing_mm{};           ///< along the canonical i, j, k; zeros: the image's own
  double step = 0.5;           ///< of tiles
  bool all_folds = false;      ///< else fold 0
  std::string_view crop = {};  ///< organs of `crop_task` that the image is cut to first, with spaces between; or empty
  std::string_view crop_task = {};
  double crop_margin_mm = 20;
  std::string_view labels = {};  ///< names of the labels 1, 2, ... of all parts together; empty: what the model says
  int auxiliary_from = 0;        ///< this label and all above it only help; 0: none
  bool cleans_body = false;      ///< one trunk, no small extremities
};

/// The composition of a task; null where there is none of that name.
const Composition* find_composition(std::string_view task);

/// What a composed task is made of. Models are loaded one after the other, and go when they have answered.
struct CompositionParts {
  std::size_t count = 1;
  std::function<std::shared_ptr<const Model>(std::size_t part)> load;
};

/// Labels of uint8 on the image's grid, and what they are called. Labels of a part follow those of the parts before it,
/// and later parts win. `rough` holds the labels of the crop's task on the same grid and their names, or null where the
/// task has none. Throws as `predict` does, and Error(bad_input) for models with other labels than the task's.
struct Composed {
  Volume labels;
  nn::Dataset dataset;
};
Composed predict_composed(const Composition& composition, const CompositionParts& parts, const Volume& image,
                          const Composed* rough, const RunControl& control, ThreadPool& pool);

}  // namespace sagittal::segment
