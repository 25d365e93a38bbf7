#include "interact/session.h"

#include <cmath>
#include <unordered_set>

#include <fmt/format.h>

#include "base/error.h"
#include "interact/history.h"
#include "interact/normalised_image.h"
#include "interact/predictor.h"
#include "interact/record.h"
#include "volume/volume.h"

namespace sagittal::interact {
namespace {

[[noreturn]] void refuse(std::string sentence) { throw Error(ErrorCode::bad_input, std::move(sentence)); }

void require_support(bool supported, std::string_view kind) {
  if (supported) return;
  throw Error(ErrorCode::unsupported,
              fmt::format("Interaction '{}' is not supported by this checkpoint capability metadata.", kind));
}

std::string describe_corners(const std::array<double, 3>& lo, const std::array<double, 3>& hi) {
  return fmt::format("[[{}, {}], [{}, {}], [{}, {}]]", lo[0], hi[0], lo[1], hi[1], lo[2], hi[2]);
}

/// Raises the intensity for one more prompt; where it would leave the range of half, everything drawn is scaled down.
void strengthen(Layers& layers, const Capabilities& can) {
  constexpr double largest_half = 65504, rescaled = 6550.4;
  if (!can.interaction_decay || *can.interaction_decay >= 1) return;
  layers.intensity *= 1 / *can.interaction_decay;
  if (layers.intensity <= largest_half) return;
  const auto factor = static_cast<float>(rescaled / layers.intensity);
  for (PromptGrid& prompts : layers.prompts) prompts.scale(factor);
  layers.intensity = rescaled;
}

struct Segment {
  explicit Segment(Layers layers) : history(std::move(layers)) {}
  History history;
  std::optional<Focus> pending;  ///< of prompts that have not been predicted yet
};

}  // namespace

class Session::State {
 public:
  State(std::shared_ptr<const Model> model, ThreadPool& pool, SessionOptions options)
      : model_(std::move(model)),
        pool_(&pool),
        options_(std::move(options)),
        recorder_(options_.keep_record),
        kernel_(static_cast<int>(model_->capabilities.point_radius)) {
    check_model(*model_);
  }

  const Model& model() const { return *model_; }
  const PointKernel& kernel() const { return kernel_; }
  ThreadPool& pool() const { return *pool_; }
  const Index3& shape() const { return image_.shape(); }
  bool has_image() const { return !image_.empty(); }
  bool auto_zoom = true;

  void require_image() const {
    if (!has_image()) throw Error(ErrorCode::conflict, "the session has no image yet; set one first");
  }

  void set_image(const Index3& shape, StoredVoxels voxels) {
    NormalisedImage image(shape, std::move(voxels), pool());
    std::vector<Segment> segments;
    segments.emplace_back(Layers(shape, model_->capabilities.num_interaction_channels));
    image_ = std::move(image);
    segments_ = std::move(segments);
    active_ = 0;
    dense_mask_ = {};
    stale_.reset();
    recorder_.take();
  }

  Segment& active() { return segments_[static_cast<std::size_t>(active_)]; }
  const Segment& active() const { return segments_[static_cast<std::size_t>(active_)]; }
  const Segment& segment(int n) const {
    require_image();
    if (n < 0 || n >= segment_count()) {
      throw Error(ErrorCode::not_found, fmt::format("there is no segment {}; there are {}", n, segment_count()));
    }
    return segments_[static_cast<std::size_t>(n)];
  }
  int active_index() const { return active_; }
  int segment_count() const { return static_cast<int>(segments_.size()); }

  int add_segment() {
    require_image();
    const Bytes event = recorder_.prepare(RecordEvent::add);
    segments_.emplace_back(Layers(shape(), model_->capabilities.num_interaction_channels));
    show(segment_count() - 1);
    recorder_.keep(event);
    return active_;
  }

  void select(int n) {
    const Bytes event =
        recorder_.prepare(RecordEvent::select, [n](Bytes& out) { append(out, static_cast<std::uint32_t>(n)); });
    show(n);
    recorder_.keep(event);
  }

  void show(int n) {
    const auto ours = active().history.layers().mask.bounds(), theirs = segment(n).history.layers().mask.bounds();
    if (ours) mark_stale(*ours);
    if (theirs) mark_stale(*theirs);
    active_ = n;
  }

  /// Runs `draw(layers, focus)` on a copy of the active segment, then predicts where asked; all or nothing.
  template <class Draw>
  Outcome add(const PromptOptions& options, bool refine_all, Draw&& draw) {
    Layers layers = active().history.layers();
    std::optional<Focus> focus = active().pending;
    draw(layers, focus);
    options.control.check();
    Outcome outcome;
    if (options.run_prediction && focus) {
      const Prediction prediction = predict(layers, *focus, refine_all, options);
      outcome = {true, prediction.changed, {}, prediction.zoom, prediction.passes};
      focus.reset();
    }
    options.control.check();
    outcome.difference = commit(std::move(layers), focus);
    return outcome;
  }

  /// The box of what differs.
  Box commit(Layers layers, const std::optional<Focus>& pending) {
    Step step = compare(active().history.layers(), layers);
    const Bytes event = recorder_.prepare(RecordEvent::step, [&](Bytes& out) {
      write_step(out, step);
      write_focus(out, pending);
    });
    const Box difference = note_change(active().history.commit(std::move(layers), std::move(step)));
    active().pending = pending;
    recorder_.keep(event);
    return difference;
  }

  Outcome undo() { return step_through(RecordEvent::undo, &History::undo); }
  Outcome redo() { return step_through(RecordEvent::redo, &History::redo); }

  void forget_history() {
    const Bytes event = recorder_.prepare(RecordEvent::forget);
    active().history.forget();
    recorder_.keep(event);
  }

  void drop_pending() {
    if (!active().pending) return;
    const Bytes event = recorder_.prepare(RecordEvent::waiting, [](Bytes& out) { write_focus(out, std::nullopt); });
    active().pending.reset();
    recorder_.keep(event);
  }

  Bytes take_record() { return recorder_.take(); }

  Bytes snapshot() const {
    Bytes out;
    const Layers empty(shape(), model_->capabilities.num_interaction_channels);
    for (int n = 0; n < segment_count(); ++n) {
      const Segment& one = segment(n);
      if (n > 0) append(out, RecordEvent::add);
      append(out, RecordEvent::step);
      write_step(out, compare(empty, one.history.layers()));
      write_focus(out, one.pending);
      append(out, RecordEvent::forget);
    }
    append(out, RecordEvent::select);
    append(out, static_cast<std::uint32_t>(active_));
    return out;
  }

  void replay(ByteView record) {
    const bool recording = recorder_.switch_to(false);
    try {
      for (ByteReader in(record, "session record"); !in.at_end();) replay_event(in);
    } catch (...) {
      recorder_.switch_to(recording);
      throw;
    }
    recorder_.switch_to(recording);
  }

  std::span<const std::uint8_t> dense_mask() {
    require_image();
    const MaskGrid& mask = active().history.layers().mask;
    if (dense_mask_.size() == 0) {
      dense_mask_ = Buffer(static_cast<std::size_t>(whole(shape()).volume()));
      stale_ = whole(shape());
    }
    if (stale_) {
      const auto dense = dense_mask_.as<std::uint8_t>();
      constexpr std::int64_t grain = 8;
      pool().parallel_for(stale_->hi[0] - stale_->lo[0], grain, [&](std::int64_t begin, std::int64_t end) {
        Box slab = *stale_;
        slab.hi[0] = slab.lo[0] + end;
        slab.lo[0] += begin;
        mask.update(slab, dense);
      });
      stale_.reset();
    }
    return dense_mask_.as<std::uint8_t>();
  }

  std::uint64_t memory_bytes() const {
    std::uint64_t bytes = image_.memory_bytes() + dense_mask_.size();
    std::unordered_set<const void*> seen;
    for (const Segment& s : segments_) {
      s.history.visit_blocks([&](const void* address, std::size_t size) {
        if (seen.insert(address).second) bytes += size;
      });
    }
    return bytes;
  }

 private:
  Prediction predict(Layers& layers, const Focus& focus, bool refine_all, const PromptOptions& options) {
    Predictor predictor(*model_, image_, pool());
    const LeftoverPick pick = options_.pick_leftover ? options_.pick_leftover : make_leftover_pick();
    return predictor.run(layers, focus, {options_.rules, auto_zoom, refine_all, options.preview}, pick,
                         options.control);
  }

  Outcome step_through(RecordEvent kind, const Step* (History::*go)()) {
    const Bytes event = recorder_.prepare(kind);
    const Step* step = (active().history.*go)();
    if (step == nullptr) return {};
    active().pending.reset();
    recorder_.keep(event);
    const Box difference = note_change(*step);
    return {true, difference, difference, 1, 0};
  }

  void replay_event(ByteReader& in) {
    switch (in.read<RecordEvent>()) {
      case RecordEvent::step: {
        Layers layers = read_step(in, active().history.layers());
        commit(std::move(layers), read_focus(in, shape()));
        return;
      }
      case RecordEvent::undo:
        return require_step(undo());
      case RecordEvent::redo:
        return require_step(redo());
      case RecordEvent::forget:
        return forget_history();
      case RecordEvent::add:
        add_segment();
        return;
      case RecordEvent::select: {
        const auto n = in.read<std::uint32_t>();
        if (n >= segments_.size()) refuse("session record: there is no such segment");
        return select(static_cast<int>(n));
      }
      case RecordEvent::waiting:
        active().pending = read_focus(in, shape());
        return;
    }
    refuse("session record: no such event");
  }

  static void require_step(const Outcome& outcome) {
    if (!outcome.ran_prediction) refuse("session record: nothing to undo or redo");
  }

  void mark_stale(const Box& box) { stale_ = stale_ ? hull(*stale_, box) : box; }

  Box note_change(const Step& step) {
    const auto difference = changed_bounds(active().history.layers().mask, step.mask);
    if (difference) mark_stale(*difference);
    return difference.value_or(Box{});
  }

  std::shared_ptr<const Model> model_;
  ThreadPool* pool_;
  SessionOptions options_;
  Recorder recorder_;
  PointKernel kernel_;
  NormalisedImage image_;
  std::vector<Segment> segments_;
  int active_ = 0;
  Buffer dense_mask_;         ///< made on demand
  std::optional<Box> stale_;  ///< where dense_mask_ is behind
};

Session::Session(std::shared_ptr<const Model> model, ThreadPool& pool, SessionOptions options)
    : state_(std::make_unique<State>(std::move(model), pool, std::move(options))) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const Model& Session::model() const { return state_->model(); }
void Session::set_image(const Index3& shape, StoredVoxels voxels) { state_->set_image(shape, std::move(voxels)); }
bool Session::has_image() const { return state_->has_image(); }

const Index3& Session::shape() const {
  state_->require_image();
  return state_->shape();
}

int Session::add_segment() { return state_->add_segment(); }

void Session::select_segment(int segment) {
  state_->segment(segment);
  state_->select(segment);
}

int Session::active_segment() const {
  state_->require_image();
  return state_->active_index();
}

int Session::segment_count() const {
  state_->require_image();
  return state_->segment_count();
}

Outcome Session::add_point(const std::array<double, 3>& position, const PromptOptions& options) {
  const Capabilities& can = model().capabilities;
  require_support(can.supports_points, "points");
  const Index3& image = shape();
  Index3 centre;
  for (int axis = 0; axis < 3; ++axis) {
    if (!(position[axis] >= -0.5 && position[axis] < static_cast<double>(image[axis]) - 0.5)) {
      refuse(fmt::format("point ({}, {}, {}) lies outside the image of shape {}", position[0], position[1], position[2],
                         describe_shape(image)));
    }
    centre[axis] = round_half_even(position[axis]);
  }
  const PointKernel& kernel = state_->kernel();
  return state_->add(options, false, [&](Layers& layers, std::optional<Focus>& focus) {
    focus = Focus{centre, 1};
    strengthen(layers, can);
    const Box part = intersect(kernel.box_around(centre), whole(image));
    const int channel = options.include ? can.points.positive : can.points.negative;
    layers.prompts[static_cast<std::size_t>(channel)].raise(part, kernel.crop(centre, part, layers.intensity));
  });
}

Outcome Session::add_box(const std::array<double, 3>& lo, const std::array<double, 3>& hi,
                         const PromptOptions& options) {
  const Capabilities& can = model().capabilities;
  const Index3& image = shape();
  int flat_axes = 0;
  for (int axis = 0; axis < 3; ++axis) {
    const double size = hi[axis] - lo[axis];
    if (size == 0) {
      refuse(fmt::format("Given bounding box size is zero in at least one dimension: {}", describe_corners(lo, hi)));
    }
    if (!(size > 0)) refuse(fmt::format("box {} has a corner before the other", describe_corners(lo, hi)));
    if (size == 1) ++flat_axes;
  }
  if (!can.supports_bbox3d && flat_axes == 0) {
    refuse(
        fmt::format("The given bounding box {} has no dimension of size 1, indicating a 3D bounding box. This is not "
                    "supported by the loaded model checkpoint.",
                    describe_corners(lo, hi)));
  }
  const bool flat = flat_axes > 0 && can.supports_bbox2d;
  if (!flat) require_support(can.supports_bbox3d, "bbox3d");
  const Box box = drawn_box(lo, hi, image);
  if (box.empty()) {
    refuse(fmt::format("box {} misses the image of shape {}", describe_corners(lo, hi), describe_shape(image)));
  }
  return state_->add(options, false, [&](Layers& layers, std::optional<Focus>& focus) {
    focus = focus_on(box, model().patch_size);
    strengthen(layers, can);
    const ChannelPair& channels = flat ? can.bbox2d : can.bbox3d;
    const int channel = options.include ? channels.positive : channels.negative;
    layers.prompts[static_cast<std::size_t>(channel)].assign(box, to_half(static_cast<float>(layers.intensity)));
  });
}

namespace {

void check_bounds(const Box& bounds, std::span<const std::uint8_t> mask, const Index3& image) {
  if (bounds.empty() || intersect(bounds, whole(image)) != bounds) {
    refuse(fmt::format("bounds {} - {} must hold voxels and lie in the image of shape {}", describe_shape(bounds.lo),
                       describe_shape(bounds.hi), describe_shape(image)));
  }
  if (static_cast<std::int64_t>(mask.size()) != bounds.volume()) {
    refuse(fmt::format("mask: bounds of size {} need {} voxels, found {}", describe_shape(bounds.size()),
                       bounds.volume(), mask.size()));
  }
}

}  // namespace

Outcome Session::add_painted(const Box& bounds, std::span<const std::uint8_t> mask, const ChannelPair& channels,
                             const PromptOptions& options) {
  check_bounds(bounds, mask, shape());
  return state_->add(options, false, [&](Layers& layers, std::optional<Focus>& focus) {
    if (const auto box = painted_box(bounds, mask)) focus = focus_on(*box, model().patch_size);
    strengthen(layers, model().capabilities);
    const int channel = options.include ? channels.positive : channels.negative;
    const Half value = to_half(static_cast<float>(layers.intensity));
    layers.prompts[static_cast<std::size_t>(channel)].raise(bounds, mask, value);
  });
}

Outcome Session::add_scribble(const Box& bounds, std::span<const std::uint8_t> mask, const PromptOptions& options) {
  require_support(model().capabilities.supports_scribble, "scribble");
  return add_painted(bounds, mask, model().capabilities.scribble, options);
}

Outcome Session::add_lasso(const Box& bounds, std::span<const std::uint8_t> mask, const PromptOptions& options) {
  require_support(model().capabilities.supports_lasso, "lasso");
  return add_painted(bounds, mask, model().capabilities.lasso, options);
}

Outcome Session::add_initial_mask(std::span<const std::uint8_t> mask, const PromptOptions& options) {
  require_support(model().capabilities.supports_initial_label, "initial_label");
  const Box all = whole(shape());
  check_bounds(all, mask, shape());
  return state_->add(options, true, [&](Layers& layers, std::optional<Focus>& focus) {
    layers = Layers(shape(), model().capabilities.num_interaction_channels);
    layers.mask = MaskGrid::from_bytes(shape(), mask, state_->pool());
    layers.previous = layers.mask;
    focus.reset();
    if (!options.run_prediction) return;
    if (const auto box = painted_box(all, mask)) focus = focus_on(*box, model().patch_size);
  });
}

Outcome Session::predict(bool refine_all, const PromptOptions& options) {
  state_->require_image();
  if (!options.run_prediction || !state_->active().pending) return {};
  return state_->add(options, refine_all, [](Layers&, std::optional<Focus>&) {});
}

void Session::forget_history() { state_->forget_history(); }

void Session::reset() {
  Layers fresh(shape(), model().capabilities.num_interaction_channels);
  if (compare(state_->active().history.layers(), fresh).changes_nothing()) {
    state_->drop_pending();
  } else {
    state_->commit(std::move(fresh), std::nullopt);
  }
}

Outcome Session::undo() {
  state_->require_image();
  return state_->undo();
}

Outcome Session::redo() {
  state_->require_image();
  return state_->redo();
}

bool Session::can_undo() const { return has_image() && state_->active().history.can_undo(); }
bool Session::can_redo() const { return has_image() && state_->active().history.can_redo(); }

void Session::set_auto_zoom(bool enabled) { state_->auto_zoom = enabled; }
bool Session::auto_zoom() const { return state_->auto_zoom; }

std::span<const std::uint8_t> Session::mask() const { return state_->dense_mask(); }

void Session::copy_mask(int segment, const Box& box, std::span<std::uint8_t> out) const {
  const MaskGrid& mask = state_->segment(segment).history.layers().mask;
  check_bounds(box, out, shape());
  mask.read(box, out);
}

Bytes Session::take_record() { return state_->take_record(); }

Bytes Session::snapshot() const {
  state_->require_image();
  return state_->snapshot();
}

void Session::replay(ByteView record) {
  state_->require_image();
  state_->replay(record);
}

std::uint64_t Session::memory_bytes() const { return state_->memory_bytes(); }

}  // namespace sagittal::interact
