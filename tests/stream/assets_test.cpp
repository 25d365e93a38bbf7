#include "stream/assets.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include <fmt/format.h>

#include "expect_error.h"
#include "stream/pipeline_file.h"

namespace sagittal::stream {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kSha(64, 'a');
const std::string kAssets = fmt::format(
    "assets:\n  clip: {{url: \"https://example.org/a/clip.mha\", sha256: \"{0}\", bytes: 9, licence: {{name: MIT, url: "
    "\"https://example.org/l\"}}}}\n  net: {{url: \"https://example.org/net.h5\", sha256: \"{0}\", bytes: 7, licence: "
    "{{name: MIT, url: \"https://example.org/l\"}}, convert: {{from: keras, labels: [a, b]}}}}\n",
    kSha);
const std::string kOperators =
    "pipeline: 1\noperators:\n  source: {type: sequence_file, file: \"asset:clip\", repeat: true, stand_in: {type: "
    "phantom, seed: 3}}\n  model: {type: network, model: \"asset:net\"}\n";

/// A folder of assets in which `asset` is there.
class Folder {
 public:
  Folder() : path_(std::filesystem::path(::testing::TempDir()) / fmt::format("assets_{}", ::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  void put(const Asset& asset) const {
    std::filesystem::create_directories(folder_of(asset, path_));
    std::ofstream(folder_of(asset, path_) / "source.json") << record_of(asset).dump();
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Assets, AreReadWithAllThatTheyNeed) {
  const PipelineFile file = parse_pipeline(kOperators + kAssets, "test");
  ASSERT_EQ(file.assets.size(), 2u);
  EXPECT_EQ(file.assets[0].file, "clip.mha");
  EXPECT_EQ(file.assets[1].convert->labels, (std::vector<std::string>{"a", "b"}));
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"https://example.org/a/clip.mha", "file:///etc/passwd"},
      {"https://example.org/a/clip.mha", "https://example.org/a/.."},
      {"https://example.org/a/clip.mha", "https://example.org/a/"},
      {kSha, "aa"},
      {"bytes: 9", "bytes: 0"},
      {"bytes: 9", "bytes: 99999999999999999"},
      {"name: MIT", "name: \"\""},
      {"from: keras", "from: pickle"},
      {"bytes: 9", "bites: 9"},
      {"clip: {", "\"../clip\": {"}};
  for (const auto& [part, instead] : wrong) {
    std::string text = kOperators + kAssets;
    text.replace(text.find(part), part.size(), instead);
    SCOPED_TRACE(instead);
    EXPECT_ERROR(parse_pipeline(text, "test"), ErrorCode::bad_input);
  }
}

TEST(Assets, TheirPathsGoToOperators) {
  PipelineFile file = parse_pipeline(kOperators + kAssets, "test");
  const Folder folder;
  for (const Asset& asset : file.assets) folder.put(asset);
  EXPECT_THAT(missing_assets(file, folder.path()), IsEmpty());
  EXPECT_THAT(settle_assets(file, folder.path()), IsEmpty());
  EXPECT_EQ(file.operators[0].parameters.at("model"), folder_of(file.assets[1], folder.path()).string());
  EXPECT_EQ(file.operators[1].parameters.at("file"), (folder_of(file.assets[0], folder.path()) / "clip.mha").string());
}

TEST(Assets, AreNotThereWhereTheyWereConvertedOtherwise) {
  const PipelineFile file = parse_pipeline(kOperators + kAssets, "test");
  const Folder folder;
  folder.put(file.assets[1]);
  EXPECT_TRUE(is_there(file.assets[1], folder.path()));
  Asset other = file.assets[1];
  other.convert->flip_vertically = true;
  EXPECT_FALSE(is_there(other, folder.path()));
}

TEST(Assets, AStandInTakesTheSettingsThatAPersonGave) {
  PipelineFile file = parse_pipeline(kOperators + kAssets, "test");
  const Folder folder;
  EXPECT_EQ(missing_assets(file, folder.path()).size(), 2u);
  folder.put(file.assets[1]);
  override_setting(file, "source.frame_rate=5");
  const auto stood_in = settle_assets(file, folder.path());
  ASSERT_THAT(stood_in, ElementsAre(Field(&StoodIn::op, "source")));
  EXPECT_THAT(describe(stood_in[0]), HasSubstr("phantom"));
  EXPECT_EQ(file.operators[1].type, "phantom");
  EXPECT_EQ(file.operators[1].parameters, (Json{{"seed", 3}, {"frame_rate", 5}}));
}

TEST(Assets, AFileOfOnesOwnNeedsNone) {
  PipelineFile file = parse_pipeline(kOperators + kAssets, "test");
  override_setting(file, "source.file=mine.mha");
  override_setting(file, "model.model=mine");
  EXPECT_THAT(settle_assets(file, {}), IsEmpty());
  EXPECT_EQ(file.operators[1].type, "sequence_file");
}

TEST(Assets, WhatHasNoStandInIsRefused) {
  PipelineFile file = parse_pipeline(kOperators + kAssets, "test");
  EXPECT_ERROR(settle_assets(file, {}), ErrorCode::not_found);
  PipelineFile undeclared = parse_pipeline(kOperators, "test");
  EXPECT_ERROR(settle_assets(undeclared, {}), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::stream
