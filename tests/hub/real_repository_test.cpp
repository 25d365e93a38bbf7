#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "hub/hub.h"
#include "hub/model_source.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A checkout of MHub's repository as it was at ff15765 (January 2026).
class RealRepository : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("SAGITTAL_MHUB");
    if (folder == nullptr) GTEST_SKIP() << "no checkout of github.com/MHubAI/models (SAGITTAL_MHUB)";
    found_ = find_in_folder(folder);
    Catalogue(scratch_ / "hub.db").replace(found_.cards, folder);
  }
  std::size_t count(const Query& query) { return hub_.list(query).at("models").size(); }
  const ModelCard& card(const std::string& name) const {
    return *std::find_if(found_.cards.begin(), found_.cards.end(), [&](const auto& c) { return c.name == name; });
  }

  const Scratch scratch_;
  Hub hub_{scratch_ / "hub.db", {}};
  FoundModels found_;
};

TEST_F(RealRepository, EveryFolderIsReadWithoutAWarning) {
  EXPECT_EQ(found_.cards.size(), 30u);
  EXPECT_THAT(found_.skipped, ElementsAre("thresholder"));
  EXPECT_THAT(found_.problems, IsEmpty());
  for (const ModelCard& card : found_.cards) EXPECT_THAT(card.warnings, IsEmpty()) << card.name;
}

TEST_F(RealRepository, QueriesGiveTheCountsOfTheCatalogue) {
  EXPECT_EQ(count({.modality = "CT"}), 20u);  // 14 alone, 2 with a segmentation, 3 with PET, 1 MR or CT
  EXPECT_EQ(count({.modality = "MR"}), 8u);   // 5 + 2 + 1
  EXPECT_EQ(count({.modality = "PT"}), 3u);
  EXPECT_EQ(count({.modality = "SM"}), 2u);
  EXPECT_EQ(count({.modality = "CR"}), 1u);
  EXPECT_EQ(count({.modality = "SEG"}), 2u);
  EXPECT_EQ(count({.licence = "non-commercial"}), 17u);
  EXPECT_EQ(count({.licence = "commercial"}), 13u);
  EXPECT_EQ(count({.engine = "nnunet_v1"}), 8u);
  EXPECT_EQ(count({.engine = "nnunet_v2"}), 1u);
  EXPECT_EQ(count({.engine = "totalsegmentator"}), 1u);
  EXPECT_EQ(count({.engine = "unknown"}), 0u);
  std::size_t segmentations = 0;
  const Json listed = hub_.list({});
  for (const Json& model : listed.at("models")) segmentations += model.at("kind") != "prediction";
  EXPECT_EQ(segmentations, 22u);
}

TEST_F(RealRepository, LabelsComeFromTheWorkflow) {
  const auto& structures = card("nnunet_segthor").outputs.at(0).structures;
  ASSERT_EQ(structures.size(), 4u);
  EXPECT_EQ(structures[3].id, "AORTA");
  EXPECT_EQ(structures[3].label, 4);
  for (const Structure& s : card("gc_lunglobes").outputs.at(0).structures) EXPECT_EQ(s.label, std::nullopt);
  EXPECT_EQ(card("totalsegmentator").outputs.at(0).structures.size(), 104u);
}

}  // namespace
}  // namespace sagittal::hub
