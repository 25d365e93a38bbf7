#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/progress.h"
#include "base/thread_pool.h"
#include "interact/model.h"
#include "interact/preview.h"
#include "interact/rules.h"
#include "volume/box.h"
#include "volume/stored_voxels.h"

namespace sagittal::interact {

/// What a call did to the active segment.
struct Outcome {
  bool ran_prediction = false;  ///< the network ran; for undo and redo: there was something to undo or redo
  Box changed;                  ///< region of the mask that was written, clipped to the image; empty when nothing was
  Box difference;   ///< smallest box around the voxels of the mask that differ from before the call; empty when none
                    ///< does
  double zoom = 1;  ///< AutoZoom factor that the last coarse pass used
  int passes = 0;   ///< network passes: coarse and refinement
};

struct PromptOptions {
  bool include = true;         ///< positive prompt; false: negative
  bool run_prediction = true;  ///< false: only record the prompt
  RunControl control;          ///< progress and cancellation; stage "zooming", then "refining", each from 0 to 1
  PreviewSink preview = {};    ///< learns of each pass from afar; none where the first pass shows all of the object
  Bytes note = {};             ///< what the caller wants to find again with this step, see `Session::notes`
};

struct SessionOptions {
  /// Which of `count` voxels that the greedy cover of a large object left over (in C order) to try next as a patch's
  /// centre: in [0, count). Absent: a fixed sequence, so that equal sessions give equal masks.
  std::function<std::int64_t(std::int64_t count)> pick_leftover = {};
  Rules rules = Rules::v2_5;
  bool keep_record = false;  ///< for `take_record`
};

/// What a segment is now.
struct SegmentSummary {
  Box bounds;               ///< smallest around its voxels; empty where it has none
  std::int64_t voxels = 0;  ///< of its mask
  bool can_undo = false;
  bool can_redo = false;
};

/// Promptable segmentation of one image with the session rules of nnInteractive, several segments per image, and
/// undo and redo of any depth. Prompts that only record themselves act when a later one predicts; where that
/// prediction looks is decided by the last prompt that drew something.
///
/// Memory: the image as it is stored, and the mask as bytes where `mask()` asks for it; everything else is kept in
/// blocks of 32^3, and only those that a prompt touched.
///
/// All coordinates, boxes and shapes are in array order: axis 0 is the slowest in memory. For a `Volume` that is
/// (k, j, i). Masks are uint8 0/1 in C order.
///
/// Strong guarantee: where a call throws (bad prompt, cancelled, out of memory) the session is as it was before.
/// Not thread-safe: one call at a time; `PromptOptions::control` may be used from any thread.
class Session {
 public:
  /// `pool` must outlive the session.
  Session(std::shared_ptr<const Model> model, ThreadPool& pool, SessionOptions options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Model& model() const;

  /// Shares the image's voxels, [axis0, axis1, axis2]; drops all segments and history and starts one empty segment.
  /// Throws Error(bad_input) for a wrong number of voxels, and for an image that is all zero, constant or not finite.
  /// Until there is an image, everything below but set_auto_zoom throws Error(conflict).
  void set_image(const Index3& shape, StoredVoxels voxels);
  bool has_image() const;
  const Index3& shape() const;

  /// A session of the same image and settings with another model, and one empty segment.
  Session with_model(std::shared_ptr<const Model> model) const;

  /// Segments are numbered from 0; prompts go to the active one. Adding one makes it active.
  int add_segment();
  void select_segment(int segment);
  int active_segment() const;
  int segment_count() const;

  /// `position` may lie between voxels; it is rounded half to even. Error(bad_input) outside [-0.5, size - 0.5).
  Outcome add_point(const std::array<double, 3>& position, const PromptOptions& options);
  /// Half-open, fractional corners allowed; a box of thickness 1 on some axis counts as 2D. Error(bad_input) for an
  /// empty or inverted box, one that misses the image, and for a 3D box where only 2D is supported.
  Outcome add_box(const std::array<double, 3>& lo, const std::array<double, 3>& hi, const PromptOptions& options);
  /// `mask` covers `bounds` only; non-zero is painted. Error(bad_input) unless bounds lie in the image and sizes agree.
  Outcome add_scribble(const Box& bounds, std::span<const std::uint8_t> mask, const PromptOptions& options);
  Outcome add_lasso(const Box& bounds, std::span<const std::uint8_t> mask, const PromptOptions& options);
  /// Starts the segment over from `mask` (whole image); when options.run_prediction, refines all of it.
  Outcome add_initial_mask(std::span<const std::uint8_t> mask, const PromptOptions& options);

  /// Predicts from prompts that only recorded themselves; nothing happens where there are none. `refine_all`: refines
  /// the whole object, not only what changes.
  Outcome predict(bool refine_all, const PromptOptions& options);

  /// Empties the active segment: mask, prompts and intensity. Can itself be undone.
  void reset(Bytes note = {});

  /// Takes back the last prompt, initial mask or reset of the active segment. `changed` is `difference`.
  Outcome undo();
  Outcome redo();
  /// What was done to the active segment so far can no longer be undone or redone.
  void forget_history();
  bool can_undo() const;
  bool can_redo() const;
  /// Whether anything of any segment can be undone or redone.
  bool has_history() const;
  /// The notes of the steps of a segment that can be undone, oldest first; empty where a step has none. They live until
  /// the next call that changes the session. Like undo and redo they survive in the record.
  std::vector<ByteView> notes(int segment) const;

  void set_auto_zoom(bool enabled);
  bool auto_zoom() const;

  SegmentSummary describe_segment(int segment) const;
  /// The active segment's mask [axis0, axis1, axis2], 0 or 1; valid until the next call that changes the session.
  std::span<const std::uint8_t> mask() const;
  /// The voxels of `box` of any segment's mask in C order; the box must lie in the image.
  void copy_mask(int segment, const Box& box, std::span<std::uint8_t> out) const;

  /// What was done to the session since the last call or the last image, in bytes that little but zeros fill; empty
  /// where it is nothing, or SessionOptions::keep_record is off. Auto zoom is no part of it.
  Bytes take_record();
  /// The same for a session without history that is what this one is; in place of all records so far.
  Bytes snapshot() const;
  /// Does what `record` tells, without the network. A session with an equal image that replays all records of another
  /// one goes on exactly as that would: masks, prompts, undo and redo. Throws Error(bad_input) for anything but records
  /// of such an image and a model with as many channels; then part of it was done, and the image must be set anew.
  void replay(ByteView record);

  /// What the session holds now, shared blocks counted once.
  std::uint64_t memory_bytes() const;

 private:
  Outcome add_painted(const Box& bounds, std::span<const std::uint8_t> mask, const ChannelPair& channels,
                      const PromptOptions& options);

  class State;
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::interact
