#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "nn/cpu/conv/shape.h"
#include "nn/cpu/kernels.h"

namespace sagittal::nn::cpu::conv {

// Convolutions of our own work on packed voxels: a line of 64 bytes holds one voxel's block of channels, as 16 steps of
// 4 bytes. A step is a float channel, or two neighbouring bf16 channels; weights are words of the same kind.
inline constexpr std::int64_t kLineBytes = 64;
inline constexpr int kSteps = 16;
/// Groups that one call of a panel computes at most.
inline constexpr int kPanelGroups = 2;
inline constexpr std::int64_t kPanelRows = 96;  ///< of one call, at most
inline constexpr std::int64_t kPanelOutputs = std::int64_t{kGroup} * kPanelGroups;
/// Of what one call of a panel computes.
inline constexpr std::int64_t kProductBytes = kPanelRows * kPanelOutputs * std::int64_t{sizeof(float)};
/// Memory of one kind ends where that of the next may begin.
inline std::size_t aligned(std::size_t bytes) { return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes; }

/// out[row][group][output] = sum over blocks, taps and steps of line(row + tap)[step] * weights[step][output].
struct PanelArguments {
  const std::byte* lines;      ///< of row 0; row r begins r lines further
  const std::ptrdiff_t* taps;  ///< in bytes, from a row to the lines that it reads
  int tap_count;
  int blocks;
  int last_steps;               ///< of the last block, the rest of whose lines and weights is zero; else kSteps
  std::ptrdiff_t block_stride;  ///< bytes, of lines
  const std::byte* weights;     ///< [block][tap][step][16] words, of the first group
  std::ptrdiff_t group_stride;  ///< bytes, from group to group
  int groups;                   ///< 1 or 2
  std::int64_t rows;            ///< a multiple of the kernels' `row_unit`
  float* out;                   ///< [rows][kPanelOutputs]
  void (*meanwhile)(void* context) = nullptr;  ///< called between taps by kernels that overlap, where given
  void* context = nullptr;
};

/// Voxels [count, channels] to the lines of one block, every line `line_stride` bytes after the last; steps without a
/// channel become zero. x is normalised as in NormaliseArguments where `scale` is given.
template <class T>
struct PackArguments {
  const T* voxels;
  std::int64_t voxel_stride;  ///< elements
  std::int64_t count;
  int channels;        ///< of this block, a multiple of 8
  const float* scale;  ///< of this block's channels; may be null
  const float* shift;
  float slope;
  std::byte* lines;
  std::ptrdiff_t line_stride;
};

/// What a panel computed, to where it belongs: rows are positions of a plane whose rows are `pitch` long, of which the
/// first `width` are voxels. y = max(x + bias, slope * (x + bias)) is stored; its distance from `origin` and the square
/// of it are added to `sums`.
template <class T>
struct StoreArguments {
  const float* product;  ///< [count][kPanelOutputs]
  std::int64_t first;    ///< position of row 0
  std::int64_t count;
  std::int64_t pitch, width;
  int channels;                           ///< to store, a multiple of 8
  T* out;                                 ///< of position 0
  std::int64_t voxel_stride, row_stride;  ///< elements
  const float* bias;                      ///< [kPanelOutputs]
  float slope;
  const float* origin;  ///< [kPanelOutputs]
  float* sums;          ///< [2][kPanelOutputs]
};

/// Winograd's F(4x4, 3x3) on a row of tiles; A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks",
/// CVPR 2016. A tile is 4x4 outputs and reads 6x6 inputs; it has kTileFrequencies lines, one in each frequency's plane.
inline constexpr int kTile = 4, kTileInputs = 6, kTileFrequencies = kTileInputs * kTileInputs;

/// The inputs of the tiles of one row, for one block of channels: 6 rows of packed lines (a halo on each side).
struct TileInputArguments {
  const std::byte* lines;
  std::ptrdiff_t row_stride;  ///< bytes
  std::int64_t tiles;
  std::byte* out;                   ///< tile 0's line of the first frequency
  std::ptrdiff_t frequency_stride;  ///< bytes
};

/// Products [frequency][tile][kPanelOutputs] to [4 rows][tiles * 4][kPanelOutputs], which StoreArguments then takes.
struct TileOutputArguments {
  const float* products;
  std::ptrdiff_t frequency_stride;  ///< floats
  std::int64_t tiles;
  int groups;
  float* out;
  std::ptrdiff_t row_stride;  ///< floats
};

/// The kernels of one instruction set for activations of type T. Single-threaded; any thread may call them.
template <class T>
struct Kernels {
  std::string_view name;
  int block_channels;     ///< of a line: 16 floats or 32 bf16
  std::int64_t row_unit;  ///< divides kPanelRows
  void (*panel)(const PanelArguments&);
  /// So many thousand multiplications with addition of one lane each, from and to registers: the processor's peak.
  void (*spin)(std::int64_t thousands);
  void (*pack)(const PackArguments<T>&);
  void (*store)(const StoreArguments<T>&);
  void (*tile_input)(const TileInputArguments&);  ///< null where lines are not floats
  void (*tile_output)(const TileOutputArguments&);
  bool overlaps = false;  ///< a panel leaves the processor's other units time to store the one before
};

/// The sets that this processor can run for T; none where there are none of our own.
template <class T>
std::span<const Kernels<T>* const> available_kernels();
/// Those of them that may be the fastest: without another's for a narrower instruction set, and none beside AMX.
template <class T>
std::span<const Kernels<T>* const> widest_kernels();

#ifdef SAGITTAL_X86_64
// Of activations in floats, of activations in bf16 that are widened, and of bf16 multiplied as it is.
const Kernels<float>& avx2_fp32();
const Kernels<Bf16>& avx2_fp32_of_bf16();
const Kernels<float>& avx512_fp32();
const Kernels<Bf16>& avx512_fp32_of_bf16();
const Kernels<Bf16>& avx512_bf16();
#endif
#ifdef SAGITTAL_AMX
/// Of bf16 multiplied in tiles, direct convolutions only; panels need permit_amx().
const Kernels<Bf16>& amx_bf16();
/// Asks for the process's threads to use tiles; false where the processor or the system has none, or does not let it.
bool permit_amx();
#endif
#ifdef SAGITTAL_AARCH64
const Kernels<float>& neon_fp32();
const Kernels<Bf16>& neon_fp32_of_bf16();
#endif

}  // namespace sagittal::nn::cpu::conv
