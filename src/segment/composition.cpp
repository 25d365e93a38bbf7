#include "segment/composition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "segment/canonical.h"
#include "segment/postprocess.h"
#include "segment/predict.h"
#include "volume/components.h"

namespace sagittal::segment {
namespace {

constexpr std::int64_t kLargeVoxels = std::int64_t{512} * 512 * 900;
constexpr std::int64_t kLargeSlices = 200;
constexpr std::int64_t kMargin = 20;
constexpr double kSmallestExtremityMm3 = 50000;
constexpr int kMostLabels = 255;

nn::Dataset dataset_named(std::string_view names) {
  nn::Dataset out;
  out.channel_names = {"image"};
  int label = 0;
  if (names.empty()) return out;
  for (const std::string_view name : split(names, ' ')) out.labels.push_back({std::string(name), {++label}});
  return out;
}

/// Smallest box around the rough labels of the crop's organs, grown by its margin; nothing where none was found.
std::optional<Box> crop_box(const Composition& composition, const Composed& rough) {
  std::vector<bool> wanted(static_cast<std::size_t>(kMostLabels) + 1, false);
  for (const std::string_view organ : split(composition.crop, ' ')) {
    const auto& labels = rough.dataset.labels;
    const auto found = std::find_if(labels.begin(), labels.end(), [&](const auto& l) { return l.name == organ; });
    if (found == labels.end()) {
      throw Error(ErrorCode::bad_input, fmt::format("\"{}\" has no label \"{}\"", composition.crop_task, organ));
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
    const auto more = static_cast<std::int64_t>(composition.crop_margin_mm / geometry.spacing_mm[a]);
    box->lo[a] = std::max<std::int64_t>(0, box->lo[a] - more);
    box->hi[a] = std::min(geometry.size[a], box->hi[a] + more);
  }
  return box;
}

/// Slices [lo, hi) that are segmented at once, and [keep_lo, keep_hi) of the whole that are taken from them.
struct Slab {
  std::int64_t lo = 0, hi = 0, keep_lo = 0, keep_hi = 0;
};
std::vector<Slab> slabs_of(const Geometry& geometry, std::size_t parts) {
  const std::int64_t slices = geometry.size[2], third = slices / 3;
  if (parts < 2 || geometry.voxel_count() <= kLargeVoxels || slices <= kLargeSlices) return {{0, slices, 0, slices}};
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

/// Runs all parts on the image that the networks are to see.
struct Merged {
  Volume labels;
  nn::Dataset dataset;
};
Merged run_parts(const Composition& composition, const CompositionParts& parts, const Volume& image,
                 const RunControl& control, ThreadPool& pool) {
  const Geometry& geometry = image.geometry();
  Buffer buffer(static_cast<std::size_t>(geometry.voxel_count()));
  const std::span<std::uint8_t> all = buffer.as<std::uint8_t>();
  std::fill(all.begin(), all.end(), std::uint8_t{0});
  nn::Dataset dataset;
  int first_label = 0;
  for (std::size_t part = 0; part < parts.count; ++part) {
    const std::shared_ptr<const Model> model = parts.load(part);
    check_part(*model);
    const int count = static_cast<int>(model->folder.dataset.foreground().size());
    if (first_label + count > kMostLabels) throw Error(ErrorCode::bad_input, "all parts together have over 255 labels");
    PredictOptions options;
    options.mirror = false;
    options.step = composition.step;
    options.control = control;
    for (const Slab& slab : slabs_of(geometry, parts.count)) {
      const bool whole = slab.lo == 0 && slab.hi == geometry.size[2];
      const Volume piece =
          whole ? image : cropped(image, {{0, 0, slab.lo}, {geometry.size[0], geometry.size[1], slab.hi}});
      merge(predict(*model, std::span(&piece, 1), options, pool), first_label, slab, all);
    }
    if (part == 0) dataset = model->folder.dataset;
    first_label += count;
  }
  if (!composition.labels.empty()) dataset = dataset_named(composition.labels);
  if (static_cast<int>(dataset.labels.size()) != first_label) {
    throw Error(ErrorCode::bad_input, fmt::format("the models have {} labels, the task \"{}\" has {}", first_label,
                                                  composition.task, dataset.labels.size()));
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

/// Label 1 is the trunk, label 2 the extremities.
Volume clean_body(const Volume& labels) {
  KeepLargest trunk;
  trunk.labels = {1};
  trunk.connectivity = Connectivity::faces;
  const Volume one_trunk = postprocess(labels, {trunk});
  const Geometry& geometry = labels.geometry();
  const Vec3& mm = geometry.spacing_mm;
  const std::span<const std::uint8_t> before = one_trunk.as<std::uint8_t>();
  std::vector<std::uint8_t> kept(before.begin(), before.end());
  const Components extremities(before, {geometry.size[2], geometry.size[1], geometry.size[0]}, 2, Connectivity::faces);
  for (const Components::Run& run : extremities.runs()) {
    const auto size = static_cast<double>(extremities.sizes()[static_cast<std::size_t>(run.component)]);
    if (size > kSmallestExtremityMm3 / (mm[0] * mm[1] * mm[2])) continue;
    std::uint8_t* row = kept.data() + run.row * geometry.size[0];
    std::fill(row + run.begin, row + run.end, std::uint8_t{0});
  }
  return make_volume<std::uint8_t>(geometry, kept);
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

}  // namespace

Composed predict_composed(const Composition& composition, const CompositionParts& parts, const Volume& image,
                          const Composed* rough, const RunControl& control, ThreadPool& pool) {
  const Geometry& geometry = image.geometry();
  Box box{{0, 0, 0}, geometry.size};
  if (rough != nullptr) {
    const std::optional<Box> found = crop_box(composition, *rough);
    if (!found) {
      const std::vector<std::uint8_t> nothing(static_cast<std::size_t>(geometry.voxel_count()), 0);
      return {make_volume<std::uint8_t>(geometry, nothing), dataset_named(composition.labels)};
    }
    box = *found;
  }
  control.report("preparing", 0);
  const Volume kept = rough != nullptr ? truncated(cropped(image, box)) : image;
  const Volume canonical = to_canonical(kept);
  const bool resampled = composition.spacing_mm[0] > 0;
  const Volume seen = resampled ? zoom_to_spacing(canonical, composition.spacing_mm, pool) : canonical;
  Merged merged = run_parts(composition, parts, seen, control, pool);
  remove_auxiliary(composition, merged);
  if (composition.cleans_body) merged.labels = clean_body(merged.labels);
  const Volume back = zoom_labels(merged.labels, canonical.geometry());
  const Volume own = from_canonical(back, kept.geometry());
  return {rough != nullptr ? pasted(own, geometry, box) : own, std::move(merged.dataset)};
}

}  // namespace sagittal::segment
