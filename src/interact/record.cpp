#include "interact/record.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::interact {
namespace {

enum class CellKind : std::uint8_t {
  uniform = 0,
  runs = 1,        ///< of a prompt block
  voxels = 2,      ///< of a prompt block
  difference = 3,  ///< of a mask block to the one before
  previous = 4,    ///< the mask's cell is that of the previous segmentation
};

constexpr double kLargestHalf = 65504;
constexpr double kLargestZoom = 1e6;
constexpr Half kInfinity = 0x7c00;
constexpr std::size_t kMostRuns = std::tuple_size_v<PromptBlock> / 4;

using PromptEntry = GridChange<PromptGrid>::Entry;
using MaskEntry = GridChange<MaskGrid>::Entry;

[[noreturn]] void refuse(std::string why) { throw Error(ErrorCode::bad_input, "session record: " + std::move(why)); }

void append_kind(Bytes& out, CellKind kind) { out.push_back(static_cast<std::uint8_t>(kind)); }

// ---- prompts

struct Run {
  std::uint16_t length;
  Half value;
};

std::vector<Run> runs_of(const PromptBlock& block) {
  std::vector<Run> runs;
  for (std::size_t begin = 0; begin < block.size() && runs.size() <= kMostRuns;) {
    std::size_t end = begin + 1;
    while (end < block.size() && block[end] == block[begin]) ++end;
    runs.push_back({static_cast<std::uint16_t>(end - begin), block[begin]});
    begin = end;
  }
  return runs;
}

void write_cell(Bytes& out, const PromptGrid::Cell& cell) {
  if (!cell.block) {
    append_kind(out, CellKind::uniform);
    return append(out, cell.value);
  }
  const std::vector<Run> runs = runs_of(*cell.block);
  if (runs.size() > kMostRuns) {
    append_kind(out, CellKind::voxels);
    return append(out, *cell.block);
  }
  append_kind(out, CellKind::runs);
  append(out, static_cast<std::uint16_t>(runs.size()));
  for (const Run& run : runs) {
    append(out, run.length);
    append(out, run.value);
  }
}

Half checked(Half value) {
  if (value >= kInfinity) refuse("a prompt is not finite or negative");
  return value;
}

std::shared_ptr<const PromptBlock> read_runs(ByteReader& in) {
  auto block = std::make_shared<PromptBlock>();
  std::size_t filled = 0;
  for (int left = in.read<std::uint16_t>(); left > 0; --left) {
    const auto length = in.read<std::uint16_t>();
    const Half value = checked(in.read<Half>());
    if (length > block->size() - filled) refuse("the runs of a block are longer than the block");
    std::fill_n(block->begin() + static_cast<std::ptrdiff_t>(filled), length, value);
    filled += length;
  }
  if (filled != block->size()) refuse("the runs of a block are shorter than the block");
  return block;
}

PromptGrid::Cell read_cell(ByteReader& in, const PromptGrid::Cell&, const MaskGrid::Cell*) {
  switch (static_cast<CellKind>(in.read<std::uint8_t>())) {
    case CellKind::uniform:
      return {nullptr, checked(in.read<Half>())};
    case CellKind::runs:
      return {read_runs(in), {}};
    case CellKind::voxels: {
      const auto block = std::make_shared<const PromptBlock>(in.read<PromptBlock>());
      std::for_each(block->begin(), block->end(), checked);
      return {block, {}};
    }
    default:
      refuse("no such kind of prompt cell");
  }
}

// ---- masks

MaskBlock expand(const MaskGrid::Cell& cell) {
  if (cell.block) return *cell.block;
  MaskBlock block;
  block.fill(cell.value ? ~std::uint32_t{0} : 0);
  return block;
}

void write_cell(Bytes& out, const MaskEntry& entry) {
  if (!entry.after.block) {
    append_kind(out, CellKind::uniform);
    return append(out, static_cast<std::uint8_t>(entry.after.value));
  }
  MaskBlock difference = expand(entry.before);
  for (std::size_t row = 0; row < difference.size(); ++row) difference[row] ^= (*entry.after.block)[row];
  append_kind(out, CellKind::difference);
  append(out, difference);
}

MaskGrid::Cell read_cell(ByteReader& in, const MaskGrid::Cell& before, const MaskGrid::Cell* previous) {
  switch (static_cast<CellKind>(in.read<std::uint8_t>())) {
    case CellKind::uniform: {
      const auto value = in.read<std::uint8_t>();
      if (value > 1) refuse("a mask's value is neither 0 nor 1");
      return {nullptr, value == 1};
    }
    case CellKind::difference: {
      auto block = std::make_shared<MaskBlock>(expand(before));
      const auto difference = in.read<MaskBlock>();
      for (std::size_t row = 0; row < block->size(); ++row) (*block)[row] ^= difference[row];
      return {block, false};
    }
    case CellKind::previous:
      if (previous != nullptr) return *previous;
      [[fallthrough]];
    default:
      refuse("no such kind of mask cell");
  }
}

// ---- grids

template <class Grid, class WriteCell>
void write_change(Bytes& out, const GridChange<Grid>& change, WriteCell&& write) {
  append(out, static_cast<std::uint32_t>(change.entries.size()));
  for (const auto& entry : change.entries) {
    append(out, static_cast<std::uint32_t>(entry.index));
    write(entry);
  }
}

template <class Grid>
void read_change(ByteReader& in, Grid& grid, const MaskGrid* previous = nullptr) {
  std::int64_t last = -1;
  for (auto left = in.read<std::uint32_t>(); left > 0; --left) {
    const auto index = in.read<std::uint32_t>();
    if (index <= last || index >= grid.cells().size()) refuse(fmt::format("cell {} is out of place", index));
    last = index;
    const MaskGrid::Cell* same = previous == nullptr ? nullptr : &previous->cells()[index];
    grid.set_cell(index, read_cell(in, grid.cells()[index], same));
  }
}

}  // namespace

void write_focus(Bytes& out, const std::optional<Focus>& focus) {
  out.push_back(focus ? 1 : 0);
  if (!focus) return;
  for (const std::int64_t index : focus->centre) append(out, index);
  append(out, focus->zoom);
}

std::optional<Focus> read_focus(ByteReader& in, const Index3& shape) {
  const auto present = in.read<std::uint8_t>();
  if (present > 1) refuse("a flag is neither 0 nor 1");
  if (present == 0) return std::nullopt;
  Focus focus;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    focus.centre[axis] = in.read<std::int64_t>();
    if (focus.centre[axis] < 0 || focus.centre[axis] > shape[axis]) refuse("a prompt lies outside the image");
  }
  focus.zoom = in.read<double>();
  if (!(focus.zoom >= 1 && focus.zoom <= kLargestZoom)) refuse("a zoom that cannot be");
  return focus;
}

void write_note(Bytes& out, ByteView note) {
  append(out, static_cast<std::uint32_t>(note.size()));
  out.insert(out.end(), note.begin(), note.end());
}

Bytes read_note(ByteReader& in) {
  const ByteView note = in.take(in.read<std::uint32_t>());
  return {note.begin(), note.end()};
}

void write_step(Bytes& out, const Step& step) {
  append(out, static_cast<std::uint32_t>(step.prompts.size()));
  append(out, step.intensity_after);
  for (const auto& change : step.prompts) {
    write_change(out, change, [&out](const PromptEntry& entry) { write_cell(out, entry.after); });
  }
  write_change(out, step.previous, [&out](const MaskEntry& entry) { write_cell(out, entry); });
  auto same = step.previous.entries.begin();
  write_change(out, step.mask, [&](const MaskEntry& entry) {
    while (same != step.previous.entries.end() && same->index < entry.index) ++same;
    const bool equal = same != step.previous.entries.end() && same->index == entry.index && entry.after.block &&
                       same_voxels(same->after, entry.after);
    return equal ? append_kind(out, CellKind::previous) : write_cell(out, entry);
  });
}

Layers read_step(ByteReader& in, const Layers& layers) {
  Layers after = layers;
  if (const auto channels = in.read<std::uint32_t>(); channels != after.prompts.size()) {
    refuse(fmt::format("it has {} interaction channels, the model {}", channels, after.prompts.size()));
  }
  after.intensity = in.read<double>();
  if (!(after.intensity >= 1 && after.intensity <= kLargestHalf)) refuse("a strength that cannot be");
  for (PromptGrid& prompts : after.prompts) read_change(in, prompts);
  read_change(in, after.previous);
  read_change(in, after.mask, &after.previous);
  return after;
}

}  // namespace sagittal::interact
