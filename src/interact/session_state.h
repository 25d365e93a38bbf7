#pragma once
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "interact/history.h"
#include "interact/normalised_image.h"
#include "interact/predictor.h"
#include "interact/raster.h"
#include "interact/record.h"
#include "interact/session.h"

namespace sagittal::interact {

/// What `Session` holds: the image, the segments with their histories, and the record of both.
class Session::State {
 public:
  struct Segment {
    explicit Segment(Layers layers) : history(std::move(layers)) {}
    History history;
    std::optional<Focus> pending;  ///< of prompts that have not been predicted yet
  };

  State(std::shared_ptr<const Model> model, ThreadPool& pool, SessionOptions options);

  const Model& model() const { return *model_; }
  const PointKernel& kernel() const { return kernel_; }
  ThreadPool& pool() const { return *pool_; }
  const Index3& shape() const { return image_.shape(); }
  bool has_image() const { return !image_.empty(); }
  bool auto_zoom = true;

  void require_image() const;
  void set_image(const Index3& shape, StoredVoxels voxels);
  std::unique_ptr<State> with_model(std::shared_ptr<const Model> model) const;

  Segment& active() { return segments_[static_cast<std::size_t>(active_)]; }
  const Segment& active() const { return segments_[static_cast<std::size_t>(active_)]; }
  /// Error(not_found) where there is none.
  const Segment& segment(int n) const;
  int active_index() const { return active_; }
  int segment_count() const { return static_cast<int>(segments_.size()); }
  int add_segment();
  void select(int n);

  /// Runs `draw(layers, focus)` on a copy of the active segment, then predicts where asked; all or nothing.
  template <class Draw>
  Outcome add(const PromptOptions& options, bool refine_all, Draw&& draw);
  /// The box of what differs.
  Box commit(Layers layers, const std::optional<Focus>& pending, Bytes note);
  Outcome undo() { return step_through(RecordEvent::undo, &History::undo); }
  Outcome redo() { return step_through(RecordEvent::redo, &History::redo); }
  void forget_history();
  void drop_pending();

  Bytes take_record() { return recorder_.take(); }
  Bytes snapshot() const;
  void replay(ByteView record);

  std::span<const std::uint8_t> dense_mask();
  std::uint64_t memory_bytes() const;

 private:
  void begin(NormalisedImage image);
  Prediction predict(Layers& layers, const Focus& focus, bool refine_all, const PromptOptions& options);
  Outcome step_through(RecordEvent kind, const Step* (History::*go)());
  void show(int n);
  void replay_event(ByteReader& in);
  void mark_stale(const Box& box) { stale_ = stale_ ? hull(*stale_, box) : box; }
  Box note_change(const Step& step);

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

template <class Draw>
Outcome Session::State::add(const PromptOptions& options, bool refine_all, Draw&& draw) {
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
  outcome.difference = commit(std::move(layers), focus, options.note);
  return outcome;
}

}  // namespace sagittal::interact
