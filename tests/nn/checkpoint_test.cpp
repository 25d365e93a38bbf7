#include "nn/checkpoint.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "scratch.h"

namespace sagittal::nn {
namespace {

const std::filesystem::path kData = SAGITTAL_SOURCE_DIR "/tests/nn/data";

constexpr const char* kPlans = R"({"dataset_name": "Dataset001_Tiny", "configurations": {"3d_fullres": {
  "patch_size": [8, 8, 8], "spacing": [1, 1, 1], "normalization_schemes": ["ZScoreNormalization"],
  "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
    "arch_kwargs": {"n_stages": 2, "features_per_stage": [4, 8], "conv_op": "torch.nn.modules.conv.Conv3d",
      "kernel_sizes": [[3, 3, 3], [3, 3, 3]], "strides": [[1, 1, 1], [2, 2, 2]], "n_conv_per_stage": [1, 1],
      "n_conv_per_stage_decoder": [1], "conv_bias": true,
      "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d", "norm_op_kwargs": {"eps": 1e-05, "affine": true},
      "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": true}}}}}})";

/// A folder like those nnU-Net writes, around the tiny trainer's checkpoint.
class CheckpointFolder : public testing::Test {
 protected:
  void SetUp() override {
    write("plans.json", kPlans);
    write("dataset.json", R"({"channel_names": {"0": "CT", "1": "prompt"}, "labels": {"background": 0}})");
    add_fold("fold_0");
  }

  void write(const char* name, std::string_view text) { write_file_atomically(folder_ / name, as_bytes(text)); }
  void add_fold(const char* name) {
    std::filesystem::create_directory(folder_ / name);
    std::filesystem::copy_file(kData / "trainer.pth", folder_ / name / "checkpoint_final.pth");
  }
  void replace_in_plans(std::string_view from, std::string_view to) {
    std::string text = kPlans;
    text.replace(text.find(from), from.size(), to);
    write("plans.json", text);
  }

  const Scratch scratch_;
  const std::filesystem::path& folder_ = scratch_.path();
};

TEST_F(CheckpointFolder, IsReadAsItIs) {
  const Checkpoint checkpoint = open_checkpoint(folder_);
  EXPECT_EQ(checkpoint.name, folder_.filename());
  EXPECT_EQ(checkpoint.plans.dataset_name, "Dataset001_Tiny");
  EXPECT_EQ(checkpoint.configuration.name, "3d_fullres");
  EXPECT_EQ(checkpoint.configuration.normalization_schemes, std::vector<std::string>{"ZScoreNormalization"});
  EXPECT_EQ(checkpoint.trainer_name, "nnInteractiveTrainer_stub");
  EXPECT_EQ(checkpoint.network.input_channels, 2);
  EXPECT_EQ(checkpoint.image_channels, 2);
  EXPECT_EQ(checkpoint.weights.tensors.size(), parameters_of(checkpoint.network).size());
  EXPECT_EQ(open_checkpoint(folder_ / "").name, checkpoint.name);
}

TEST_F(CheckpointFolder, LicenceIsTheFirstLineOfItsFile) {
  EXPECT_EQ(open_checkpoint(folder_).licence, "!!MISSING!!");
  write("LICENSE", "\n  CC BY 4.0 \r\nmore\n");
  EXPECT_EQ(open_checkpoint(folder_).licence, "CC BY 4.0");
}

TEST_F(CheckpointFolder, ASecondFoldMustBeChosen) {
  add_fold("fold_all");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::wrong_usage);
  EXPECT_NO_THROW(open_checkpoint(folder_, {.fold = "all"}));
  EXPECT_ERROR(open_checkpoint(folder_, {.fold = "3"}), ErrorCode::not_found);
  EXPECT_ERROR(open_checkpoint(folder_, {.fold = "0", .file_name = "checkpoint_best.pth"}), ErrorCode::not_found);
}

TEST_F(CheckpointFolder, MissingPartsAreNotFound) {
  EXPECT_ERROR(open_checkpoint(folder_ / "nowhere"), ErrorCode::not_found);
  std::filesystem::remove_all(folder_ / "fold_0");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::not_found);
  std::filesystem::remove(folder_ / "dataset.json");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::not_found);
}

TEST_F(CheckpointFolder, PlansThatDoNotFitTheWeightsAreErrors) {
  replace_in_plans("\"features_per_stage\": [4, 8]", "\"features_per_stage\": [4, 9]");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::bad_input);
  replace_in_plans("\"n_conv_per_stage\": [1, 1]", "\"n_conv_per_stage\": [1, 2]");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::bad_input);
  replace_in_plans("\"conv_bias\": true", "\"conv_bias\": false");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::bad_input);
  replace_in_plans("\"3d_fullres\"", "\"3d_lowres\"");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::not_found);
}

TEST_F(CheckpointFolder, BrokenJsonIsAnError) {
  write("dataset.json", "[1]");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::bad_input);
  write("dataset.json", R"({"labels": {}})");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::bad_input);
  write("plans.json", "{");
  EXPECT_ERROR(open_checkpoint(folder_), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::nn
