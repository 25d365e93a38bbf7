#include "nn/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::nn {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kConfiguration = R"({"patch_size": [8, 8, 8], "spacing": [3, 1, 1],
  "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 4, "unet_max_num_features": 8,
  "n_conv_per_stage_encoder": [1, 1], "n_conv_per_stage_decoder": [1],
  "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2]], "conv_kernel_sizes": [[3, 3, 3], [3, 3, 3]]})";

class Models : public testing::Test {
 protected:
  void write(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    write_file_atomically(root_ / path, as_bytes(text));
  }
  void add(const std::string& name) {
    write(name + "/plans.json",
          std::string(R"({"dataset_name": "Dataset001_Tiny", "configurations": {"3d_fullres": )") + kConfiguration +
              R"(, "3d_lowres": {"inherits_from": "3d_fullres"}}})");
    write(name + "/dataset.json", R"({"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}})");
    write(name + "/fold_0/checkpoint_final.pth", "");
    write(name + "/fold_1/progress.png", "");
    write(name + "/fold_all/checkpoint_best.pth", "");
  }

  const Scratch scratch_;
  const std::filesystem::path root_ = scratch_.path();
};

TEST_F(Models, AreDescribedFromTheirTexts) {
  add("nnUNetTrainer__nnUNetPlans__3d_fullres");
  const ModelFolder model = describe_model_folder(root_ / "nnUNetTrainer__nnUNetPlans__3d_fullres");
  EXPECT_EQ(model.kind, ModelKind::nnunet);
  EXPECT_EQ(model.name, "nnUNetTrainer__nnUNetPlans__3d_fullres");
  EXPECT_EQ(model.trainer, "nnUNetTrainer");
  EXPECT_EQ(model.configuration.name, "3d_fullres");
  EXPECT_THAT(model.configuration.spacing_mm, ElementsAre(3, 1, 1));
  EXPECT_THAT(model.folds, ElementsAre("0", "all"));
  EXPECT_EQ(model.dataset.name_of(1), "liver");
  EXPECT_EQ(model.licence, "!!MISSING!!");
}

TEST_F(Models, ALicenceMayLieAboveThePlansButNotAboveTheModel) {
  write("LICENSE", "of all models together");
  add("Dataset001_Tiny/nnUNetTrainer__nnUNetPlans__3d_fullres");
  const auto top = root_ / "Dataset001_Tiny", plans = top / "nnUNetTrainer__nnUNetPlans__3d_fullres";
  EXPECT_EQ(describe_model_folder(top).licence, "!!MISSING!!");
  EXPECT_EQ(describe_model_folder(plans, {}, scratch_ / "elsewhere").licence, "!!MISSING!!");
  write("Dataset001_Tiny/LICENSE", "\n  CC BY 4.0\n");
  EXPECT_EQ(describe_model_folder(top).licence, "CC BY 4.0");
  EXPECT_EQ(describe_model_folder(plans, {}, top.string() + "/").licence, "CC BY 4.0");
  EXPECT_EQ(describe_model_folder(plans).licence, "!!MISSING!!");
  write("Dataset001_Tiny/nnUNetTrainer__nnUNetPlans__3d_fullres/LICENSE", "MIT");
  EXPECT_EQ(describe_model_folder(top).licence, "MIT");
}

TEST_F(Models, TheFolderAboveWillDo) {
  add("Dataset001_Tiny/nnUNetTrainer__nnUNetPlans__3d_lowres");
  EXPECT_EQ(describe_model_folder(root_ / "Dataset001_Tiny").configuration.name, "3d_lowres");
  add("Dataset001_Tiny/nnUNetTrainer__nnUNetPlans__3d_fullres");
  EXPECT_EQ(find_model_folders(root_ / "Dataset001_Tiny").size(), 2U);
  EXPECT_ERROR(describe_model_folder(root_ / "Dataset001_Tiny"), ErrorCode::wrong_usage);
  EXPECT_EQ(describe_model_folder(root_ / "Dataset001_Tiny", "3d_fullres").configuration.name, "3d_fullres");
  EXPECT_ERROR(describe_model_folder(root_ / "Dataset001_Tiny", "2d"), ErrorCode::not_found);
}

TEST_F(Models, AnotherConfigurationThanTheFoldersIsRefused) {
  add("nnUNetTrainer__nnUNetPlans__3d_fullres");
  EXPECT_ERROR(describe_model_folder(root_, "3d_lowres"), ErrorCode::not_found);
}

TEST_F(Models, AFolderOfAnotherNameIsAskedFor) {
  add("liver");
  EXPECT_EQ(describe_model_folder(root_ / "liver", "3d_lowres").configuration.name, "3d_lowres");
  std::filesystem::remove_all(root_ / "liver/fold_0");
  std::filesystem::remove_all(root_ / "liver/fold_all");
  EXPECT_ERROR(describe_model_folder(root_ / "liver"), ErrorCode::wrong_usage);
}

TEST_F(Models, OneThatTakesPromptsIsToldApart) {
  add("liver");
  write("liver/inference_info.json", "{}");
  EXPECT_EQ(describe_model_folder(root_ / "liver", "3d_fullres").kind, ModelKind::nninteractive);
}

TEST_F(Models, AFolderWithoutOneIsNotFound) {
  EXPECT_THAT(find_model_folders(root_), IsEmpty());
  EXPECT_ERROR(describe_model_folder(root_), ErrorCode::not_found);
  EXPECT_ERROR(describe_model_folder(root_ / "nowhere"), ErrorCode::not_found);
}

}  // namespace
}  // namespace sagittal::nn
