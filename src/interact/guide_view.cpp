#include "interact/guide_view.h"

#include <algorithm>
#include <span>

#include "interact/network_input.h"

namespace sagittal::interact {
namespace {

constexpr float kCore = 0.75F;  ///< of the largest neighbour: only the middle of a point is that strong

Box widened(const Box& box, std::int64_t by) {
  return {{box.lo[0] - by, box.lo[1] - by, box.lo[2] - by}, {box.hi[0] + by, box.hi[1] + by, box.hi[2] + by}};
}

/// Calls body(position) for all voxels of `box` in C order.
template <class Body>
void for_each_voxel(const Box& box, Body&& body) {
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i) {
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k) body(Index3{i, j, k});
    }
  }
}

/// The strengths of one channel around `inner`, which can be asked for their neighbours.
class Neighbourhood {
 public:
  Neighbourhood(const PromptGrid& grid, const Box& inner, std::span<const float> table)
      : box_(widened(inner, 1)), values_(static_cast<std::size_t>(box_.volume())) {
    grid.read(box_, table, values_);
  }

  float at(const Index3& p) const {
    const Index3 size = box_.size();
    const auto n = ((p[0] - box_.lo[0]) * size[1] + p[1] - box_.lo[1]) * size[2] + p[2] - box_.lo[2];
    return values_[static_cast<std::size_t>(n)];
  }

  /// Not the fading rim of a point.
  bool is_core(const Index3& p) const {
    float largest = 0;
    for_each_voxel(widened({p, {p[0] + 1, p[1] + 1, p[2] + 1}}, 1),
                   [&](const Index3& near) { largest = std::max(largest, at(near)); });
    return at(p) >= kCore * largest;
  }

 private:
  Box box_;
  std::vector<float> values_;
};

/// Channels that hold one kind of drawing.
struct Kinds {
  std::vector<int> strokes;  ///< points and scribbles
  std::vector<int> figures;  ///< boxes and lassos
};

Kinds kinds_of(const Capabilities& can, bool positive) {
  const auto channel = [positive](const ChannelPair& pair) { return positive ? pair.positive : pair.negative; };
  Kinds kinds;
  const auto add = [](std::vector<int>& list, int value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
  };
  for (const ChannelPair& pair : {can.points, can.scribble}) add(kinds.strokes, channel(pair));
  for (const ChannelPair& pair : {can.bbox2d, can.bbox3d, can.lasso}) add(kinds.figures, channel(pair));
  return kinds;
}

const PromptGrid& grid_of(const Layers& layers, int channel) {
  return layers.prompts[static_cast<std::size_t>(channel)];
}

/// Calls body(position, neighbourhood) for every drawn voxel of a channel in `box`.
template <class Body>
void for_each_drawn(const PromptGrid& grid, const Box& box, std::span<const float> table, Body&& body) {
  for (const std::size_t n : grid.cells_in(box)) {
    if (grid.cells()[n].is_zero()) continue;
    const Box part = intersect(grid.cell_box(n), box);
    const Neighbourhood around(grid, part, table);
    for_each_voxel(part, [&](const Index3& p) {
      if (around.at(p) > 0) body(p, around);
    });
  }
}

/// From a voxel of the image to the block that holds it.
class Blocks {
 public:
  explicit Blocks(const GuideView& view) : view_(view), size_(view.size()) {}

  std::size_t of(const Index3& p) const {
    return static_cast<std::size_t>((along(p, 0) * size_[1] + along(p, 1)) * size_[2] + along(p, 2));
  }
  /// Voxels in a block.
  float count(const Index3& block) const {
    std::int64_t voxels = 1;
    for (int axis = 0; axis < 3; ++axis) {
      const std::int64_t from = view_.box.lo[axis] + block[axis] * view_.step[axis];
      voxels *= std::min(view_.step[axis], view_.box.hi[axis] - from);
    }
    return static_cast<float>(voxels);
  }

 private:
  std::int64_t along(const Index3& p, int axis) const { return (p[axis] - view_.box.lo[axis]) / view_.step[axis]; }

  const GuideView& view_;
  Index3 size_;
};

Field mean_mask(const MaskGrid& mask, const GuideView& view) {
  const Blocks blocks(view);
  Field out(view.size());
  std::vector<std::uint8_t> voxels;
  for (const std::size_t n : mask.cells_in(view.box)) {
    if (mask.cells()[n].is_zero()) continue;
    const Box part = intersect(mask.cell_box(n), view.box);
    voxels.resize(static_cast<std::size_t>(part.volume()));
    mask.read(part, std::span<std::uint8_t>(voxels));
    std::size_t v = 0;
    for_each_voxel(part, [&](const Index3& p) { out[blocks.of(p)] += voxels[v++]; });
  }
  std::size_t n = 0;
  for_each_voxel(whole(out.size), [&](const Index3& block) { out[n++] /= blocks.count(block); });
  return out;
}

}  // namespace

Index3 GuideView::size() const {
  Index3 out;
  for (int axis = 0; axis < 3; ++axis) out[axis] = (box.hi[axis] - box.lo[axis] + step[axis] - 1) / step[axis];
  return out;
}

GuideView fit_view(const Box& wanted, const Index3& shape, const Index3& side) {
  GuideView view;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t given = wanted.hi[axis] - wanted.lo[axis];
    const std::int64_t length = std::clamp(given, std::min(side[axis], shape[axis]), shape[axis]);
    const std::int64_t more = std::max<std::int64_t>(0, length - given);
    const std::int64_t lo = std::clamp<std::int64_t>(wanted.lo[axis] - more / 2, 0, shape[axis] - length);
    view.box.lo[axis] = lo;
    view.box.hi[axis] = lo + length;
    view.step[axis] = (length + side[axis] - 1) / side[axis];
  }
  return view;
}

std::optional<Box> drawn_bounds(const Layers& layers, const Capabilities& can) {
  const std::vector<float> table = quotient_table(layers.intensity);
  std::optional<Box> bounds;
  const auto include = [&](const Index3& p) {
    const Box voxel{p, {p[0] + 1, p[1] + 1, p[2] + 1}};
    bounds = bounds ? hull(*bounds, voxel) : voxel;
  };
  for (const bool positive : {true, false}) {
    const Kinds kinds = kinds_of(can, positive);
    for (const int channel : kinds.strokes) {
      const PromptGrid& grid = grid_of(layers, channel);
      for_each_drawn(grid, whole(grid.shape()), table, [&](const Index3& p, const Neighbourhood& around) {
        if (around.is_core(p)) include(p);
      });
    }
    for (const int channel : kinds.figures) {
      const PromptGrid& grid = grid_of(layers, channel);
      for_each_drawn(grid, whole(grid.shape()), table, [&](const Index3& p, const Neighbourhood&) { include(p); });
    }
  }
  return bounds;
}

GuideScene scan_scene(const NormalisedImage& image, const Layers& layers, const Capabilities& can,
                      const GuideView& view, ThreadPool& pool) {
  const std::vector<float> table = quotient_table(layers.intensity);
  const Blocks blocks(view);
  GuideScene scene;
  scene.image = Field(view.size());
  image.read_means(view.box, view.step, pool, scene.image.values);
  scene.previous = mean_mask(layers.previous, view);
  scene.core.assign(scene.image.count(), 0);
  for (Field* field : {&scene.positive, &scene.negative, &scene.inside, &scene.outside}) *field = Field(view.size());
  for (const bool positive : {true, false}) {
    const Kinds kinds = kinds_of(can, positive);
    Field& strokes = positive ? scene.positive : scene.negative;
    const std::uint8_t core = positive ? 1 : 2;
    for (const int channel : kinds.strokes) {
      for_each_drawn(grid_of(layers, channel), view.box, table, [&](const Index3& p, const Neighbourhood& around) {
        const std::size_t block = blocks.of(p);
        strokes[block] = std::max(strokes[block], around.at(p));
        if (around.is_core(p)) scene.core[block] = std::max(scene.core[block], core);
      });
    }
    Field& figures = positive ? scene.inside : scene.outside;
    for (const int channel : kinds.figures) {
      for_each_drawn(grid_of(layers, channel), view.box, table, [&](const Index3& p, const Neighbourhood& around) {
        const std::size_t block = blocks.of(p);
        figures[block] = std::max(figures[block], around.at(p));
      });
    }
  }
  return scene;
}

}  // namespace sagittal::interact
