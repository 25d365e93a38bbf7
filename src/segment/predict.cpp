#include "segment/predict.h"

#include <fmt/format.h>

#include "base/error.h"
#include "segment/label_writer.h"
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

}  // namespace

Volume predict(const Model& model, std::span<const Volume> channels, const PredictOptions& options, ThreadPool& pool) {
  check_options(model, options);
  options.control.report("preparing", 0);
  const NetworkImage image = preprocess(channels, options.previous, model.plan, options.control, pool);
  const nn::Dataset& dataset = model.folder.dataset;
  const std::vector<int> foreground = dataset.foreground();
  LabelWriter writer(channels[0].geometry(), image, model.plan, dataset.heads(), dataset.regions_class_order,
                     static_cast<int>(foreground.size()), pool);
  WindowOptions window;
  window.dimensions = model.plan.dimensions;
  window.patch = model.plan.patch;
  window.step = options.step;
  if (options.mirror) window.mirror_axes = model.mirror_axes;
  window.previous_labels = model.previous_labels;
  slide(model.networks, image, window, writer, options.control, pool);
  return writer.finish();
}

}  // namespace sagittal::segment
