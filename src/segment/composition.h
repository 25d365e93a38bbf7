#pragma once
#include <array>
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
  std::array<int, 5> part_labels{};        ///< how many labels each part has; zeros: it is one part, with all of them
  std::string_view subset_crop_task = {};  ///< what the image is cut by where only some organs are asked for; or empty
  bool separates_vertebrae = false;        ///< bodies that touch are told apart by their order
  std::string_view bodies_task = {};       ///< whose label 1 the vertebrae are cut to; or empty
};

/// The composition of a task; null where there is none of that name.
const Composition* find_composition(std::string_view task);

/// What a person may ask of a composed task.
struct CompositionOptions {
  std::vector<std::string> organs = {};  ///< only these labels; empty: all
  double small_parts_mm3 = 0;            ///< parts of a label up to this size go; 0: all stay
  bool thirds = false;                   ///< segmented in three parts along the body, as very large scans are
};

/// The task and the organs that the image is cut by first; no name where it stays whole. Throws Error(wrong_usage) for
/// organs that the task has not, or that it cannot be cut to.
struct CompositionCrop {
  std::string_view task;
  std::vector<std::string> organs;
};
CompositionCrop crop_of(const Composition& composition, const CompositionOptions& options);

/// The parts that have to run, of `count`.
std::vector<std::size_t> parts_of(const Composition& composition, std::size_t count, const CompositionOptions& options);

/// What a composed task is made of. Models are loaded one after the other, and go when they have answered.
struct CompositionParts {
  std::size_t count = 1;
  std::function<std::shared_ptr<const Model>(std::size_t part)> load;
};

/// Labels of uint8 on the image's grid, and what they are called. Labels of a part follow those of the parts before it,
/// and later parts win. `rough` holds the labels of the crop's task on the same grid and their names, `bodies` those of
/// the bodies' task; null where the task has none. Throws as `predict` does and as `crop_of`, and Error(bad_input) for
/// models with other labels than the task's.
struct Composed {
  Volume labels;
  nn::Dataset dataset;
};
struct CompositionHelpers {
  const Composed* rough = nullptr;
  const Composed* bodies = nullptr;
};
Composed predict_composed(const Composition& composition, const CompositionParts& parts,
                          const CompositionOptions& options, const Volume& image, const CompositionHelpers& helpers,
                          const RunControl& control, ThreadPool& pool);

}  // namespace sagittal::segment
