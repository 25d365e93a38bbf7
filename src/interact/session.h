#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "interact/model.h"
#include "volume/box.h"

namespace sagittal::interact {

/// What a prompt did. `changed` is the region of the mask that was written, clipped to the image; empty when nothing
/// was.
struct Outcome {
  bool ran_prediction = false;
  Box changed;
  double zoom = 1;  ///< AutoZoom factor that the last coarse pass used
  int passes = 0;   ///< network passes: coarse and refinement
};

struct PromptOptions {
  bool include = true;         ///< positive prompt; false: negative
  bool run_prediction = true;  ///< false: only record the prompt
  RunControl control;          ///< progress ("zooming", "refining") and cancellation
};

/// Promptable segmentation of one image with the session rules of nnInteractive 2.5.0, several segments per image, and
/// undo and redo of any depth.
///
/// All coordinates, boxes and shapes are in array order: axis 0 is the slowest in memory. For a `Volume` that is
/// (k, j, i). Masks are uint8 0/1 in C order.
///
/// Strong guarantee: where a call throws (bad prompt, cancelled, out of memory) the session is as it was before.
/// Not thread-safe: one call at a time; `PromptOptions::control` may be used from any thread.
class Session {
 public:
  Session(std::shared_ptr<const Model> model, ThreadPool& pool);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Model& model() const;

  /// Normalises and keeps the image, [axis0, axis1, axis2]; drops all segments and history and starts one empty
  /// segment. Throws Error(bad_input) for an image that is all zero, constant or not finite.
  void set_image(const Index3& shape, std::span<const float> voxels);
  bool has_image() const;
  const Index3& shape() const;

  /// Segments are numbered from 0; prompts go to the active one. Adding one makes it active.
  int add_segment();
  void select_segment(int segment);
  int active_segment() const;
  int segment_count() const;

  /// `position` may lie between voxels; it is rounded half to even. Error(bad_input) outside [-0.5, size - 0.5).
  Outcome add_point(const std::array<double, 3>& position, const PromptOptions& options);
  /// Half-open, fractional corners allowed; Error(bad_input) for an empty or inverted box and for a 3D box where only
  /// 2D is supported.
  Outcome add_box(const std::array<double, 3>& lo, const std::array<double, 3>& hi, const PromptOptions& options);
  /// `mask` covers `bounds` only; non-zero is painted. Error(bad_input) unless bounds lie in the image and sizes agree.
  Outcome add_scribble(const Box& bounds, std::span<const std::uint8_t> mask, const PromptOptions& options);
  Outcome add_lasso(const Box& bounds, std::span<const std::uint8_t> mask, const PromptOptions& options);
  /// Starts the segment over from `mask` (whole image); predicts only when options.run_prediction.
  Outcome add_initial_mask(std::span<const std::uint8_t> mask, const PromptOptions& options);

  /// Empties the active segment: mask, prompts and intensity. Can itself be undone.
  void reset();

  /// Takes back the last prompt, initial mask or reset of the active segment; empty where there is none. `changed` is
  /// the bounding box of the voxels that differ, empty when none does; `ran_prediction` tells that something was
  /// undone.
  Outcome undo();
  Outcome redo();
  bool can_undo() const;
  bool can_redo() const;

  void set_auto_zoom(bool enabled);
  bool auto_zoom() const;

  /// The active segment's mask [axis0, axis1, axis2], 0 or 1; valid until the next call that changes the session.
  std::span<const std::uint8_t> mask() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::interact
