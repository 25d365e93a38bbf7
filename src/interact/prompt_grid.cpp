#include "interact/prompt_grid.h"

namespace sagittal::interact {
namespace {

std::size_t block_offset(std::int64_t i, std::int64_t j, std::int64_t k) {
  return static_cast<std::size_t>(((i % kBlockSide) * kBlockSide + j % kBlockSide) * kBlockSide + k % kBlockSide);
}

/// Calls f(offset in the block, offset in box, length) for each row of `part`, which lies in one block and in `box`.
template <class F>
void for_each_row(const Box& part, const Box& box, F&& f) {
  const Index3 size = box.size();
  const auto length = static_cast<std::size_t>(part.hi[2] - part.lo[2]);
  for (std::int64_t i = part.lo[0]; i < part.hi[0]; ++i) {
    for (std::int64_t j = part.lo[1]; j < part.hi[1]; ++j) {
      const std::int64_t in_box = ((i - box.lo[0]) * size[1] + j - box.lo[1]) * size[2] + part.lo[2] - box.lo[2];
      f(block_offset(i, j, part.lo[2]), static_cast<std::size_t>(in_box), length);
    }
  }
}

}  // namespace

template <class Update>
void PromptGrid::rewrite(std::size_t n, const Box& box, Update&& update) {
  const Cell& old = cells()[n];
  const auto block = std::make_shared<PromptBlock>();
  if (old.block) {
    *block = *old.block;
  } else {
    block->fill(old.value);
  }
  for_each_row(intersect(cell_box(n), box), box, [&](std::size_t in_block, std::size_t in_box, std::size_t length) {
    for (std::size_t v = 0; v < length; ++v) update((*block)[in_block + v], in_box + v);
  });
  set_cell(n, {block, {}});
}

void PromptGrid::assign(const Box& box, Half value) {
  for (const std::size_t n : cells_in(box)) {
    if (intersect(cell_box(n), box) == cell_box(n)) {
      set_cell(n, {nullptr, value});
    } else {
      rewrite(n, box, [value](Half& voxel, std::size_t) { voxel = value; });
    }
  }
}

void PromptGrid::raise(const Box& box, std::span<const Half> values) {
  for (const std::size_t n : cells_in(box)) {
    rewrite(n, box, [&](Half& voxel, std::size_t v) { voxel = std::max(voxel, values[v]); });
  }
}

void PromptGrid::raise(const Box& box, std::span<const std::uint8_t> mask, Half value) {
  for (const std::size_t n : cells_in(box)) {
    bool painted = false;
    for_each_row(intersect(cell_box(n), box), box, [&](std::size_t, std::size_t in_box, std::size_t length) {
      const auto row = mask.subspan(in_box, length);
      painted = painted || std::any_of(row.begin(), row.end(), [](std::uint8_t m) { return m != 0; });
    });
    if (!painted) continue;
    rewrite(n, box, [&](Half& voxel, std::size_t v) {
      if (mask[v] != 0) voxel = std::max(voxel, value);
    });
  }
}

void PromptGrid::scale(float factor) {
  const auto scaled = [factor](Half value) { return to_half(from_half(value) * factor); };
  for (std::size_t n = 0; n < cells().size(); ++n) {
    const Cell& old = cells()[n];
    if (!old.block) {
      set_cell(n, {nullptr, scaled(old.value)});
      continue;
    }
    const auto block = std::make_shared<PromptBlock>();
    std::transform(old.block->begin(), old.block->end(), block->begin(), scaled);
    set_cell(n, {block, {}});
  }
}

template <class Convert>
void PromptGrid::read_as(const Box& box, Convert&& convert, std::span<float> out) const {
  std::fill(out.begin(), out.end(), convert(Half{0}));
  for (const std::size_t n : cells_in(box)) {
    const Cell& cell = cells()[n];
    if (cell.is_zero()) continue;
    for_each_row(intersect(cell_box(n), box), box, [&](std::size_t in_block, std::size_t in_box, std::size_t length) {
      if (cell.block) {
        for (std::size_t v = 0; v < length; ++v) out[in_box + v] = convert((*cell.block)[in_block + v]);
      } else {
        std::fill_n(out.data() + in_box, length, convert(cell.value));
      }
    });
  }
}

void PromptGrid::read(const Box& box, std::span<const float> table, std::span<float> out) const {
  read_as(
      box, [table](Half voxel) { return table[voxel]; }, out);
}

void PromptGrid::read(const Box& box, float factor, std::span<float> out) const {
  Half last = 0;  // neighbours are mostly equal
  float converted = 0;
  const auto convert = [&](Half voxel) {
    if (voxel != last) {
      last = voxel;
      converted = from_half(to_half(from_half(voxel) * factor));
    }
    return converted;
  };
  read_as(box, convert, out);
}

}  // namespace sagittal::interact
