#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "io/segmentation.h"
#include "segment/model.h"
#include "segment/postprocess.h"
#include "segment/predict.h"

namespace sagittal::hub {

/// A model of nnU-Net with all that it needs to answer.
struct NativeModel {
  std::shared_ptr<const segment::Model> main;
  std::shared_ptr<const segment::Model> previous;  ///< of a cascade whose first stage runs here; else null
};

/// Loads the model, and the first stage of a cascade where `with_previous`. Errors as segment::load_model.
NativeModel load_native_model(const std::filesystem::path& folder, const segment::LoadOptions& options,
                              bool with_previous = true);

/// What becomes of labels once they are there.
struct Cleaning {
  /// Nothing: what nnU-Net's version 1 does without being asked, with the postprocessing.json of the model's folder.
  std::optional<std::vector<segment::KeepLargest>> steps = {};
  bool first_stage = true;  ///< the same for what a cascade's first stage gives its second
};

/// All stages. Several models answer together, by the mean of their probabilities. `options.previous` takes the place
/// of first stages. Error(wrong_usage) where a first stage was given and no model takes one.
Volume predict_native(std::span<const NativeModel> models, std::span<const Volume> channels,
                      const segment::PredictOptions& options, const Cleaning& cleaning, ThreadPool& pool);

/// The labels as named segments with codes and colours of known terms, made by `author`; regions whole where the file
/// `can_overlap`.
io::Segmentation segmentation_of(const Volume& labels, const nn::Dataset& dataset, const std::string& author,
                                 bool can_overlap);

/// What a model's segments say that they were made by.
std::string author_of(const segment::Model& model);

}  // namespace sagittal::hub
