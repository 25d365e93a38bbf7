#include "segment/predict.h"

#include <fmt/format.h>

#include "base/error.h"
#include "segment/label_writer.h"
#include "segment/logit_store.h"
#include "segment/preprocess.h"
#include "segment/window.h"

namespace sagittal::segment {
namespace {

void check_options(const Model& model, const PredictOptions& options) {
  if (!(options.step > 0 && options.step <= 1)) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("a step of {} tiles, expected more than 0 and up to 1", options.step));
  }
  if (model.previous_labels.empty() == (options.previous == nullptr)) return;
  throw Error(ErrorCode::wrong_usage,
              options.previous == nullptr
                  ? fmt::format("\"{}\" is the second stage of a cascade; it needs the segmentation of \"{}\"",
                                model.folder.configuration.name, model.previous_stage)
                  : fmt::format("\"{}\" is no second stage of a cascade", model.folder.configuration.name));
}

NetworkImage prepare(const Model& model, std::span<const Volume> channels, const PredictOptions& options,
                     ThreadPool& pool) {
  check_options(model, options);
  options.control.report("preparing", 0);
  return preprocess(channels, options.previous, model.plan, options.control, pool);
}

WindowOptions window_of(const Model& model, const PredictOptions& options) {
  WindowOptions window;
  window.generation = model.plan.generation;
  if (model.plan.generation == 1) {
    window.averaged = model.folder.dataset.has_regions() ? Averaged::sigmoid : Averaged::softmax;
  }
  window.dimensions = model.plan.dimensions;
  window.patch = model.plan.patch;
  window.step = options.step;
  if (options.mirror) window.mirror_axes = model.mirror_axes;
  window.previous_labels = model.previous_labels;
  return window;
}

}  // namespace

Volume predict(const Model& model, std::span<const Volume> channels, const PredictOptions& options, ThreadPool& pool) {
  const NetworkImage image = prepare(model, channels, options, pool);
  const nn::Dataset& dataset = model.folder.dataset;
  const std::vector<int> foreground = dataset.foreground();
  LabelWriter writer(channels[0].geometry(), image, model.plan, dataset.heads(), dataset.regions_class_order,
                     static_cast<int>(foreground.size()), pool);
  slide(model.networks, image, window_of(model, options), writer, options.control, pool);
  return writer.finish();
}

std::unique_ptr<const LogitStore> answer(const Model& model, std::span<const Volume> channels,
                                         const PredictOptions& options, ThreadPool& pool) {
  const NetworkImage image = prepare(model, channels, options, pool);
  const nn::Dataset& dataset = model.folder.dataset;
  auto store = std::make_unique<LogitStore>(image, model.plan, dataset.heads(), dataset.has_regions(),
                                            model.plan.generation == 1);
  slide(model.networks, image, window_of(model, options), *store, options.control, pool);
  return store;
}

}  // namespace sagittal::segment
