#include "segment/predict.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "segment/grid.h"
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

std::uint64_t memory_needed(const Model& model, const Geometry& image) {
  constexpr double network_channels = 100, base = 64e6;  // feature maps alive at once at full resolution
  const Grid grid = grid_of(image, model.plan);
  const Index3 shape = resampled_shape(grid.shape, grid.spacing_mm, model.plan.target_spacing(grid.spacing_mm));
  const Index3& patch = model.plan.patch;
  const auto product = [](const Index3& size) {
    return static_cast<double>(size[0]) * static_cast<double>(size[1]) * static_cast<double>(size[2]);
  };
  const auto heads = static_cast<double>(model.networks.at(0)->output_channels());
  const auto inputs = static_cast<double>(model.networks[0]->input_channels());
  const Index3 layer{patch[0], std::max(shape[1], patch[1]), std::max(shape[2], patch[2])};
  const double floats =
      inputs * product(shape) + (heads + 1) * product(layer) + (inputs + heads + network_channels) * product(patch);
  const double labels = product(grid.shape) * (heads > 255 ? 2 : 1);
  const double given = product(grid.shape) * static_cast<double>(model.plan.channels.size()) * sizeof(std::int16_t);
  return static_cast<std::uint64_t>(base + floats * sizeof(float) + labels + given);
}

}  // namespace sagittal::segment
