#include "segment/composition.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "segment/canonical.h"
#include "segment/composition_cleaning.h"
#include "segment/predict.h"
#include "volume/box.h"

namespace sagittal::segment {
namespace {

constexpr std::int64_t kLargeVoxels = std::int64_t{512} * 512 * 900;
constexpr std::int64_t kLargeSlices = 200;
constexpr std::int64_t kMargin = 20;
constexpr int kMostLabels = 255;

nn::Dataset dataset_named(std::string_view names) {
  nn::Dataset out;
  out.channel_names = {"image"};
  int label = 0;
  if (names.empty()) return out;
  for (const std::string_view name : split(names, ' ')) out.labels.push_back({std::string(name), {++label}});
  return out;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Smallest box around the rough labels of the crop's organs, grown by its margin; nothing where none was found.
std::optional<Box> crop_box(const CompositionCrop& crop, double margin_mm, const Composed& rough) {
  std::vector<bool> wanted(static_cast<std::size_t>(kMostLabels) + 1, false);
  for (const std::string& organ : crop.organs) {
    const auto& labels = rough.dataset.labels;
    const auto found = std::find_if(labels.begin(), labels.end(), [&](const auto& l) { return l.name == organ; });
    if (found == labels.end()) {
      throw Error(ErrorCode::bad_input, fmt::format("\"{}\" has no label \"{}\"", crop.task, organ));
    }
    wanted.at(static_cast<std::size_t>(found->values[0])) = true;
  }
  const Geometry& geometry = rough.labels.geometry();
  const std::span<const std::uint8_t> labels = rough.labels.as<std::uint8_t>();
  std::optional<Box> box;
  std::size_t n = 0;
  for (std::int64_t k = 0; k < geometry.size[2]; ++k) {
    for (std::int64_t j = 0; j < geometry.size[1]; ++j) {
      for (std::int64_t i = 0; i < geometry.size[0]; ++i) {
        if (!wanted[labels[n++]]) continue;
        const Box voxel{{i, j, k}, {i + 1, j + 1, k + 1}};
        box = box ? hull(*box, voxel) : voxel;
      }
    }
  }
  for (std::size_t a = 0; box && a < 3; ++a) {
    const auto more = static_cast<std::int64_t>(margin_mm / geometry.spacing_mm[a]);
    box->lo[a] = std::max<std::int64_t>(0, box->lo[a] - more);
    box->hi[a] = std::min(geometry.size[a], box->hi[a] + more);
  }
  return box;
}

/// Slices [lo, hi) that are segmented at once, and [keep_lo, keep_hi) of the whole that are taken from them.
struct Slab {
  std::int64_t lo = 0, hi = 0, keep_lo = 0, keep_hi = 0;
};
std::vector<Slab> slabs_of(const Geometry& geometry, std::size_t parts, bool forced) {
  const std::int64_t slices = geometry.size[2], third = slices / 3;
  const bool large = parts > 1 && geometry.voxel_count() > kLargeVoxels && slices > kLargeSlices;
  if (!large && !forced) return {{0, slices, 0, slices}};
  if (third < kMargin) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("{} slices at the task's spacing, thirds need at least {} slices", slices, 3 * kMargin));
  }
  return {{0, third + kMargin, 0, third},
          {third + 1 - kMargin, 2 * third + kMargin, third, 2 * third},
          {2 * third + 1 - kMargin, slices, 2 * third, slices}};
}

void check_part(const Model& model) {
  const nn::Dataset& dataset = model.folder.dataset;
  if (dataset.has_regions() || dataset.channel_names.size() != 1 || dataset.foreground().size() >= kMostLabels ||
      !model.previous_stage.empty()) {
    throw Error(ErrorCode::bad_input,
                fmt::format("model {}: no model of one image with up to 254 labels", model.folder.folder.string()));
  }
}

/// Writes what one part finds over what the parts before it found.
void merge(const Volume& found, int first_label, const Slab& slab, std::span<std::uint8_t> all) {
  const std::int64_t plane = found.geometry().size[0] * found.geometry().size[1];
  const std::span<const std::uint8_t> labels = found.as<std::uint8_t>();
  for (std::int64_t n = slab.keep_lo * plane; n < slab.keep_hi * plane; ++n) {
    const std::uint8_t label = labels[static_cast<std::size_t>(n - slab.lo * plane)];
    if (label != 0) all[static_cast<std::size_t>(n)] = static_cast<std::uint8_t>(first_label + label);
  }
}

/// How many labels the parts before this one have, as the task has them.
int labels_before(const Composition& composition, std::size_t part) {
  const auto begin = composition.part_labels.begin();
  return std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(std::min(part, composition.part_labels.size())), 0);
}

void check_label_count(const Composition& composition, std::size_t part, const Model& model) {
  const auto found = static_cast<int>(model.folder.dataset.foreground().size());
  const bool many = composition.part_labels[0] > 0;
  if (!many && composition.labels.empty()) return;
  const int expected =
      many ? composition.part_labels.at(part) : static_cast<int>(dataset_named(composition.labels).labels.size());
  if (found == expected) return;
  throw Error(ErrorCode::bad_input, fmt::format("model {}: {} labels, part {} of the task \"{}\" has {}",
                                                model.folder.name, found, part + 1, composition.task, expected));
}

/// Runs the parts that are asked for on the image that the networks are to see.
struct Merged {
  Volume labels;
  nn::Dataset dataset;
};
Merged run_parts(const Composition& composition, const CompositionParts& parts, const CompositionOptions& asked,
                 const Volume& image, const RunControl& control, ThreadPool& pool) {
  const Geometry& geometry = image.geometry();
  Buffer buffer(static_cast<std::size_t>(geometry.voxel_count()));
  const std::span<std::uint8_t> all = buffer.as<std::uint8_t>();
  std::fill(all.begin(), all.end(), std::uint8_t{0});
  nn::Dataset dataset = dataset_named(composition.labels);
  for (const std::size_t part : parts_of(composition, parts.count, asked)) {
    const std::shared_ptr<const Model> model = parts.load(part);
    check_part(*model);
    check_label_count(composition, part, *model);
    PredictOptions options;
    options.mirror = false;
    options.step = composition.step;
    options.control = control;
    for (const Slab& slab : slabs_of(geometry, parts.count, asked.thirds)) {
      const bool whole = slab.lo == 0 && slab.hi == geometry.size[2];
      const Volume piece =
          whole ? image : cropped(image, {{0, 0, slab.lo}, {geometry.size[0], geometry.size[1], slab.hi}});
      merge(predict(*model, std::span(&piece, 1), options, pool), labels_before(composition, part), slab, all);
    }
    if (composition.labels.empty()) dataset = model->folder.dataset;
  }
  return {Volume(geometry, ScalarType::u8, std::move(buffer)), std::move(dataset)};
}

void remove_auxiliary(const Composition& composition, Merged& merged) {
  if (composition.auxiliary_from == 0) return;
  const auto first = composition.auxiliary_from;
  const std::span<const std::uint8_t> labels = merged.labels.as<std::uint8_t>();
  std::vector<std::uint8_t> kept(labels.begin(), labels.end());
  for (std::uint8_t& label : kept) label = label >= first ? 0 : label;
  merged.labels = make_volume<std::uint8_t>(merged.labels.geometry(), kept);
  std::erase_if(merged.dataset.labels, [&](const auto& label) { return label.values[0] >= first; });
}

/// What the task and whoever asked want cleaned up, on the grid of the networks.
void clean(const Composition& composition, const CompositionOptions& options, Merged& merged) {
  remove_auxiliary(composition, merged);
  if (composition.cleans_body) merged.labels = clean_body(merged.labels);
  if (composition.separates_vertebrae) merged.labels = separate_vertebrae(merged.labels);
  if (options.small_parts_mm3 > 0) {
    merged.labels = without_small_parts(merged.labels, 1, kMostLabels, options.small_parts_mm3);
  }
}

/// Only what was asked for.
void select(const CompositionOptions& options, Composed& found) {
  if (options.organs.empty()) return;
  std::erase_if(found.dataset.labels, [&](const auto& label) { return !has(options.organs, label.name); });
  std::vector<std::uint8_t> becomes(static_cast<std::size_t>(kMostLabels) + 1, 0);
  for (const auto& label : found.dataset.labels) {
    const auto value = static_cast<std::size_t>(label.values[0]);
    becomes.at(value) = static_cast<std::uint8_t>(value);
  }
  const std::span<const std::uint8_t> labels = found.labels.as<std::uint8_t>();
  std::vector<std::uint8_t> kept(labels.size());
  std::transform(labels.begin(), labels.end(), kept.begin(), [&](std::uint8_t label) { return becomes[label]; });
  found.labels = make_volume<std::uint8_t>(found.labels.geometry(), kept);
}

/// Labels of a part of the image, in zeros.
Volume pasted(const Volume& labels, const Geometry& geometry, const Box& box) {
  Buffer out(static_cast<std::size_t>(geometry.voxel_count()));
  const std::span<std::uint8_t> to = out.as<std::uint8_t>();
  std::fill(to.begin(), to.end(), std::uint8_t{0});
  const Index3 size = box.size();
  const std::span<const std::uint8_t> from = labels.as<std::uint8_t>();
  for (std::int64_t row = 0; row < size[1] * size[2]; ++row) {
    const std::int64_t j = box.lo[1] + row % size[1], k = box.lo[2] + row / size[1];
    std::copy_n(from.begin() + row * size[0], size[0],
                to.begin() + (k * geometry.size[1] + j) * geometry.size[0] + box.lo[0]);
  }
  return Volume(geometry, ScalarType::u8, std::move(out));
}

/// On the image's grid; `box` is what is segmented of it.
Composed find_in(const Composition& composition, const CompositionParts& parts, const CompositionOptions& options,
                 const Volume& image, const std::optional<Box>& box, const RunControl& control, ThreadPool& pool) {
  control.report("preparing", 0);
  const Volume kept = box ? truncated(cropped(image, *box)) : image;
  const Volume canonical = to_canonical(kept);
  const bool resampled = composition.spacing_mm[0] > 0;
  const Volume seen = resampled ? zoom_to_spacing(canonical, composition.spacing_mm, pool) : canonical;
  Merged merged = run_parts(composition, parts, options, seen, control, pool);
  clean(composition, options, merged);
  const Volume back = zoom_labels(merged.labels, canonical.geometry());
  const Volume own = from_canonical(back, kept.geometry());
  return {box ? pasted(own, image.geometry(), *box) : own, std::move(merged.dataset)};
}

Composed nothing_on(const Geometry& geometry, const Composition& composition) {
  const std::vector<std::uint8_t> nothing(static_cast<std::size_t>(geometry.voxel_count()), 0);
  return {make_volume<std::uint8_t>(geometry, nothing), dataset_named(composition.labels)};
}

}  // namespace

CompositionCrop crop_of(const Composition& composition, const CompositionOptions& options) {
  CompositionCrop crop;
  const bool subset = !options.organs.empty();
  if (subset && composition.subset_crop_task.empty()) {
    throw Error(ErrorCode::wrong_usage, fmt::format("\"{}\" always finds all of its structures; only the tasks called "
                                                    "total can be asked for some",
                                                    composition.task));
  }
  for (const std::string& organ : options.organs) {
    const auto all = split(composition.labels, ' ');
    if (std::find(all.begin(), all.end(), organ) == all.end()) {
      throw Error(ErrorCode::wrong_usage, fmt::format("\"{}\" has no structure \"{}\"; its names are like \"{}\"",
                                                      composition.task, organ, all.front()));
    }
  }
  crop.task = subset ? composition.subset_crop_task : composition.crop_task;
  if (subset) {
    crop.organs = options.organs;
  } else if (!crop.task.empty()) {
    for (const std::string_view organ : split(composition.crop, ' ')) crop.organs.emplace_back(organ);
  }
  return crop;
}

std::vector<std::size_t> parts_of(const Composition& composition, std::size_t count,
                                  const CompositionOptions& options) {
  std::vector<std::size_t> parts;
  const auto labels = split(composition.labels, ' ');
  for (std::size_t part = 0; part < count; ++part) {
    const auto first = static_cast<std::size_t>(labels_before(composition, part));
    const auto last = std::min(labels.size(), static_cast<std::size_t>(labels_before(composition, part + 1)));
    bool wanted = options.organs.empty() || composition.part_labels[0] == 0;
    for (std::size_t n = first; n < last; ++n) wanted |= has(options.organs, labels[n]);
    if (wanted) parts.push_back(part);
  }
  return parts;
}

Composed predict_composed(const Composition& composition, const CompositionParts& parts,
                          const CompositionOptions& options, const Volume& image, const CompositionHelpers& helpers,
                          const RunControl& control, ThreadPool& pool) {
  const CompositionCrop crop = crop_of(composition, options);
  std::optional<Box> box;
  if (helpers.rough != nullptr) box = crop_box(crop, composition.crop_margin_mm, *helpers.rough);
  Composed found = helpers.rough != nullptr && !box ? nothing_on(image.geometry(), composition)
                                                    : find_in(composition, parts, options, image, box, control, pool);
  if (helpers.bodies != nullptr) found.labels = refine_vertebrae(found.labels, helpers.bodies->labels);
  select(options, found);
  return found;
}

}  // namespace sagittal::segment
