#include "nn/cuda/device/form.h"

#include <gmock/gmock.h>

#include "nn/cuda/device/refusal.h"

namespace sagittal::nn::cuda {
namespace {

using testing::ElementsAre;

constexpr Convolution kOfAHalf{.size = {6, 9, 20},
                               .kernel = {1, 3, 5},
                               .stride = {1, 2, 2},
                               .in_channels = 16,
                               .out_channels = 24,
                               .in_pitch = 32,
                               .out_pitch = 40};

TEST(ConvolutionForm, channels_are_neighbours_and_voxels_are_a_pitch_apart) {
  const ConvolutionForm made = form(kOfAHalf);
  EXPECT_THAT(made.in.size, ElementsAre(1, 16, 6, 9, 20));
  EXPECT_THAT(made.in.stride, ElementsAre(6 * 9 * 20 * 32, 1, 9 * 20 * 32, 20 * 32, 32));
}

TEST(ConvolutionForm, the_result_is_smaller_by_the_stride_rounded_up) {
  const ConvolutionForm made = form(kOfAHalf);
  EXPECT_THAT(made.out.size, ElementsAre(1, 24, 6, 5, 10));
  EXPECT_THAT(made.out.stride, ElementsAre(6 * 5 * 10 * 40, 1, 5 * 10 * 40, 10 * 40, 40));
}

TEST(ConvolutionForm, weights_have_no_gaps) {
  const ConvolutionForm made = form(kOfAHalf);
  EXPECT_THAT(made.weights.size, ElementsAre(24, 16, 1, 3, 5));
  EXPECT_THAT(made.weights.stride, ElementsAre(15 * 16, 1, 15 * 16, 5 * 16, 16));
}

TEST(ConvolutionForm, padding_is_half_of_the_kernel_on_each_axis) {
  EXPECT_THAT(form(kOfAHalf).padding, ElementsAre(0, 1, 2));
  EXPECT_THAT(form(kOfAHalf).stride, ElementsAre(1, 2, 2));
}

TEST(ConvolutionForm, a_tensor_ends_with_its_last_voxels_channels) {
  EXPECT_EQ(span_bytes(form(kOfAHalf).in), (6 * 9 * 20 * 32 - 16) * sizeof(Half));
}

TEST(ConvolutionForm, without_gaps_the_pitches_are_the_channels) {
  const Convolution dense = without_gaps(kOfAHalf);
  EXPECT_EQ(dense.in_pitch, 16);
  EXPECT_EQ(dense.out_pitch, 24);
  EXPECT_EQ(without_gaps(dense), dense);
}

TEST(ConvolutionForm, refuses_what_octets_or_padding_cannot_be) {
  Convolution even = kOfAHalf, odd_channels = kOfAHalf, narrow = kOfAHalf, still = kOfAHalf;
  even.kernel = {2, 3, 3};
  odd_channels.in_channels = 12;
  narrow.out_pitch = 16;
  still.stride = {0, 1, 1};
  for (const Convolution& refused : {even, odd_channels, narrow, still}) {
    EXPECT_THAT(refusal([&] { form(refused); }, ErrorCode::unsupported), testing::HasSubstr("expected"));
  }
}

}  // namespace
}  // namespace sagittal::nn::cuda
