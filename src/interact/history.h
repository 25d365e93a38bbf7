#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "interact/layers.h"

namespace sagittal::interact {

/// One prompt as the blocks it replaced, with what was there before.
struct Step {
  std::vector<GridChange<PromptGrid>> prompts;
  GridChange<MaskGrid> previous;
  GridChange<MaskGrid> mask;
  double intensity_before = 1;
  double intensity_after = 1;
  Bytes note = {};  ///< the caller's

  bool changes_nothing() const;
};

Step compare(const Layers& before, const Layers& after);

/// What one segment is and was.
class History {
 public:
  explicit History(Layers layers) : layers_(std::move(layers)) {}

  const Layers& layers() const { return layers_; }
  bool can_undo() const { return !done_.empty(); }
  bool can_redo() const { return !undone_.empty(); }

  /// Makes `layers` the present, `step` being `compare(layers(), layers)`; what was undone is forgotten. The step lives
  /// until the next call. No effect where it throws.
  const Step& commit(Layers layers, Step step);
  /// The step taken back or done again, which lives until the next call; null where there is none.
  const Step* undo();
  const Step* redo();
  /// Of the steps that can be undone, oldest first.
  std::vector<ByteView> notes() const;
  /// Only the present stays.
  void forget();

  /// What the segment holds, shared blocks counted once.
  std::uint64_t memory_bytes() const;

 private:
  Layers layers_;
  std::vector<Step> done_;
  std::vector<Step> undone_;
  std::uint64_t step_bytes_ = 0;  ///< of the steps, and of the blocks that only they hold
};

}  // namespace sagittal::interact
