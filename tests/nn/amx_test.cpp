// The kernels for AMX on any processor with AVX-512 bf16: their own code, each tile instruction emulated.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "nn/convolution_check.h"
#include "nn/cpu/conv/agreement.h"
#include "nn/tile_emulator.h"

namespace sagittal::nn::cpu::conv {
namespace {

class Amx : public testing::Test {
 protected:
  void SetUp() override {
    if (!offers(avx512_bf16())) {
      GTEST_SKIP() << "AMX's kernels pack and store with AVX-512 bf16, which this processor lacks";
    }
  }
  void TearDown() override {
    EXPECT_EQ(TileEmulator::fault(), "");
    EXPECT_EQ(TileEmulator::counts().releases, TileEmulator::counts().configurations);
  }

  static bool offers(const Kernels<Bf16>& kernels) {
    const auto sets = available_kernels<Bf16>();
    return std::find(sets.begin(), sets.end(), &kernels) != sets.end();
  }

  const TileEmulator emulator_;
};

TEST_F(Amx, ConvolutionsAgreeWithDoubles) { check(amx_bf16(), Algorithm::direct, kBf16); }

TEST_F(Amx, PanelsAgreeWithAvx512) { EXPECT_TRUE(agree(amx_bf16(), avx512_bf16())); }

TEST_F(Amx, ABrokenProcessorIsFoundOut) {
  if (permit_amx()) GTEST_SKIP() << "this processor has AMX";
  TileEmulator::break_products();
  EXPECT_FALSE(agree(amx_bf16(), avx512_bf16()));
}

TEST_F(Amx, SixSumsStayInTilesOverAllTaps) {
  if (permit_amx()) GTEST_SKIP() << "this processor has AMX: nothing is counted";
  const std::array<std::ptrdiff_t, 27> taps{};
  const Buffer lines(48 * kLineBytes), weights(2 * taps.size() * kSteps * kLineBytes);
  Buffer out(48 * kPanelOutputs * sizeof(float));
  amx_bf16().panel({lines.data(), taps.data(), 27, 1, kSteps, 0, weights.data(), 27 * kSteps * kLineBytes, 2, 48,
                    out.as<float>().data()});
  const TileEmulator::Counts counts = TileEmulator::counts();
  EXPECT_EQ(counts.configurations, 1);
  EXPECT_EQ(counts.products, 27 * 6);
  EXPECT_EQ(counts.loads, 27 * 7);
  EXPECT_EQ(counts.stores, 6);
}

TEST_F(Amx, IsOfferedWhereItMayBeUsedAndNowhereElse) {
  EXPECT_EQ(offers(amx_bf16()), permit_amx() && std::getenv("ONEDNN_MAX_CPU_ISA") == nullptr);
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
