#include "interact/predictor.h"

#include <cmath>

#include "interact/model_memory.h"

namespace sagittal::interact {
namespace {

Box box_around(const Index3& centre, const Index3& size) {
  Box box;
  for (int axis = 0; axis < 3; ++axis) {
    box.lo[axis] = centre[axis] - size[axis] / 2;
    box.hi[axis] = box.lo[axis] + size[axis];
  }
  return box;
}

Box shifted(const Box& box, const Index3& origin) {
  Box out = box;
  for (int axis = 0; axis < 3; ++axis) {
    out.lo[axis] -= origin[axis];
    out.hi[axis] -= origin[axis];
  }
  return out;
}

/// Reports step `step` of `steps` under one name, and within a step what the network reports.
RunControl step_control(const RunControl& control, std::string_view stage, int step, int steps) {
  RunControl inner;
  inner.cancel = control.cancel;
  if (control.sink) {
    inner.sink = [control, stage, step, steps](const Progress& progress) {
      control.report(stage, (step + progress.fraction) / steps);
    };
  }
  return inner;
}

/// Coarse passes that may follow one at this zoom, itself included.
int passes_from(double zoom) {
  int passes = 1;
  for (; zoom < kMaxZoom; zoom = std::min(kMaxZoom, zoom * kZoomGrowth)) ++passes;
  return passes;
}

}  // namespace

/// What one coarse pass showed; its answer is in `answer_`.
struct Predictor::Look {
  double zoom;
  Box box;
  Box seen;        ///< of the box, what lies in the image
  bool contained;  ///< the object does not continue beyond the box
};

Predictor::Predictor(const Model& model, const NormalisedImage& image, ThreadPool& pool)
    : model_(model), shape_(image.shape()), pool_(pool), input_(model, image, pool) {}

Prediction Predictor::run(Layers& layers, const Focus& focus, const PredictionOptions& options,
                          const LeftoverPick& pick, const RunControl& control) {
  memory_.emplace(*model_.scratch, patch_bytes(*model_.network, model_.patch_size), control);
  input_values_ = memory_->as<float>().first(input_.value_count());
  logits_ = memory_->as<float>().first(2 * input_.patch_voxels());
  passes_ = 0;
  const Look last = zoom_until_contained(layers, focus, options, control);
  const BitVolume coarse = coarse_mask(last);
  if (last.zoom == 1) {
    layers.previous.paste(coarse, last.seen, pool_);
    layers.mask.paste_shared(layers.previous, coarse, last.seen, pool_);
    return {last.seen, last.zoom, passes_};
  }
  control.check();
  show(options.preview, layers, last, coarse);
  const std::vector<Box> patches = plan(layers, coarse, last.seen, focus, options.refine_all, pick);
  const Box refined = refine(layers, coarse, last.seen, patches, options.rules, control);
  return {intersect(refined, whole(shape_)), last.zoom, passes_};
}

Predictor::Look Predictor::zoom_until_contained(const Layers& layers, const Focus& focus,
                                                const PredictionOptions& options, const RunControl& control) {
  double zoom = std::min(kMaxZoom, focus.zoom);
  const int steps = passes_from(zoom);
  while (true) {
    const Look now = look(layers, focus.centre, zoom, options.rules, step_control(control, "zooming", passes_, steps));
    if (now.contained || !options.auto_zoom || zoom >= kMaxZoom) return now;
    if (options.preview) show(options.preview, layers, now, coarse_mask(now));
    zoom = std::min(kMaxZoom, zoom * kZoomGrowth);
  }
}

Predictor::Look Predictor::look(const Layers& layers, const Index3& centre, double zoom, Rules rules,
                                const RunControl& control) {
  const Index3& patch = model_.patch_size;
  Index3 size;
  for (int axis = 0; axis < 3; ++axis) size[axis] = round_half_even(static_cast<double>(patch[axis]) * zoom);
  const Box box = box_around(centre, size);
  if (size == patch) {
    input_.crop(layers, layers.previous.read(box), box, input_values_);
  } else {
    input_.shrink(layers, box, zoom, input_values_);
  }
  pass(control);
  return {zoom, box, intersect(box, whole(shape_)), !reaches_border(answer_, patch, layers.previous, box, rules)};
}

/// The answer where the pass looked inside the image, at full resolution.
BitVolume Predictor::coarse_mask(const Look& look) const {
  const Box part = shifted(look.seen, look.box.lo);
  if (look.zoom == 1) return pack(answer_, model_.patch_size, part, pool_);
  return enlarge(answer_, model_.patch_size, look.box.size(), part, pool_);
}

void Predictor::show(const PreviewSink& sink, const Layers& layers, const Look& look, const BitVolume& coarse) const {
  if (!sink) return;
  const auto differing = coarse.difference(layers.mask.read(look.seen)).bounds();
  const Index3& lo = look.seen.lo;
  sink({look.seen, coarse, differing ? shifted(*differing, {-lo[0], -lo[1], -lo[2]}) : Box{}});
}

void Predictor::pass(const RunControl& control) {
  control.check();
  control.report({}, 0);
  model_.network->run(model_.patch_size, input_values_, logits_, control);
  decide(logits_, pool_, answer_);
  ++passes_;
}

std::vector<Box> Predictor::plan(const Layers& layers, const BitVolume& coarse, const Box& seen, const Focus& focus,
                                 bool refine_all, const LeftoverPick& pick) const {
  constexpr int opening_radius = 2;
  BitVolume needed = coarse.difference(layers.previous.read(seen));
  erode_cube(needed, opening_radius, pool_);
  dilate_cube(needed, opening_radius, pool_);
  Box area = seen;
  if (refine_all) {
    if (const auto bounds = layers.previous.bounds()) area = hull(seen, *bounds);
    BitVolume all = layers.previous.read(area);
    const Box there = shifted(seen, area.lo);
    BitVolume within(seen.size());
    within.copy_from(all, there, {0, 0, 0});
    all.copy_from(needed.joined(within), whole(seen.size()), there.lo);
    needed = std::move(all);
  }
  std::vector<Box> patches = cover(needed, model_.patch_size, cover_margin(model_.patch_size), pick);
  for (Box& patch : patches) patch = shifted(patch, {-area.lo[0], -area.lo[1], -area.lo[2]});
  if (patches.empty()) patches.push_back(box_around(focus.centre, model_.patch_size));
  return patches;
}

Box Predictor::refine(Layers& layers, const BitVolume& coarse, const Box& seen, const std::vector<Box>& patches,
                      Rules rules, const RunControl& control) {
  Box all = patches.front();
  for (const Box& patch : patches) all = hull(all, patch);
  // What the network sees as the previous segmentation; later patches see the answers of earlier ones, also outside the
  // image.
  BitVolume context = layers.previous.read(all);
  const Box known = intersect(seen, all);
  context.copy_from(coarse, shifted(known, seen.lo), shifted(known, all.lo).lo);

  const Index3& size = model_.patch_size;
  const int steps = static_cast<int>(patches.size());
  for (int step = 0; step < steps; ++step) {
    const Box local = shifted(patches[static_cast<std::size_t>(step)], all.lo);
    BitVolume previous(size);
    previous.copy_from(context, local, {0, 0, 0});
    input_.crop(layers, previous, patches[static_cast<std::size_t>(step)], input_values_);
    pass(step_control(control, "refining", step, steps));
    context.copy_from(pack(answer_, size, whole(size), pool_), whole(size), local.lo);
  }
  if (rules == Rules::v2_5) {
    layers.previous.paste(coarse, seen, pool_);
    write(layers, context, all, all);
  } else {
    for (const Box& patch : patches) write(layers, context, all, patch);
  }
  return all;
}

void Predictor::write(Layers& layers, const BitVolume& answer, const Box& answer_box, const Box& box) const {
  const Box inside = intersect(box, whole(shape_));
  if (inside.empty()) return;
  BitVolume part(inside.size());
  part.copy_from(answer, shifted(inside, answer_box.lo), {0, 0, 0});
  layers.previous.paste(part, inside, pool_);
  layers.mask.paste_shared(layers.previous, part, inside, pool_);
}

}  // namespace sagittal::interact
