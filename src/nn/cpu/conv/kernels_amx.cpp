#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

// A tile has 16 rows of 64 bytes: the lines of 16 rows, the words of one tap and group, or the sums of both.
constexpr int kTileRows = 16;
constexpr int kSums = 6;               // tiles 0 to 5
constexpr int kLines = 6, kWords = 7;  // tiles of what is multiplied

// Instructions on tiles, which take their numbers from the code. In assembler, because GCC 12's intrinsics do not say
// that they read memory: stores before them could come after.
template <int kTile>
void zero() {
  asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
}
template <int kTile>
void load(const std::byte* rows) {
  asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(rows), "r"(kLineBytes), "i"(kTile) : "memory");
}
template <int kTile>
void store(float* rows) {
  constexpr std::ptrdiff_t stride = kPanelOutputs * static_cast<std::ptrdiff_t>(sizeof(float));
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(rows), "r"(stride), "i"(kTile) : "memory");
}
template <int kSum>
void multiply_add() {
  asm volatile("tdpbf16ps %%tmm%c0, %%tmm%c1, %%tmm%c2" : : "i"(kWords), "i"(kLines), "i"(kSum));
}

/// Tiles of so many steps, zeroed; given back at the end of a scope, so that a thread at rest has no state to be saved.
class Tiles {
 public:
  explicit Tiles(int steps) {
    Configuration c{};
    for (int tile = 0; tile < kSums; ++tile) c.set(tile, kTileRows, kGroup);
    c.set(kLines, kTileRows, steps);
    c.set(kWords, steps, kGroup);
    asm volatile("ldtilecfg %0" : : "m"(c));
  }
  ~Tiles() { asm volatile("tilerelease" : : : "memory"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

 private:
  struct alignas(kLineBytes) Configuration {
    std::uint8_t palette = 1, start_row = 0, reserved[14]{};
    std::uint16_t row_bytes[16]{};
    std::uint8_t rows[16]{};
    void set(int tile, int count, int words) {
      rows[tile] = static_cast<std::uint8_t>(count);
      row_bytes[tile] = static_cast<std::uint16_t>(4 * words);
    }
  };
  static_assert(sizeof(Configuration) == kLineBytes);
};

/// Calls f with the constants 0 to kCount - 1.
template <int kCount, class F>
inline void repeat(const F& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) { (f(std::integral_constant<int, i>()), ...); }
  (std::make_integer_sequence<int, kCount>());
}

/// kRowTiles times 16 rows and kGroups groups stay in tiles over all blocks and taps. A group's words stay while the
/// lines pass; for the second group they pass backwards, since the last ones are still there.
template <int kRowTiles, int kGroups>
void panel_part(const PanelArguments& a, std::int64_t row) {
  static_assert(kRowTiles * kGroups <= kSums);
  constexpr std::ptrdiff_t tile_bytes = kTileRows * kLineBytes;
  const std::byte* words = a.weights;
  const std::byte* block_lines = a.lines + row * kLineBytes;
  const std::ptrdiff_t group_stride = a.group_stride, block_stride = a.block_stride;
  void (*const meanwhile)(void*) = a.meanwhile;
  void* const context = a.context;
  const std::ptrdiff_t *first_tap = a.taps, *last_tap = a.taps + a.tap_count;
  repeat<kRowTiles * kGroups>([](auto i) { zero<i>(); });
  for (int block = a.blocks; block > 0; --block, block_lines += block_stride) {
    for (const std::ptrdiff_t* tap = first_tap; tap != last_tap; ++tap, words += kSteps * kLineBytes) {
      const std::byte* lines = block_lines + *tap;
      load<kWords>(words);
      repeat<kRowTiles>([&](auto i) {
        load<kLines>(lines + i * tile_bytes);
        multiply_add<i>();
      });
      if constexpr (kGroups == 2) {
        load<kWords>(words + group_stride);
        repeat<kRowTiles>([&](auto passed) {
          constexpr int i = kRowTiles - 1 - passed;
          if constexpr (passed > 0) load<kLines>(lines + i * tile_bytes);
          multiply_add<kRowTiles + i>();
        });
      }
      if (meanwhile != nullptr) meanwhile(context);
    }
  }
  repeat<kRowTiles * kGroups>(
      [&](auto i) { store<i>(a.out + (row + i % kRowTiles * kTileRows) * kPanelOutputs + i / kRowTiles * kGroup); });
}

/// All rows, in parts as even as can be.
template <int kGroups>
void panel_rows(const PanelArguments& a) {
  constexpr int most = kSums / kGroups;
  using Part = void (*)(const PanelArguments&, std::int64_t row);
  constexpr auto parts_of = []<int... i>(std::integer_sequence<int, i...>) {
    return std::array<Part, most>{panel_part<i + 1, kGroups>...};
  };
  static constexpr std::array<Part, most> parts = parts_of(std::make_integer_sequence<int, most>());
  std::int64_t tiles = a.rows / kTileRows;
  std::int64_t count = (tiles + most - 1) / most;
  for (std::int64_t row = 0; tiles > 0; --count) {
    const std::int64_t now = (tiles + count - 1) / count;
    parts[static_cast<std::size_t>(now - 1)](a, row);
    row += now * kTileRows;
    tiles -= now;
  }
}

void panel(const PanelArguments& a) {
  // Shorter rows of lines, and fewer of words, save loads of zeros; between blocks the shape cannot change, as that
  // would clear the sums.
  const Tiles tiles(a.blocks == 1 ? a.last_steps : kSteps);
  if (a.groups == 2) {
    panel_rows<2>(a);
  } else {
    panel_rows<1>(a);
  }
}

void spin(std::int64_t thousands) {
  constexpr std::int64_t operations = std::int64_t{kSums} * kTileRows * kGroup * kSteps * 2;
  const Tiles tiles(kSteps);
  for (std::int64_t round = 0; round < thousands * 1000 / operations; ++round) {
    repeat<kSums>([](auto i) { multiply_add<i>(); });
  }
}

struct Leaf {
  unsigned a = 0, b = 0, c = 0, d = 0;
  Leaf(unsigned leaf, unsigned part) { __get_cpuid_count(leaf, part, &a, &b, &c, &d); }
};

/// CPUID's bits of AMX-BF16 and AMX-TILE, and of palette 1: eight tiles of 16 rows of 64 bytes.
bool processor_has_tiles() {
  constexpr unsigned wanted = 1U << 22 | 1U << 24;
  if ((Leaf(7, 0).d & wanted) != wanted) return false;
  const Leaf palette(0x1d, 1);
  return palette.b == (8U << 16 | kLineBytes) && (palette.c & 0xffff) == kTileRows;
}

/// XCR0's bits of tile configuration and tile data.
bool system_saves_tiles() {
  constexpr unsigned os_has_xsave = 1U << 27, wanted = 3U << 17;
  if ((Leaf(1, 0).c & os_has_xsave) == 0) return false;
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & wanted) == wanted;
}

}  // namespace

bool permit_amx() {
  constexpr long request = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return processor_has_tiles() && system_saves_tiles() && ::syscall(SYS_arch_prctl, request, tile_data) == 0;
}

const Kernels<Bf16>& amx_bf16() {
  static const Kernels<Bf16> kernels = [] {
    Kernels<Bf16> made = avx512_bf16();  // packs and stores
    made.name = "AMX bf16";
    made.row_unit = kTileRows;
    made.panel = panel;
    made.spin = spin;
    made.overlaps = true;
    return made;
  }();
  return kernels;
}

}  // namespace sagittal::nn::cpu::conv
