#include "interact/guide.h"

#include <algorithm>

#include "interact/guide_sharpen.h"

namespace sagittal::interact {
namespace {

constexpr int kLadder = Guide::kMostViews;  ///< views of a first prompt
constexpr double kRung = 1.6;               ///< from one to the next
constexpr double kSlack = 0.05;             ///< of the expected Dice: the widest view this near the best one counts
constexpr std::int64_t kCoarse = 4;         ///< blocks of so many voxels lose thin parts: a last look is finer
constexpr int kGrowths = 3;                 ///< where the object reaches the view's faces
constexpr std::int64_t kLeastUnits = 3;     ///< of the network's total stride, per axis

/// What the first view must show: all prompts, the previous mask, and some of their surroundings.
Box wanted_at_first(const Layers& layers, const Capabilities& can, const Focus& focus) {
  const auto drawn = drawn_bounds(layers, can), previous = layers.previous.bounds();
  Box box{focus.centre, {focus.centre[0] + 1, focus.centre[1] + 1, focus.centre[2] + 1}};
  if (drawn) box = previous ? hull(*drawn, *previous) : *drawn;
  if (!drawn && previous) box = *previous;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t length = box.hi[axis] - box.lo[axis];
    const std::int64_t margin = previous ? length / 5 + 4 : length * 2 / 5 + 2;
    box.lo[axis] -= margin;
    box.hi[axis] += margin;
  }
  return box;
}

Box grown(const Box& box, const std::array<std::array<bool, 2>, 3>& reached) {
  Box out = box;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t more = std::max<std::int64_t>(4, (box.hi[axis] - box.lo[axis]) * 35 / 100);
    const auto& [low, high] = reached[static_cast<std::size_t>(axis)];
    if (low) out.lo[axis] -= more;
    if (high) out.hi[axis] += more;
  }
  return out;
}

Index3 padded(const Index3& size, const Index3& multiple) {
  Index3 out;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t blocks = (size[axis] + multiple[axis] - 1) / multiple[axis];
    out[axis] = std::max(kLeastUnits, blocks) * multiple[axis];
  }
  return out;
}

void show(const PreviewSink& sink, const Layers& layers, const GuideView& view, const BitVolume& found) {
  auto differing = found.difference(layers.mask.read(view.box)).bounds().value_or(Box{});
  if (!differing.empty()) {
    for (int axis = 0; axis < 3; ++axis) {
      differing.lo[axis] += view.box.lo[axis];
      differing.hi[axis] += view.box.lo[axis];
    }
  }
  sink({view.box, found, differing});
}

std::int64_t coarsest(const GuideView& view) { return *std::max_element(view.step.begin(), view.step.end()); }

/// Sides of a view for a last, finer look.
Index3 finer(const GuideModel& guide) {
  Index3 out;
  for (int axis = 0; axis < 3; ++axis) out[axis] = guide.side[axis] * 5 / 3;
  return out;
}

/// The view seen from farther away.
GuideView wider(const GuideView& view, const Index3& shape, const Index3& side) {
  Box box = view.box;
  for (int axis = 0; axis < 3; ++axis) {
    const auto length = static_cast<double>(box.hi[axis] - box.lo[axis]);
    const auto more = std::max<std::int64_t>(2, static_cast<std::int64_t>(length * (kRung - 1) / 2));
    box.lo[axis] -= more;
    box.hi[axis] += more;
  }
  return fit_view(box, shape, side);
}

}  // namespace

struct Guide::Look {
  GuideView view;
  GuideScene scene;
  Field answer;
};

/// What the network is given for a look.
struct Guide::Prepared {
  GuideView view;
  GuideScene scene;
  Index3 patch;
  RecycledVector<float> input;
};

Index3 Guide::largest_patch(const GuideModel& guide) { return padded(finer(guide), guide.multiple); }

Guide::Guide(const Model& model, const NormalisedImage& image, ThreadPool& pool)
    : model_(model), image_(image), pool_(pool) {}

void Guide::report(const RunControl& control) const {
  control.check();
  control.report("zooming", static_cast<double>(passes_) / (kLadder + kGrowths + 1));
}

/// The views do not depend on the answers, so that the others are prepared while the first is answered and shown, by
/// the caller: a pool gives it the first range.
Guide::Look Guide::widest_good(const Layers& layers, const GuideView& first, const PreviewSink& preview,
                               const RunControl& control) {
  std::vector<GuideView> views{first};
  while (static_cast<int>(views.size()) < kLadder) {
    const GuideView next = wider(views.back(), image_.shape(), model_.guide.side);
    if (next.box == views.back().box) break;
    views.push_back(next);
  }
  std::vector<Look> looks(1);
  std::vector<Prepared> wide(views.size() - 1);
  const auto see = [&](std::size_t n) {
    if (n > 0) {
      wide[n - 1] = prepare(layers, views[n], control);
      return;
    }
    looks[0] = look(layers, first, control);
    if (preview && !wide.empty()) show(preview, layers, first, enlarge(looks[0].answer, first, pool_));
  };
  pool_.parallel_for(static_cast<std::int64_t>(views.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) see(static_cast<std::size_t>(n));
  });
  for (Prepared& prepared : wide) looks.push_back(answer(std::move(prepared), control));
  std::vector<double> scores;
  for (const Look& seen : looks) scores.push_back(expected_dice(seen.answer));
  const double least = *std::max_element(scores.begin(), scores.end()) - kSlack;
  std::size_t chosen = scores.size() - 1;
  while (scores[chosen] < least) --chosen;
  return std::move(looks[chosen]);
}

Prediction Guide::run(Layers& layers, const Focus& focus, bool auto_zoom, const PreviewSink& preview,
                      const RunControl& control) {
  passes_ = 0;
  const Index3 &shape = image_.shape(), &side = model_.guide.side;
  const bool fresh = !layers.previous.bounds();
  const GuideView first = fit_view(wanted_at_first(layers, model_.capabilities, focus), shape, side);
  Look now = fresh && auto_zoom ? widest_good(layers, first, preview, control) : look(layers, first, control);
  for (int growth = 0; auto_zoom && growth < kGrowths; ++growth) {
    const GuideView next = fit_view(grown(now.view.box, reached_faces(now.answer, now.view, shape)), shape, side);
    if (next == now.view) break;
    if (preview) show(preview, layers, now.view, enlarge(now.answer, now.view, pool_));
    now = look(layers, next, control);
  }
  if (auto_zoom && coarsest(now.view) >= kCoarse) {
    if (preview) show(preview, layers, now.view, enlarge(now.answer, now.view, pool_));
    now = look(layers, fit_view(now.view.box, shape, finer(model_.guide)), control);
  }
  obey_prompts(now.answer, now.scene);
  if (!fresh) keep_what_was_accepted(now.answer, now.scene);
  control.report("refining", 0);
  const BitVolume found = sharpen(now.answer, now.scene.image, now.view, image_, pool_, control);
  control.check();
  layers.previous.paste(found, now.view.box, pool_);
  layers.mask.paste_shared(layers.previous, found, now.view.box, pool_);
  control.report("refining", 1);
  return {now.view.box, static_cast<double>(coarsest(now.view)), passes_};
}

Guide::Look Guide::look(const Layers& layers, const GuideView& view, const RunControl& control) {
  return answer(prepare(layers, view, control), control);
}

/// Called by several threads at once.
Guide::Prepared Guide::prepare(const Layers& layers, const GuideView& view, const RunControl& control) const {
  control.check();
  Prepared out{view, scan_scene(image_, layers, model_.capabilities, view, pool_), {}, {}};
  control.check();
  out.patch = padded(view.size(), model_.guide.multiple);
  out.input.resize(static_cast<std::size_t>(kGuideChannels * whole(out.patch).volume()));
  guide_features(out.scene, out.patch, pool_, control, out.input);
  return out;
}

Guide::Look Guide::answer(Prepared prepared, const RunControl& control) {
  report(control);
  const Index3 size = prepared.view.size(), &patch = prepared.patch;
  const std::int64_t voxels = whole(patch).volume();
  RecycledVector<float> logits(static_cast<std::size_t>(2 * voxels));
  RunControl inner;
  inner.cancel = control.cancel;
  model_.guide.network->run(patch, prepared.input, logits, inner);
  Field answer(size);
  std::size_t n = 0;
  for (std::int64_t i = 0; i < size[0]; ++i) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const auto row = static_cast<std::size_t>((i * patch[1] + j) * patch[2]);
      for (std::size_t k = 0; k < static_cast<std::size_t>(size[2]); ++k) {
        answer[n++] = logits[static_cast<std::size_t>(voxels) + row + k] - logits[row + k];
      }
    }
  }
  ++passes_;
  return {prepared.view, std::move(prepared.scene), std::move(answer)};
}

}  // namespace sagittal::interact
