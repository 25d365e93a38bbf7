#include "hub/native_model.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "segment/ensemble.h"

namespace sagittal::hub {
namespace {

void describe_segment(io::Segment& segment, const std::string& name, const std::string& author) {
  if (!name.empty()) io::name_segment(segment, name);
  segment.algorithm_type = io::AlgorithmType::automatic;
  segment.algorithm_name = fmt::format("Sagittal {}", author);
}

/// The voxels whose label belongs to a region.
io::SegmentMask mask_of(const Volume& labels, const std::vector<int>& values) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(labels.geometry().voxel_count()));
  visit_voxels(labels, [&](const auto& voxels) {
    for (std::size_t n = 0; n < mask.size(); ++n) {
      mask[n] = std::find(values.begin(), values.end(), static_cast<int>(voxels[n])) != values.end();
    }
  });
  return io::crop_mask(mask, labels.geometry().size);
}

/// What version 1 of nnU-Net applies without being asked.
std::vector<segment::KeepLargest> own_steps(const segment::Model& model) {
  const auto file = model.folder.folder / "postprocessing.json";
  const bool unasked = model.plan.generation == 1 && std::filesystem::exists(file);
  return unasked ? segment::read_postprocessing(file) : std::vector<segment::KeepLargest>();
}

/// Labels of a cascade's first stage that runs here; nothing for other models.
std::optional<Volume> first_stage(const NativeModel& model, std::span<const Volume> channels,
                                  const segment::PredictOptions& options, const Cleaning& cleaning, ThreadPool& pool) {
  if (!model.previous || options.previous != nullptr) return std::nullopt;
  const auto steps = cleaning.first_stage ? own_steps(*model.previous) : std::vector<segment::KeepLargest>();
  Volume labels = segment::predict(*model.previous, channels, options, pool);
  return steps.empty() ? std::move(labels) : segment::postprocess(labels, steps);
}

}  // namespace

NativeModel load_native_model(const std::filesystem::path& folder, const segment::LoadOptions& options,
                              bool with_previous) {
  NativeModel model;
  model.main = segment::load_model(folder, options);
  if (model.main->previous_stage.empty() || !with_previous) return model;
  try {
    segment::LoadOptions first = options;
    first.configuration.clear();
    model.previous = segment::load_model(segment::previous_stage_folder(*model.main), first);
  } catch (Error& error) {
    throw error.within("the cascade's first stage (or give its segmentation: --previous)");
  }
  return model;
}

Volume predict_native(std::span<const NativeModel> models, std::span<const Volume> channels,
                      const segment::PredictOptions& options, const Cleaning& cleaning, ThreadPool& pool) {
  const bool together = models.size() > 1;
  // Read before the work begins: a file that is wrong shall not cost a prediction.
  const std::vector<segment::KeepLargest> steps = cleaning.steps ? *cleaning.steps
                                                  : together     ? std::vector<segment::KeepLargest>()
                                                                 : own_steps(*models[0].main);
  std::vector<std::optional<Volume>> previous;
  for (const NativeModel& model : models) previous.push_back(first_stage(model, channels, options, cleaning, pool));
  segment::PredictOptions predict = options;
  Volume labels = [&] {
    if (!together) {
      if (previous[0]) predict.previous = &*previous[0];
      return segment::predict(*models[0].main, channels, predict, pool);
    }
    std::vector<segment::Member> members;
    for (std::size_t n = 0; n < models.size(); ++n) {
      const Volume* given = models[n].main->previous_stage.empty() ? nullptr : options.previous;
      members.push_back({models[n].main.get(), previous[n] ? &*previous[n] : given});
    }
    predict.previous = members[0].previous;
    return segment::predict_together(members, channels, predict, pool);
  }();
  if (steps.empty()) return labels;
  predict.control.report("cleaning up", 0);
  return segment::postprocess(labels, steps);
}

std::string author_of(const segment::Model& model) {
  const std::string& dataset = model.folder.plans.dataset_name;
  return dataset.empty() ? model.folder.name : dataset;
}

io::Segmentation segmentation_of(const Volume& labels, const nn::Dataset& dataset, const std::string& author,
                                 bool can_overlap) {
  if (!dataset.has_regions() || !can_overlap) {
    io::Segmentation out = io::segments_of_labels(labels);
    for (io::Segment& segment : out.segments) {
      describe_segment(segment, dataset.name_of(static_cast<int>(segment.number)), author);
    }
    return out;
  }
  io::Segmentation out;
  out.geometry = labels.geometry();
  for (std::size_t n = 0; n < dataset.labels.size(); ++n) {
    io::Segment segment;
    segment.number = static_cast<std::int64_t>(n) + 1;
    segment.colour = io::default_colour(segment.number);
    segment.mask = mask_of(labels, dataset.labels[n].values);
    describe_segment(segment, dataset.labels[n].name, author);
    if (!segment.mask.bounds_ijk.empty()) out.segments.push_back(std::move(segment));
  }
  return out;
}

}  // namespace sagittal::hub
