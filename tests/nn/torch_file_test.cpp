#include "nn/torch_file.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/json.h"
#include "expect_error.h"

namespace sagittal::nn {
namespace {

const std::filesystem::path kData = SAGITTAL_SOURCE_DIR "/tests/nn/data";

class SavedByTorch : public testing::TestWithParam<const char*> {};

TEST_P(SavedByTorch, ReadsAsTorchSaysIt) {
  const Bytes text = read_file(kData / "expected.json", 1 << 20);
  const Json expected = parse_json(as_text(text), "expected.json")[GetParam()];
  const TorchFile file = read_torch_file(kData / GetParam());
  EXPECT_EQ(file.trainer_name, expected["trainer_name"]);
  EXPECT_EQ(file.configuration, expected["configuration"]);
  EXPECT_EQ(file.weights.tensors.size(), expected["tensors"].size());
  EXPECT_TRUE(file.foreign_names.empty()) << *file.foreign_names.begin();
  for (const auto& [key, row] : expected["tensors"].items()) {
    const std::string name = key.starts_with("module._orig_mod.") ? key.substr(17) : key;
    const TensorView* tensor = file.weights.find(name);
    ASSERT_NE(tensor, nullptr) << name;
    EXPECT_EQ(name_of(tensor->dtype), row["dtype"]) << name;
    EXPECT_EQ(Json(tensor->shape), row["shape"]) << name;
    const std::vector<float> values = to_float(*tensor);
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    EXPECT_NEAR(sum, row["sum"].get<double>(), 1e-6) << name;
    for (std::size_t i = 0; i < row["first"].size(); ++i) {
      EXPECT_FLOAT_EQ(values.at(i), row["first"][i].get<float>()) << name;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Files, SavedByTorch, testing::Values("trainer.pth", "types.pth"),
                         [](const auto& c) { return std::string(c.param, 5); });

TEST(TorchFile, RemembersTheMirroringAxes) {
  EXPECT_EQ(read_torch_file(kData / "trainer.pth").mirroring_axes, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(read_torch_file(kData / "types.pth").mirroring_axes, std::nullopt);
}

TEST(TorchFile, EveryTruncationIsAnError) {
  const Bytes whole = read_file(kData / "types.pth", 1 << 20);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    const ByteView part(whole.data(), size);
    EXPECT_ERROR(read_torch_bytes(part, nullptr, "cut.pth"), ErrorCode::bad_input);
  }
}

TEST(TorchFile, FilesOfOldTorchSaySo) {
  EXPECT_ERROR(read_torch_bytes(as_bytes("\x80\x02]q"), nullptr, "old.pth"), ErrorCode::unsupported);
}

}  // namespace
}  // namespace sagittal::nn
