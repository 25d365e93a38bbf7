#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <gmock/gmock.h>

#include "nn/cuda/device/launch.h"
#include "nn/cuda/device/plan.h"
#include "nn/cuda/device/refusal.h"
#include "nn/cuda/device/status.h"

namespace sagittal::nn::cuda {
namespace {

bool there_is_a_card() {
  int count = 0;
  const bool there = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  cudaGetLastError();
  return there;
}

bool loadable(const char* library) { return dlopen(library, RTLD_LAZY) != nullptr; }

TEST(Cards, none_are_found_without_a_driver_or_a_card) {
  if (there_is_a_card()) GTEST_SKIP() << "there is one";
  EXPECT_TRUE(open_cards().empty());
}

TEST(Cards, on_a_machine_with_some_all_have_a_name_and_memory) {
  if (!there_is_a_card()) GTEST_SKIP() << "no card here";
  for (const auto& card : open_cards()) {
    EXPECT_FALSE(card->name().empty());
    EXPECT_GT(card->free_bytes(), 0u);
    EXPECT_THAT(refusal([&] { card->allocate(std::size_t{1} << 50); }, ErrorCode::too_large),
                testing::HasSubstr("out of memory"));
  }
}

TEST(Cards, a_kernel_without_a_card_is_an_error_with_the_text_of_cuda) {
  if (there_is_a_card()) GTEST_SKIP() << "there is one";
  std::vector<float> floats(8);
  const Kernel kernel = Fold{floats.data(), nullptr, nullptr, floats.data(), 1, 1, 0, 4};
  EXPECT_THAT(refusal([&] { check(launch(kernel, nullptr), "starting a kernel"); }, ErrorCode::internal),
              testing::HasSubstr("starting a kernel: CUDA driver"));
}

TEST(CudaStatus, missing_memory_is_too_large) {
  EXPECT_THAT(refusal([&] { check(cudaErrorMemoryAllocation, "allocating"); }, ErrorCode::too_large),
              testing::HasSubstr("allocating: out of memory"));
}

TEST(CudaStatus, all_else_is_internal) {
  EXPECT_THAT(refusal([&] { check(cudaErrorIllegalAddress, "waiting"); }, ErrorCode::internal),
              testing::HasSubstr("illegal memory access"));
}

TEST(CudnnLibrary, where_it_is_missing_the_error_says_what_to_install) {
  EXPECT_THAT(refusal([&] { load_cudnn("libcudnn_that_is_not_there.so.9"); }, ErrorCode::unsupported),
              testing::HasSubstr("pip install nvidia-cudnn-cu"));
}

TEST(CudnnLibrary, another_library_of_that_name_is_refused) {
  EXPECT_THAT(refusal([&] { load_cudnn("libm.so.6"); }, ErrorCode::unsupported),
              testing::HasSubstr("cudnnGetVersion is not in it"));
}

TEST(CudnnLibrary, its_statuses_keep_their_kind_and_text) {
  if (!loadable("libcudnn.so.9")) GTEST_SKIP() << "no cuDNN here";
  EXPECT_THAT(
      refusal([&] { check(CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED, "opening"); }, ErrorCode::too_large),
      testing::HasSubstr("opening"));
  EXPECT_THAT(refusal([&] { check(CUDNN_STATUS_EXECUTION_FAILED, "convolving"); }, ErrorCode::internal),
              testing::HasSubstr("CUDNN_STATUS_EXECUTION_FAILED"));
}

TEST(CudnnLibrary, without_a_card_a_handle_is_a_clear_error) {
  if (!loadable("libcudnn.so.9")) GTEST_SKIP() << "no cuDNN here";
  if (there_is_a_card()) GTEST_SKIP() << "there is a card";
  EXPECT_THAT(refusal([&] { make_cudnn_handle(); }, ErrorCode::internal),
              testing::HasSubstr("CUDNN_STATUS_NOT_INITIALIZED"));
}

TEST(CudnnLibrary, takes_convolutions_as_networks_have_them) {
  if (!loadable("libcudnn.so.9")) GTEST_SKIP() << "no cuDNN here";
  if (!loadable("libcuda.so.1")) GTEST_SKIP() << "cuDNN looks at convolutions only where there is a driver";
  for (const Convolution& one : std::vector<Convolution>{{{192, 192, 192}, {3, 3, 3}, {1, 1, 1}, 8, 32, 8, 64},
                                                         {{192, 192, 192}, {3, 3, 3}, {2, 2, 2}, 32, 64, 64, 64},
                                                         {{40, 224, 224}, {1, 3, 3}, {1, 2, 2}, 32, 64, 32, 64},
                                                         {{6, 6, 6}, {1, 1, 1}, {1, 1, 1}, 320, 2560, 320, 2560},
                                                         {{1, 512, 512}, {1, 7, 7}, {1, 1, 1}, 8, 16, 8, 16}}) {
    EXPECT_NO_THROW(describe(form(one)));
  }
}

TEST(CudnnLibrary, refuses_a_result_of_the_wrong_size) {
  if (!loadable("libcudnn.so.9")) GTEST_SKIP() << "no cuDNN here";
  if (!loadable("libcuda.so.1")) GTEST_SKIP() << "cuDNN looks at convolutions only where there is a driver";
  ConvolutionForm wrong = form({{16, 16, 16}, {3, 3, 3}, {1, 1, 1}, 8, 8, 8, 8});
  wrong.out.size[4] = 15;
  EXPECT_THAT(refusal([&] { describe(wrong); }, ErrorCode::internal), testing::HasSubstr("CUDNN_STATUS_BAD_PARAM"));
}

}  // namespace
}  // namespace sagittal::nn::cuda
