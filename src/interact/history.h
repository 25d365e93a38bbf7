#pragma once
#include <optional>
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
  void forget() {
    done_.clear();
    undone_.clear();
  }

  /// Adds every block held to `visit(address, bytes)`.
  template <class Visit>
  void visit_blocks(Visit&& visit) const;

 private:
  Layers layers_;
  std::vector<Step> done_;
  std::vector<Step> undone_;
};

template <class Visit>
void History::visit_blocks(Visit&& visit) const {
  const auto visit_cell = [&visit](const auto& cell) {
    if (cell.block) visit(static_cast<const void*>(cell.block.get()), sizeof(*cell.block));
  };
  const auto visit_grid = [&](const auto& grid) {
    visit(static_cast<const void*>(&grid), grid.cells().size() * sizeof(grid.cells()[0]));
    for (const auto& cell : grid.cells()) visit_cell(cell);
  };
  const auto visit_change = [&](const auto& change) {
    visit(static_cast<const void*>(&change), change.entries.size() * sizeof(change.entries[0]));
    for (const auto& entry : change.entries) {
      visit_cell(entry.before);
      visit_cell(entry.after);
    }
  };
  for (const PromptGrid& grid : layers_.prompts) visit_grid(grid);
  visit_grid(layers_.previous);
  visit_grid(layers_.mask);
  for (const auto* steps : {&done_, &undone_}) {
    for (const Step& step : *steps) {
      visit(static_cast<const void*>(&step), sizeof(Step) + step.note.size());
      for (const auto& change : step.prompts) visit_change(change);
      visit_change(step.previous);
      visit_change(step.mask);
    }
  }
}

}  // namespace sagittal::interact
