#include "interact/history.h"

#include <unordered_set>

namespace sagittal::interact {
namespace {

template <class Grid>
void apply(Grid& grid, const GridChange<Grid>& change, bool forward) {
  for (const auto& entry : change.entries) grid.set_cell(entry.index, forward ? entry.after : entry.before);
}

void apply(Layers& layers, const Step& step, bool forward) {
  for (std::size_t channel = 0; channel < layers.prompts.size(); ++channel) {
    apply(layers.prompts[channel], step.prompts[channel], forward);
  }
  apply(layers.previous, step.previous, forward);
  apply(layers.mask, step.mask, forward);
  layers.intensity = forward ? step.intensity_after : step.intensity_before;
}

/// Calls `visit(change)` for every grid's change.
template <class Visit>
void visit_changes(const Step& step, Visit&& visit) {
  for (const auto& change : step.prompts) visit(change);
  visit(step.previous);
  visit(step.mask);
}

/// Sums the blocks it is shown, each once.
class BlockSum {
 public:
  template <class Cell>
  void add(const Cell& cell) {
    if (cell.block && seen_.insert(cell.block.get()).second) bytes_ += sizeof(*cell.block);
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::unordered_set<const void*> seen_;
  std::uint64_t bytes_ = 0;
};

/// Of a step that is done: what was before; of one that is undone: what was after. The present holds the other.
std::uint64_t bytes_of(const Step& step, bool done) {
  BlockSum blocks;
  std::uint64_t entries = sizeof(Step) + step.note.size();
  visit_changes(step, [&](const auto& change) {
    entries += change.entries.size() * sizeof(change.entries[0]);
    for (const auto& entry : change.entries) blocks.add(done ? entry.before : entry.after);
  });
  return entries + blocks.bytes();
}

}  // namespace

bool Step::changes_nothing() const {
  bool blocks = !previous.entries.empty() || !mask.entries.empty();
  for (const auto& change : prompts) blocks = blocks || !change.entries.empty();
  return !blocks && intensity_before == intensity_after;
}

Step compare(const Layers& before, const Layers& after) {
  Step step;
  for (std::size_t channel = 0; channel < before.prompts.size(); ++channel) {
    step.prompts.push_back(compare(before.prompts[channel], after.prompts[channel]));
  }
  step.previous = compare(before.previous, after.previous);
  step.mask = compare(before.mask, after.mask);
  step.intensity_before = before.intensity;
  step.intensity_after = after.intensity;
  return step;
}

const Step& History::commit(Layers layers, Step step) {
  std::uint64_t bytes = step_bytes_ + bytes_of(step, true);
  for (const Step& forgotten : undone_) bytes -= bytes_of(forgotten, false);
  done_.push_back(std::move(step));
  undone_.clear();
  step_bytes_ = bytes;
  layers_ = std::move(layers);
  return done_.back();
}

std::vector<ByteView> History::notes() const {
  std::vector<ByteView> found;
  for (const Step& step : done_) found.emplace_back(step.note);
  return found;
}

const Step* History::undo() {
  if (done_.empty()) return nullptr;
  const std::uint64_t bytes = step_bytes_ - bytes_of(done_.back(), true) + bytes_of(done_.back(), false);
  undone_.push_back(std::move(done_.back()));
  step_bytes_ = bytes;
  done_.pop_back();
  apply(layers_, undone_.back(), false);
  return &undone_.back();
}

const Step* History::redo() {
  if (undone_.empty()) return nullptr;
  const std::uint64_t bytes = step_bytes_ - bytes_of(undone_.back(), false) + bytes_of(undone_.back(), true);
  done_.push_back(std::move(undone_.back()));
  step_bytes_ = bytes;
  undone_.pop_back();
  apply(layers_, done_.back(), true);
  return &done_.back();
}

void History::forget() {
  done_.clear();
  undone_.clear();
  step_bytes_ = 0;
}

std::uint64_t History::memory_bytes() const {
  BlockSum blocks;
  std::uint64_t tables = 0;
  const auto add = [&](const auto& grid) {
    tables += grid.cells().size() * sizeof(grid.cells()[0]);
    for (const auto& cell : grid.cells()) blocks.add(cell);
  };
  for (const PromptGrid& grid : layers_.prompts) add(grid);
  add(layers_.previous);
  add(layers_.mask);
  return tables + blocks.bytes() + step_bytes_;
}

}  // namespace sagittal::interact
