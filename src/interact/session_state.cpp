#include "interact/session_state.h"

#include <fmt/format.h>

#include "base/computing.h"
#include "base/error.h"
#include "interact/guide.h"

namespace sagittal::interact {
namespace {

[[noreturn]] void refuse(std::string sentence) { throw Error(ErrorCode::bad_input, std::move(sentence)); }

void require_step(const Outcome& outcome) {
  if (!outcome.ran_prediction) refuse("session record: nothing to undo or redo");
}

}  // namespace

Session::State::State(std::shared_ptr<const Model> model, ThreadPool& pool, SessionOptions options)
    : model_(std::move(model)),
      pool_(&pool),
      options_(std::move(options)),
      recorder_(options_.keep_record),
      kernel_(static_cast<int>(model_->capabilities.point_radius)) {
  check_model(*model_);
}

void Session::State::require_image() const {
  if (!has_image()) throw Error(ErrorCode::conflict, "the session has no image yet; set one first");
}

void Session::State::set_image(const Index3& shape, StoredVoxels voxels) {
  begin(NormalisedImage(shape, std::move(voxels), pool()));
}

std::unique_ptr<Session::State> Session::State::with_model(std::shared_ptr<const Model> model) const {
  auto other = std::make_unique<State>(std::move(model), *pool_, options_);
  other->auto_zoom = auto_zoom;
  if (has_image()) other->begin(image_);
  return other;
}

void Session::State::begin(NormalisedImage image) {
  std::vector<Segment> segments;
  segments.emplace_back(Layers(image.shape(), model_->capabilities.num_interaction_channels));
  image_ = std::move(image);
  segments_ = std::move(segments);
  active_ = 0;
  dense_mask_ = {};
  stale_.reset();
  recorder_.take();
}

const Session::State::Segment& Session::State::segment(int n) const {
  require_image();
  if (n < 0 || n >= segment_count()) {
    throw Error(ErrorCode::not_found, fmt::format("there is no segment {}; there are {}", n, segment_count()));
  }
  return segments_[static_cast<std::size_t>(n)];
}

int Session::State::add_segment() {
  require_image();
  const Bytes event = recorder_.prepare(RecordEvent::add);
  segments_.emplace_back(Layers(shape(), model_->capabilities.num_interaction_channels));
  show(segment_count() - 1);
  recorder_.keep(event);
  return active_;
}

void Session::State::select(int n) {
  const Bytes event =
      recorder_.prepare(RecordEvent::select, [n](Bytes& out) { append(out, static_cast<std::uint32_t>(n)); });
  show(n);
  recorder_.keep(event);
}

void Session::State::show(int n) {
  const auto ours = active().history.layers().mask.bounds(), theirs = segment(n).history.layers().mask.bounds();
  if (ours) mark_stale(*ours);
  if (theirs) mark_stale(*theirs);
  active_ = n;
}

Box Session::State::commit(Layers layers, const std::optional<Focus>& pending, Bytes note) {
  Step step = compare(active().history.layers(), layers);
  step.note = std::move(note);
  const auto kind = step.note.empty() ? RecordEvent::step : RecordEvent::noted_step;
  const Bytes event = recorder_.prepare(kind, [&](Bytes& out) {
    if (!step.note.empty()) write_note(out, step.note);
    write_step(out, step);
    write_focus(out, pending);
  });
  const Box difference = note_change(active().history.commit(std::move(layers), std::move(step)));
  active().pending = pending;
  recorder_.keep(event);
  return difference;
}

void Session::State::forget_history() {
  const Bytes event = recorder_.prepare(RecordEvent::forget);
  active().history.forget();
  recorder_.keep(event);
}

void Session::State::drop_pending() {
  if (!active().pending) return;
  const Bytes event = recorder_.prepare(RecordEvent::waiting, [](Bytes& out) { write_focus(out, std::nullopt); });
  active().pending.reset();
  recorder_.keep(event);
}

Bytes Session::State::snapshot() const {
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

void Session::State::replay(ByteView record) {
  const bool recording = recorder_.switch_to(false);
  try {
    for (ByteReader in(record, "session record"); !in.at_end();) replay_event(in);
  } catch (...) {
    recorder_.switch_to(recording);
    throw;
  }
  recorder_.switch_to(recording);
}

void Session::State::replay_event(ByteReader& in) {
  Bytes note;
  switch (in.read<RecordEvent>()) {
    case RecordEvent::noted_step:
      note = read_note(in);
      [[fallthrough]];
    case RecordEvent::step: {
      Layers layers = read_step(in, active().history.layers());
      commit(std::move(layers), read_focus(in, shape()), std::move(note));
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

std::span<const std::uint8_t> Session::State::dense_mask() {
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

std::uint64_t Session::State::memory_bytes() const {
  std::uint64_t bytes = image_.memory_bytes() + dense_mask_.size();
  for (const Segment& s : segments_) bytes += s.history.memory_bytes();
  return bytes;
}

Prediction Session::State::predict(Layers& layers, const Focus& focus, bool refine_all, const PromptOptions& options) {
  const Computing computing;
  if (model_->guide) {
    return Guide(*model_, image_, pool()).run(layers, focus, auto_zoom, options.preview, options.control);
  }
  Predictor predictor(*model_, image_, pool());
  const LeftoverPick pick = options_.pick_leftover ? options_.pick_leftover : make_leftover_pick();
  return predictor.run(layers, focus, {options_.rules, auto_zoom, refine_all, options.preview}, pick, options.control);
}

Outcome Session::State::step_through(RecordEvent kind, const Step* (History::*go)()) {
  const Bytes event = recorder_.prepare(kind);
  const Step* step = (active().history.*go)();
  if (step == nullptr) return {};
  active().pending.reset();
  recorder_.keep(event);
  const Box difference = note_change(*step);
  return {true, difference, difference, 1, 0};
}

Box Session::State::note_change(const Step& step) {
  const auto difference = changed_bounds(active().history.layers().mask, step.mask);
  if (difference) mark_stale(*difference);
  return difference.value_or(Box{});
}

}  // namespace sagittal::interact
