// The emulator refuses what processors refuse, and computes what Intel's manual says.
#include "nn/tile_emulator.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14]{};
  std::uint16_t row_bytes[16]{};
  std::uint8_t rows[16]{};
};

void configure(int sum_rows, int line_words, int word_rows) {
  Configuration c;
  const int rows[]{sum_rows, sum_rows, word_rows}, words[]{4, line_words, 4};
  for (int tile = 0; tile < 3; ++tile) {
    c.rows[tile] = static_cast<std::uint8_t>(rows[tile]);
    c.row_bytes[tile] = static_cast<std::uint16_t>(4 * words[tile]);
  }
  asm volatile("ldtilecfg %0" : : "m"(c));
}
void multiply_add() { asm volatile("tdpbf16ps %%tmm2, %%tmm1, %%tmm0" : :); }
void load_lines(const void* rows) { asm volatile("tileloadd (%0,%1,1), %%tmm1" : : "r"(rows), "r"(8L) : "memory"); }
void load_words(const void* rows) { asm volatile("tileloadd (%0,%1,1), %%tmm2" : : "r"(rows), "r"(16L) : "memory"); }
void store_sums(void* rows) { asm volatile("tilestored %%tmm0, (%0,%1,1)" : : "r"(rows), "r"(16L) : "memory"); }

std::uint16_t bf16(float x) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16); }

class TileEmulation : public testing::Test {
 protected:
  void SetUp() override {
    if (permit_amx()) GTEST_SKIP() << "this processor has AMX: nothing is emulated";
  }
};

TEST_F(TileEmulation, RefusesTilesWithoutConfigurationAndShapesThatDoNotMatch) {
  {
    const TileEmulator emulator;
    configure(2, 2, 2);
    asm volatile("tilerelease" : :);
    multiply_add();
    EXPECT_EQ(TileEmulator::fault(), "tiles without configuration");
  }
  {
    const TileEmulator emulator;
    configure(2, 2, 3);
    multiply_add();
    EXPECT_EQ(TileEmulator::fault(), "shapes that do not match");
  }
  {
    const TileEmulator emulator;
    configure(17, 2, 2);
    EXPECT_EQ(TileEmulator::fault(), "a forged shape");
  }
  {
    const TileEmulator emulator;
    configure(2, 2, 2);
    asm volatile("tilezero %%tmm3" : :);
    EXPECT_EQ(TileEmulator::fault(), "a tile without rows");
  }
}

TEST_F(TileEmulation, AddsProductsOfPairsToFloats) {
  const TileEmulator emulator;
  const float denormal = 0x1p-130F;
  // Two rows of two pairs; two steps of four pairs.
  const std::uint16_t lines[2][4]{{bf16(1), bf16(2), bf16(3), bf16(4)}, {bf16(0.5F), 0, bf16(denormal), bf16(-1)}};
  const std::uint16_t words[2][8]{{bf16(1), bf16(10), bf16(2), bf16(20), 0, 0, bf16(1), bf16(1)},
                                  {bf16(100), bf16(1000), bf16(200), bf16(2000), 0, bf16(1), bf16(1), bf16(1)}};
  float sums[2][4]{};
  configure(2, 2, 2);
  load_lines(lines);
  load_words(words);
  multiply_add();
  multiply_add();
  store_sums(sums);
  asm volatile("tilerelease" : :);
  EXPECT_EQ(TileEmulator::fault(), "");
  const float expected[2][4]{{4321, 8642, 4, 10}, {-999.5F, -1999, -1, -0.5F}};
  for (int row = 0; row < 2; ++row) {
    for (int i = 0; i < 4; ++i) EXPECT_EQ(sums[row][i], 2 * expected[row][i]);
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
