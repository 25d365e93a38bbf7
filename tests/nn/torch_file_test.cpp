#include "nn/torch_file.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/json.h"
#include "expect_error.h"
#include "nn/forge.h"

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

TEST(TorchFile, OtherPicklesAreRefused) {
  EXPECT_ERROR(read_torch_bytes(as_bytes("\x80\x02]q"), nullptr, "old.pth"), ErrorCode::bad_input);
}

TorchFile read_forged(const forge::TensorClaim& claim, const std::string& extra = "") {
  const auto bytes = std::make_shared<const Bytes>(forge::checkpoint(forge::tensor(claim), extra));
  return read_torch_bytes(*bytes, bytes, "forged.pth");
}

TEST(TorchFile, ViewsWithStridesAreGathered) {
  EXPECT_EQ(to_float(*read_forged({}).weights.find("w")), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(to_float(*read_forged({.shape = {2, 2}, .strides = {1, 2}}).weights.find("w")),
            (std::vector<float>{1, 3, 2, 4}));
  EXPECT_EQ(to_float(*read_forged({.offset = 1, .shape = {2}, .strides = {2}}).weights.find("w")),
            (std::vector<float>{2, 4}));
}

TEST(TorchFile, TensorsOutsideTheirStorageAreErrors) {
  constexpr std::int64_t huge = INT64_MAX;
  for (const forge::TensorClaim& claim : std::vector<forge::TensorClaim>{
           {.offset = 1},
           {.offset = -1},
           {.offset = huge},
           {.shape = {5}},
           {.shape = {-4}},
           {.shape = {huge, huge}, .strides = {1, 1}},
           {.shape = {2, 2}, .strides = {3, 1}},
           {.shape = {2, 2}, .strides = {huge, huge}},
           {.shape = {2, 2}, .strides = {-1, 1}},
           {.shape = {2, 2}},
           {.shape = {1000000}, .strides = {0}},
           {.shape = std::vector<std::int64_t>(9, 1), .strides = std::vector<std::int64_t>(9, 1)},
           {.storage_elements = 5},
           {.storage_elements = -1},
           {.storage_elements = huge},
           {.storage_class = "DoubleStorage"},
       }) {
    EXPECT_ERROR(read_forged(claim), ErrorCode::bad_input);
  }
  EXPECT_ERROR(read_forged({.key = "1"}), ErrorCode::not_found);
  EXPECT_ERROR(read_forged({.key = "../data.pkl"}), ErrorCode::not_found);
  EXPECT_ERROR(read_forged({.storage_class = "QuantisedStorage"}), ErrorCode::unsupported);
}

TEST(TorchFile, UntypedStoragesTakeTheTypeBesideThem) {
  const auto code = [](const std::string& type) {
    return "ctorch._utils\n_rebuild_tensor_v3\n((" + forge::text("storage") + "ctorch.storage\nUntypedStorage\n" +
           forge::text("0") + forge::text("cpu") + forge::integer(16) + "tQ" + forge::integer(0) + forge::tuple({2}) +
           forge::tuple({1}) + "\x89" + "ccollections\nOrderedDict\n)Rctorch\n" + type + "\ntR";
  };
  const Bytes bytes = forge::checkpoint(code("float64"));
  const TorchFile file = read_torch_bytes(bytes, nullptr, "v3.pth");
  EXPECT_EQ(file.weights.find("w")->dtype, DType::f64);
  EXPECT_TRUE(file.foreign_names.empty());
  const Bytes odd = forge::checkpoint(code("complex64"));
  EXPECT_ERROR(read_torch_bytes(odd, nullptr, "v3.pth"), ErrorCode::unsupported);
}

TEST(TorchFile, CodeIsNamedAndIgnored) {
  const TorchFile file = read_forged({}, forge::text("logging") + "cos\nsystem\n" + forge::text("true") + "\x85R");
  EXPECT_EQ(file.foreign_names, std::set<std::string>{"os.system"});
  const Bytes bytes = forge::checkpoint("cos\nsystem\n" + forge::text("true") + "\x85R");
  EXPECT_ERROR(read_torch_bytes(bytes, nullptr, "forged.pth"), ErrorCode::bad_input);
}

TEST(TorchFile, ArchivesThatAreNoCheckpointsSaySo) {
  const auto read = [](const forge::Entries& entries) {
    const Bytes bytes = forge::zip(entries);
    return read_torch_bytes(bytes, nullptr, "forged.pth");
  };
  EXPECT_ERROR(read({{"a/other", as_bytes("x")}}), ErrorCode::bad_input);
  EXPECT_ERROR(read({{"a/data.pkl", as_bytes("\x80\x02}.")}}), ErrorCode::bad_input);
  EXPECT_ERROR(read({{"a/data.pkl", as_bytes("\x80\x02}.")}, {"a/byteorder", as_bytes("big")}}),
               ErrorCode::unsupported);
}

}  // namespace
}  // namespace sagittal::nn
