#include "interact/session.h"

#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "interact/session_state.h"
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

}  // namespace

Session::Session(std::shared_ptr<const Model> model, ThreadPool& pool, SessionOptions options)
    : state_(std::make_unique<State>(std::move(model), pool, std::move(options))) {}
Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const Model& Session::model() const { return state_->model(); }
void Session::set_image(const Index3& shape, StoredVoxels voxels) { state_->set_image(shape, std::move(voxels)); }
bool Session::has_image() const { return state_->has_image(); }

Session Session::with_model(std::shared_ptr<const Model> model) const {
  return Session(state_->with_model(std::move(model)));
}

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

void Session::reset(Bytes note) {
  Layers fresh(shape(), model().capabilities.num_interaction_channels);
  if (compare(state_->active().history.layers(), fresh).changes_nothing()) {
    state_->drop_pending();
  } else {
    state_->commit(std::move(fresh), std::nullopt, std::move(note));
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

bool Session::has_history() const {
  for (int n = 0; has_image() && n < segment_count(); ++n) {
    const History& history = state_->segment(n).history;
    if (history.can_undo() || history.can_redo()) return true;
  }
  return false;
}

SegmentSummary Session::describe_segment(int segment) const {
  const History& history = state_->segment(segment).history;
  const MaskGrid& mask = history.layers().mask;
  return {mask.bounds().value_or(Box{}), mask.count(), history.can_undo(), history.can_redo()};
}

std::vector<ByteView> Session::notes(int segment) const { return state_->segment(segment).history.notes(); }

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
