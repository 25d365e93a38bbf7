#include "interact/history.h"

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
  done_.push_back(std::move(step));
  undone_.clear();
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
  undone_.push_back(std::move(done_.back()));
  done_.pop_back();
  apply(layers_, undone_.back(), false);
  return &undone_.back();
}

const Step* History::redo() {
  if (undone_.empty()) return nullptr;
  done_.push_back(std::move(undone_.back()));
  undone_.pop_back();
  apply(layers_, done_.back(), true);
  return &done_.back();
}

}  // namespace sagittal::interact
