#include "interact/mask_grid.h"

#include <bit>

#include "volume/bits.h"

namespace sagittal::interact {
namespace {

constexpr std::int64_t kCellGrain = 4;

std::size_t row_of(std::int64_t i, std::int64_t j) {
  return static_cast<std::size_t>(i % kBlockSide * kBlockSide + j % kBlockSide);
}

/// Bits [lo, hi) of a word, 0 <= lo < hi <= 32.
std::uint32_t word_mask(std::int64_t lo, std::int64_t hi) {
  return static_cast<std::uint32_t>(((std::uint64_t{1} << hi) - 1) & ~((std::uint64_t{1} << lo) - 1));
}

/// The voxels of `cell` as one value where they all agree, else the block itself.
MaskGrid::Cell compact(const MaskBlock& block, const Box& cell) {
  const Index3 size = cell.size();
  const std::uint32_t full = word_mask(0, size[2]);
  bool any = false, all = true;
  for (std::int64_t i = 0; i < size[0]; ++i) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const std::uint32_t word = block[row_of(i, j)];
      any = any || word != 0;
      all = all && word == full;
    }
  }
  if (!any || all) return {nullptr, any};
  return {std::make_shared<const MaskBlock>(block), false};
}

/// Smallest box around the set bits of `block`, in coordinates of the array.
std::optional<Box> bounds_of(const MaskBlock& block, const Box& cell) {
  Box box{cell.hi, cell.lo};
  const Index3 size = cell.size();
  std::uint32_t projection = 0;
  for (std::int64_t i = 0; i < size[0]; ++i) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      const std::uint32_t word = block[row_of(i, j)] & word_mask(0, size[2]);
      if (word == 0) continue;
      projection |= word;
      box.lo[0] = std::min(box.lo[0], cell.lo[0] + i);
      box.hi[0] = std::max(box.hi[0], cell.lo[0] + i + 1);
      box.lo[1] = std::min(box.lo[1], cell.lo[1] + j);
      box.hi[1] = std::max(box.hi[1], cell.lo[1] + j + 1);
    }
  }
  if (projection == 0) return std::nullopt;
  box.lo[2] = cell.lo[2] + std::countr_zero(projection);
  box.hi[2] = cell.lo[2] + 32 - std::countl_zero(projection);
  return box;
}

void include(std::optional<Box>& all, const std::optional<Box>& more) {
  if (more) all = all ? hull(*all, *more) : *more;
}

MaskBlock expand(const MaskGrid::Cell& cell) {
  if (cell.block) return *cell.block;
  MaskBlock block;
  block.fill(cell.value ? ~std::uint32_t{0} : 0);
  return block;
}

}  // namespace

bool same_voxels(const MaskGrid::Cell& a, const MaskGrid::Cell& b) {
  return a == b || (a.block && b.block && *a.block == *b.block);
}

MaskBlock MaskGrid::block_of(std::size_t n) const { return expand(cells()[n]); }

MaskGrid MaskGrid::from_bytes(const Index3& shape, std::span<const std::uint8_t> voxels, ThreadPool& pool) {
  MaskGrid grid(shape);
  const auto count = static_cast<std::int64_t>(grid.cells().size());
  pool.parallel_for(count, kCellGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const Box cell = grid.cell_box(static_cast<std::size_t>(n));
      MaskBlock block{};
      for (std::int64_t i = cell.lo[0]; i < cell.hi[0]; ++i) {
        for (std::int64_t j = cell.lo[1]; j < cell.hi[1]; ++j) {
          const std::uint8_t* row = voxels.data() + (i * shape[1] + j) * shape[2];
          std::uint32_t word = 0;
          for (std::int64_t k = cell.lo[2]; k < cell.hi[2]; ++k) {
            word |= static_cast<std::uint32_t>(row[k] != 0) << (k % kBlockSide);
          }
          block[row_of(i, j)] = word;
        }
      }
      grid.set_cell(static_cast<std::size_t>(n), compact(block, cell));
    }
  });
  return grid;
}

bool MaskGrid::at(std::int64_t i, std::int64_t j, std::int64_t k) const {
  const Cell& cell = cell_at(i, j, k);
  return cell.block ? ((*cell.block)[row_of(i, j)] >> (k % kBlockSide)) & 1 : cell.value;
}

BitVolume MaskGrid::read(const Box& box) const {
  BitVolume out(box.size());
  for (const std::size_t n : cells_in(box)) {
    const Cell& cell = cells()[n];
    if (cell.is_zero()) continue;
    const Box part = intersect(cell_box(n), box);
    const int length = static_cast<int>(part.hi[2] - part.lo[2]);
    for (std::int64_t i = part.lo[0]; i < part.hi[0]; ++i) {
      for (std::int64_t j = part.lo[1]; j < part.hi[1]; ++j) {
        const std::uint64_t word = cell.block ? (*cell.block)[row_of(i, j)] : ~std::uint32_t{0};
        out.set_bits(i - box.lo[0], j - box.lo[1], part.lo[2] - box.lo[2], length, word >> (part.lo[2] % kBlockSide));
      }
    }
  }
  return out;
}

template <class T>
void MaskGrid::read_into(const Box& box, T* out, const Strides& strides) const {
  const Index3 size = box.size();
  for (std::int64_t i = 0; i < size[0]; ++i) {
    for (std::int64_t j = 0; j < size[1]; ++j) std::fill_n(out + i * strides[0] + j * strides[1], size[2], T{0});
  }
  for (const std::size_t n : cells_in(box)) {
    const Cell& cell = cells()[n];
    if (cell.is_zero()) continue;
    const Box part = intersect(cell_box(n), box);
    for (std::int64_t i = part.lo[0]; i < part.hi[0]; ++i) {
      for (std::int64_t j = part.lo[1]; j < part.hi[1]; ++j) {
        T* row = out + (i - box.lo[0]) * strides[0] + (j - box.lo[1]) * strides[1];
        const std::uint32_t word = cell.block ? (*cell.block)[row_of(i, j)] : ~std::uint32_t{0};
        spread_word(word >> (part.lo[2] % kBlockSide), part.hi[2] - part.lo[2], row + part.lo[2] - box.lo[2]);
      }
    }
  }
}

template void MaskGrid::read_into(const Box&, float*, const Strides&) const;
template void MaskGrid::read_into(const Box&, std::uint8_t*, const Strides&) const;

void MaskGrid::update(const Box& box, std::span<std::uint8_t> dense) const {
  const Strides strides = packed_strides(whole(shape()));
  read_into(box, dense.data() + box.lo[0] * strides[0] + box.lo[1] * strides[1] + box.lo[2], strides);
}

void MaskGrid::paste(const BitVolume& source, const Box& box, ThreadPool& pool) {
  const auto indices = cells_in(box);
  pool.parallel_for(static_cast<std::int64_t>(indices.size()), kCellGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) paste_cell(indices[static_cast<std::size_t>(n)], source, box);
  });
}

void MaskGrid::paste_shared(const MaskGrid& other, const BitVolume& source, const Box& box, ThreadPool& pool) {
  const auto indices = cells_in(box);
  pool.parallel_for(static_cast<std::int64_t>(indices.size()), kCellGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::size_t n = indices[static_cast<std::size_t>(at)];
      if (intersect(cell_box(n), box) != cell_box(n)) {
        paste_cell(n, source, box);
      } else if (const Cell& theirs = other.cells()[n]; !same_voxels(cells()[n], theirs)) {
        set_cell(n, theirs);
      }
    }
  });
}

void MaskGrid::paste_cell(std::size_t n, const BitVolume& source, const Box& box) {
  const Box part = intersect(cell_box(n), box);
  const Cell& old = cells()[n];
  const int shift = static_cast<int>(part.lo[2] % kBlockSide);
  const std::int64_t length = part.hi[2] - part.lo[2], k = part.lo[2] - box.lo[2];
  const std::uint32_t mask = word_mask(shift, shift + length);
  const auto first = static_cast<std::size_t>(k / BitVolume::kWordBits);
  const int offset = static_cast<int>(k % BitVolume::kWordBits);
  // Where the cell's bits lie in one word, the second one adds nothing.
  const std::size_t second = offset + length > BitVolume::kWordBits ? first + 1 : first;
  const int behind = offset == 0 ? 0 : static_cast<int>(BitVolume::kWordBits) - offset;
  const auto bits_at = [&](const std::uint64_t* row) {
    return static_cast<std::uint32_t>((row[first] >> offset | row[second] << behind) << shift) & mask;
  };
  std::uint32_t changed = 0;
  const auto for_each_row = [&](auto&& f) {
    for (std::int64_t i = part.lo[0]; i < part.hi[0]; ++i) {
      const std::uint64_t* row = source.row(i - box.lo[0], part.lo[1] - box.lo[1]).data();
      const std::size_t at = row_of(i, part.lo[1]);
      for (std::int64_t j = 0; j < part.hi[1] - part.lo[1]; ++j) {
        f(at + static_cast<std::size_t>(j), bits_at(row + j * source.words_per_row()));
      }
    }
  };
  if (!old.block) {
    const std::uint32_t same = old.value ? mask : 0;
    for_each_row([&](std::size_t, std::uint32_t bits) { changed |= bits ^ same; });
    if (changed == 0) return;
  }
  MaskBlock block = block_of(n);
  changed = 0;
  for_each_row([&](std::size_t at, std::uint32_t bits) {
    const std::uint32_t updated = (block[at] & ~mask) | bits;
    changed |= updated ^ block[at];
    block[at] = updated;
  });
  if (changed != 0) set_cell(n, compact(block, cell_box(n)));
}

std::optional<Box> MaskGrid::bounds() const {
  std::optional<Box> all;
  for (std::size_t n = 0; n < cells().size(); ++n) {
    const Cell& cell = cells()[n];
    if (cell.block) {
      include(all, bounds_of(*cell.block, cell_box(n)));
    } else if (cell.value) {
      include(all, cell_box(n));
    }
  }
  return all;
}

std::int64_t MaskGrid::count() const {
  std::int64_t all = 0;
  for (std::size_t n = 0; n < cells().size(); ++n) {
    const Cell& cell = cells()[n];
    const Box box = cell_box(n);
    if (!cell.block) {
      all += cell.value ? box.volume() : 0;
      continue;
    }
    const Index3 size = box.size();
    for (std::int64_t i = 0; i < size[0]; ++i) {
      for (std::int64_t j = 0; j < size[1]; ++j) {
        all += std::popcount((*cell.block)[row_of(i, j)] & word_mask(0, size[2]));
      }
    }
  }
  return all;
}

std::optional<Box> changed_bounds(const MaskGrid& grid, const GridChange<MaskGrid>& change) {
  std::optional<Box> all;
  for (const auto& entry : change.entries) {
    const MaskBlock before = expand(entry.before);
    MaskBlock differing = expand(entry.after);
    for (std::size_t row = 0; row < differing.size(); ++row) differing[row] ^= before[row];
    include(all, bounds_of(differing, grid.cell_box(entry.index)));
  }
  return all;
}

}  // namespace sagittal::interact
