// Convolutions of our own against one in double precision, for every instruction set that this processor has.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>

#include "nn/convolution_check.h"

namespace sagittal::nn::cpu::conv {
namespace {

TEST(Convolution, FloatsAgreeWithDoubles) {
  for (const Kernels<float>* kernels : available_kernels<float>()) check(*kernels, Algorithm::direct, kFloat);
}

TEST(Convolution, WinogradAgreesWithDoubles) {
  for (const Kernels<float>* kernels : available_kernels<float>()) check(*kernels, Algorithm::winograd, kWinograd);
}

TEST(Convolution, Bf16AgreesWithDoubles) {
  for (const Kernels<Bf16>* kernels : available_kernels<Bf16>()) {
    check(*kernels, Algorithm::direct, kBf16);
    if (kernels->tile_input != nullptr) check(*kernels, Algorithm::winograd, kBf16);
  }
}

TEST(Convolution, Bf16IsRoundedToNearestOrEvenAndNaNStaysOne) {
  constexpr std::array<std::uint32_t, 8> bits{0x3f800000, 0x3f808000, 0x3f808001, 0x3f818000,
                                              0xbf817fff, 0x7f7fffff, 0xff800000, 0x7fffffff};
  constexpr std::array<int, 7> expected{0x3f80, 0x3f80, 0x3f81, 0x3f82, 0xbf81, 0x7f80, 0xff80};
  for (const Kernels<Bf16>* kernels : available_kernels<Bf16>()) {
    std::array<float, kPanelOutputs> product{}, bias{}, origin{};
    std::transform(bits.begin(), bits.end(), product.begin(), [](std::uint32_t x) { return std::bit_cast<float>(x); });
    std::array<float, 2 * kPanelOutputs> sums{};
    std::array<Bf16, 8> out{};
    kernels->store({product.data(), 0, 1, 1, 1, 8, out.data(), 8, 8, bias.data(), 1, origin.data(), sums.data()});
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(static_cast<int>(out[i]), expected[i]) << kernels->name;
    EXPECT_TRUE((static_cast<int>(out[7]) & 0x7fff) > 0x7f80) << kernels->name;
  }
}

TEST(Convolution, ThreadsDoNotChangeABit) {
  for (const Kernels<float>* kernels : available_kernels<float>()) {
    for (const Algorithm algorithm : {Algorithm::direct, Algorithm::winograd}) {
      const Problem& problem = problems()[5];
      EXPECT_EQ(error_of(problem, *kernels, algorithm, 1), error_of(problem, *kernels, algorithm, 3));
    }
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
