#include "hub/model_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "hub/card_json.h"
#include "io/gzip.h"
#include "scratch.h"
#include "tar_writer.h"

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kRepository = SAGITTAL_SOURCE_DIR "/tests/hub/data/repository";

std::vector<std::string> names(const FoundModels& found) {
  std::vector<std::string> out;
  for (const ModelCard& card : found.cards) out.push_back(card.name);
  return out;
}

/// The sample repository as an archive of it that a forge offers.
Bytes packed_repository() {
  TarWriter tar;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRepository)) {
    if (!entry.is_regular_file()) continue;
    const Bytes text = read_file(entry.path(), 1 << 20);
    tar.add("models-main/" + entry.path().lexically_relative(kRepository).string(), as_text(text));
  }
  return io::gzip(tar.finish());
}

TEST(ModelSource, ACheckoutAndItsArchiveHoldTheSameCards) {
  const FoundModels folder = find_in_folder(kRepository);
  const FoundModels archive = find_in_bytes(packed_repository());
  EXPECT_THAT(names(folder), ElementsAre("heart_pair", "lung_spots"));
  EXPECT_THAT(folder.skipped, ElementsAre("unfinished"));
  EXPECT_TRUE(folder.problems.empty());
  ASSERT_EQ(names(archive), names(folder));
  EXPECT_EQ(archive.skipped, folder.skipped);
  for (std::size_t n = 0; n < 2; ++n) EXPECT_EQ(card_json(archive.cards[n]), card_json(folder.cards[n]));
  EXPECT_EQ(names(find_in_folder(kRepository / "models")), names(folder)) << "the folder of models itself";
}

TEST(ModelSource, ABrokenModelCostsOnlyItself) {
  const Bytes archive = TarWriter()
                            .add("r/models/good/meta.json", "{}")
                            .add("r/models/bad/meta.json", "{")
                            .add("r/models/long/meta.json", std::string((1 << 20) + 1, ' '))
                            .add("r/models/Bad Name/meta.json", "{}")
                            .add("r/other/models.txt", "x")
                            .finish();
  const FoundModels found = find_in_bytes(archive);
  EXPECT_THAT(names(found), ElementsAre("good"));
  EXPECT_THAT(found.problems, ElementsAre(HasSubstr("Bad Name: "), HasSubstr("bad: meta.json: not JSON"),
                                          HasSubstr("long: meta.json is longer")));
}

TEST(ModelSource, LinksInACheckoutAreNotFollowed) {
  const Scratch scratch;
  std::filesystem::create_directories(scratch / "models/a/config");
  write_file_atomically(scratch / "models/a/meta.json", as_bytes("{}"));
  write_file_atomically(scratch / "secret.yml", as_bytes("execute: [Secret]"));
  std::filesystem::create_symlink(scratch / "secret.yml", scratch / "models/a/config/default.yml");
  std::filesystem::create_directory_symlink(scratch / "models/a", scratch / "models/b");
  const FoundModels found = find_in_folder(scratch.path());
  EXPECT_THAT(names(found), ElementsAre("a"));
  EXPECT_TRUE(found.cards[0].workflows.empty());
}

TEST(ModelSource, APlaceWithoutModelsIsSaid) {
  const Scratch scratch;
  EXPECT_ERROR(find_in_folder(scratch.path()), ErrorCode::not_found);
  EXPECT_ERROR(find_models((scratch / "none").string(), {}), ErrorCode::not_found);
  EXPECT_ERROR(find_in_bytes(TarWriter().add("a/b", "x").finish()), ErrorCode::not_found);
  EXPECT_ERROR(find_in_bytes(as_bytes("<!doctype html>")), ErrorCode::bad_input);
  EXPECT_ERROR(find_in_bytes(as_bytes("{\"data\":[]}")), ErrorCode::not_found);
  EXPECT_ERROR(find_models("http://127.0.0.1:1/models", {}), ErrorCode::unavailable);
}

}  // namespace
}  // namespace sagittal::hub
