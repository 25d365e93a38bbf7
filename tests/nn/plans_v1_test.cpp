#include "nn/plans_v1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/checkpoint.h"
#include "nn/forge.h"
#include "nn/model_folder.h"
#include "nn/pickle.h"
#include "nn/plain_pickle.h"
#include "nn/torch_file.h"

namespace sagittal::nn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kModels = SAGITTAL_SOURCE_DIR "/tests/parity/nnunet1";
const std::filesystem::path kCascade =
    kModels / "cascade/3d_cascade_fullres/Task007_cascade/nnUNetTrainerV2CascadeFullRes__nnUNetPlansv2.1";
const std::filesystem::path kOldFile =
    kModels / "3d/3d_fullres/Task002_3d/nnUNetTrainerV2__nnUNetPlansv2.1/fold_0/model_final_checkpoint.model";

Json json_of_code(const std::string& code) { return json_of(Pickle(as_bytes(code), "test.pkl").root(), "test.pkl"); }

std::string dtype(const std::string& name) {
  return "cnumpy\ndtype\n" + forge::text(name) + "\x88\x89\x87R(K\x03" + forge::text("<") +
         "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK" + std::string("\0", 1) + "tb";
}
std::string bytes(const std::string& content) {
  return "C" + std::string(1, static_cast<char>(content.size())) + content;
}

TEST(PlainPickle, NumbersOfNumPyAreNumbers) {
  const std::string scalar =
      "cnumpy.core.multiarray\nscalar\n" + dtype("f8") + bytes(std::string("\0\0\0\0\0\0\xf8\x3f", 8)) + "\x86R";
  EXPECT_EQ(json_of_code(forge::pickle(scalar)), Json(1.5));
  const std::string array = "cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\x02K\x02\x86" + dtype("i2") + "\x89" +
                            bytes(std::string("\1\0\2\0\xff\xff\4\0", 8)) + "tb";
  EXPECT_EQ(json_of_code(forge::pickle(array)), Json::parse("[[1, 2], [-1, 4]]"));
}

TEST(PlainPickle, ArraysThatClaimMoreThanTheyHoldAreRefused) {
  const std::string array = "cnumpy.core.multiarray\n_reconstruct\n)R(K\x01K\xff\x85" + dtype("f8") + "\x89" +
                            bytes(std::string(8, '\0')) + "tb";
  EXPECT_ERROR(json_of_code(forge::pickle(array)), ErrorCode::bad_input);
  const std::string empty_rows = "cnumpy.core.multiarray\n_reconstruct\n)R(K\x01J\xff\xff\xff\x7fK" +
                                 std::string("\0", 1) + "\x86" + dtype("f8") + "\x89" + bytes("") + "tb";
  EXPECT_ERROR(json_of_code(forge::pickle(empty_rows)), ErrorCode::too_large);
}

TEST(PlainPickle, SharedListsCannotGrowWithoutEnd) {
  std::string code = "]q" + std::string("\0", 1);
  for (char n = 1; n < 40; ++n) {
    code += "](h" + std::string(1, static_cast<char>(n - 1)) + "h" + std::string(1, static_cast<char>(n - 1)) + "eq" +
            std::string(1, n);
  }
  EXPECT_ERROR(json_of_code(forge::pickle(code)), ErrorCode::too_large);
  EXPECT_ERROR(json_of_code(forge::pickle(")" + std::string(100, '\x85'))), ErrorCode::too_large);
}

TEST(PlainPickle, CallsOfOtherCodeAreNothing) {
  EXPECT_EQ(json_of_code(forge::pickle("cos\nsystem\n" + forge::text("true") + "\x85R")), Json(nullptr));
}

TEST(PlansV1, AreToldAsVersionTwoTellsThem) {
  const ModelFolder model = describe_model_folder(kCascade);
  EXPECT_EQ(model.generation(), 1);
  EXPECT_EQ(model.trainer, "nnUNetTrainerV2CascadeFullRes");
  EXPECT_EQ(model.plans.plans_name, "nnUNetPlansv2.1");
  EXPECT_EQ(model.plans.dataset_name, "Task007_cascade");
  EXPECT_THAT(model.plans.configuration_names(), ElementsAre("3d_cascade_fullres", "3d_fullres", "3d_lowres"));
  EXPECT_EQ(model.configuration.name, "3d_cascade_fullres");
  EXPECT_EQ(model.configuration.previous_stage, "3d_lowres");
  EXPECT_THAT(model.configuration.patch_size, ElementsAre(16, 16, 16));
  EXPECT_THAT(model.configuration.spacing_mm, ElementsAre(1.0, 1.1, 1.0));
  EXPECT_THAT(model.configuration.normalization_schemes, ElementsAre("nonCT"));
  EXPECT_THAT(model.folds, ElementsAre("0"));
  EXPECT_THAT(model.dataset.foreground(), ElementsAre(1, 2));
  EXPECT_EQ(model.dataset.name_of(2), "label 2");
}

TEST(PlansV1, FoldersAreFoundBelowTheirConfigurations) {
  EXPECT_EQ(find_model_folders(kModels / "cascade").size(), 2U);
  EXPECT_ERROR(describe_model_folder(kModels / "cascade"), ErrorCode::wrong_usage);
  EXPECT_EQ(describe_model_folder(kModels / "cascade", "3d_lowres").configuration.name, "3d_lowres");
  EXPECT_EQ(describe_model_folder(kCascade.parent_path()).folder, kCascade);
}

TEST(PlansV1, OutsideTheUsualFoldersTheCheckpointTellsTheConfiguration) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "sagittal-v1-model";
  std::filesystem::remove_all(folder);
  std::filesystem::copy(kCascade, folder, std::filesystem::copy_options::recursive);
  EXPECT_EQ(describe_model_folder(folder).configuration.name, "3d_cascade_fullres");
  std::filesystem::remove(folder / "fold_0/model_final_checkpoint.model.pkl");
  EXPECT_ERROR(describe_model_folder(folder), ErrorCode::wrong_usage);
  EXPECT_EQ(describe_model_folder(folder, "3d_fullres").configuration.name, "3d_fullres");
  std::filesystem::remove_all(folder);
}

TEST(PlansV1, TheCheckpointHasEveryLayerAndNoBiasWhereThereIsNone) {
  const Checkpoint checkpoint = open_checkpoint(kCascade);
  EXPECT_EQ(checkpoint.network.input_channels, 3);  // the image and the labels of the stage before
  EXPECT_TRUE(checkpoint.network.kernel_of_below);
  EXPECT_EQ(checkpoint.mirroring_axes, (std::vector<int>{0, 1, 2}));
  const TensorView* bias = checkpoint.weights.find("decoder.transpconvs.0.bias");
  ASSERT_NE(bias, nullptr);
  EXPECT_THAT(to_float(*bias), testing::Each(0.0f));
}

TEST(PlansV1, TrainersWithNetworksOfTheirOwnAreRefused) {
  check_trainer_v1("nnUNetTrainerV2_ep4000_nomirror");
  EXPECT_ERROR(check_trainer_v1("nnUNetTrainerV2_GeLU"), ErrorCode::unsupported);
  EXPECT_ERROR(check_trainer_v1("nnUNetTrainerV2_ResencUNet_DA3"), ErrorCode::unsupported);
  EXPECT_ERROR(check_trainer_v1("SomebodysTrainer"), ErrorCode::unsupported);
  EXPECT_THAT(mirroring_axes_v1("nnUNetTrainerV2_ep4000_nomirror", 3), testing::IsEmpty());
  EXPECT_THAT(mirroring_axes_v1("nnUNetTrainerV2", 2), ElementsAre(0, 1));
}

TEST(PlansV1, WeightsOfOtherNetworksAreRefused) {
  const UNet network = describe_model_folder(kCascade).configuration.network;
  StateDict weights;
  weights.add("conv_blocks_context.9.blocks.0.conv.weight", {1}, {1.0f});
  EXPECT_ERROR(weights_from_v1(weights, network), ErrorCode::bad_input);
}

TEST(TorchFile, RowsOfPicklesAreReadToo) {
  const TorchFile file = read_torch_file(kOldFile);
  const TensorView* first = file.weights.find("conv_blocks_context.0.blocks.0.conv.weight");
  ASSERT_NE(first, nullptr);
  EXPECT_THAT(first->shape, ElementsAre(4, 1, 3, 3, 3));
  EXPECT_TRUE(file.foreign_names.empty()) << *file.foreign_names.begin();
}

TEST(TorchFile, EveryTruncationOfARowOfPicklesIsAnError) {
  const Bytes whole = read_file(kOldFile, 1 << 20);
  for (std::size_t size = 1; size < whole.size(); size += 211) {
    EXPECT_ERROR(read_torch_bytes({whole.data(), size}, nullptr, "cut.model"), ErrorCode::bad_input);
  }
}

}  // namespace
}  // namespace sagittal::nn
