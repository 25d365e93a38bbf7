#include "hub/card_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "hub/card_json.h"
#include "hub/model_source.h"

namespace sagittal::hub {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ModelCard sample(const std::string& name) {
  const auto found = find_in_folder(SAGITTAL_SOURCE_DIR "/tests/hub/data/repository");
  for (const ModelCard& card : found.cards) {
    if (card.name == name) return card;
  }
  ADD_FAILURE() << "no sample " << name;
  return {};
}

ModelCard read(const std::string& meta, const std::string& workflow = "") {
  CardFiles files{.name = "x", .files = {{"meta.json", meta}}};
  if (!workflow.empty()) files.files["config/default.yml"] = workflow;
  return read_card(files);
}

TEST(CardReader, ACardHasAllThatItsMakersSay) {
  const ModelCard card = sample("lung_spots");
  EXPECT_EQ(card.title, "Lung Spots (sample)");
  EXPECT_EQ(card.version, "1.2.0");
  EXPECT_THAT(card.authors, ElementsAre("A. Tester", "B. Tester"));
  EXPECT_EQ(card.code_licence.id, "MIT");
  EXPECT_EQ(card.weights_licence.id, "CC-BY-NC-4.0");
  EXPECT_THAT(card.modalities(), ElementsAre("CT"));
  EXPECT_THAT(card.body_parts(), ElementsAre("Chest"));
  EXPECT_EQ(card.inputs.at(0).non_contrast, true);
  EXPECT_EQ(card.training_volumes, 12);
  EXPECT_EQ(card.evaluation_volumes, 3) << "a number that is written as text";
  ASSERT_EQ(card.sections.size(), 2u);
  EXPECT_EQ(card.sections[0].text, "For tests.\nFor nothing else.");
  EXPECT_EQ(card.sections[0].tables.at(0).entries.size(), 2u);
  EXPECT_EQ(card.sections[1].text, "It does not exist.") << "a section that is a text alone";
  EXPECT_EQ(card.test_data, "https://example.org/lung_spots.test.zip");
  EXPECT_EQ(card.image->name, "mhubai/lung_spots");
}

TEST(CardReader, TheWorkflowDecidesOnLabelsNotTheCard) {
  const ModelCard card = sample("lung_spots");
  EXPECT_EQ(card.engine, ModelEngine::nnunet_v1);
  ASSERT_EQ(card.workflows.size(), 2u) << "a file without steps is no workflow";
  EXPECT_EQ(card.workflows[0].name, "default");
  EXPECT_THAT(card.workflows[0].structures, ElementsAre("RIGHT_LUNG", "LEFT_LUNG", "LUNG+CYST"))
      << "a step's own parameters come first";
  EXPECT_THAT(card.workflows[0].outputs, ElementsAre("[i:sid]/lung_spots.seg.dcm"));
  EXPECT_THAT(card.workflows[1].layout, ElementsAre("image.nrrd@instance@nrrd:mod=ct"));
  const auto& structures = card.outputs.at(0).structures;
  ASSERT_EQ(structures.size(), 3u) << "what is outside all segments is no structure";
  EXPECT_EQ(structures[0].id, "RIGHT_LUNG");
  EXPECT_EQ(structures[0].label, 1);
  EXPECT_EQ(structures[2].id, "LUNG+CYST");
  EXPECT_EQ(structures[2].label, 3);
}

TEST(CardReader, WhereTheModelsOwnCodeDecidesLabelsAreUnknown) {
  const ModelCard card = sample("heart_pair");
  EXPECT_EQ(card.engine, ModelEngine::other);
  EXPECT_THAT(card.modalities(), ElementsAre("PT", "MR", "CT"));
  EXPECT_EQ(card.version, "2");
  EXPECT_EQ(entry_json(card).at("kind"), "both");
  for (const Structure& s : card.outputs.at(1).structures) EXPECT_EQ(s.label, std::nullopt);
}

TEST(CardReader, WarningsSayWhatIsWrongAndNothingElse) {
  EXPECT_THAT(sample("lung_spots").warnings,
              ElementsAre("meta.json: details.zenodo is no address that can be followed"));
  EXPECT_THAT(sample("heart_pair").warnings, ElementsAre("'NO_SUCH_PLACE' is not in the table of segments"));
  EXPECT_THAT(read("{}").warnings, IsEmpty()) << "what is missing is not wrong";
  EXPECT_THAT(read(R"({"name":"y"})").warnings, ElementsAre(HasSubstr("calls it 'y'")));
}

TEST(CardReader, WrongTypesLeaveTheRestOfTheCard) {
  const ModelCard card = read(R"({"title":["x"],"summary":{"description":7,"inputs":{"a":1},"outputs":["x",{"type":3,
    "classes":[["HEART"],"LIVER"]}],"model":"U-Net","data":{"training":{"vol_samples":-4}}},"details":{"version":1.5,
    "authors":"One","license":"MIT","publications":[1,{"title":"P","uri":"ftp://x"}]},"info":[]})");
  EXPECT_EQ(card.title, "x") << "the folder's name, where there is no title";
  EXPECT_EQ(card.summary, "7");
  EXPECT_EQ(card.version, "1.5");
  EXPECT_THAT(card.authors, ElementsAre("One"));
  EXPECT_EQ(card.outputs.size(), 2u);
  EXPECT_EQ(card.outputs[1].structures.at(0).id, "LIVER");
  EXPECT_EQ(card.publications.at(0).uri, "");
  EXPECT_THAT(card.warnings, Contains("meta.json: title is array, expected text"));
  EXPECT_THAT(card.warnings, Contains("meta.json: summary.inputs is object, expected a list"));
  EXPECT_THAT(card.warnings, Contains("meta.json: details.license is string, expected an object"));
  EXPECT_NO_THROW(card_json(card).dump());
}

TEST(CardReader, OfEqualKeysTheLastCounts) { EXPECT_EQ(read(R"({"title":"a","title":"b"})").title, "b"); }

TEST(CardReader, HugeCardsAreCut) {
  std::string classes = "\"A0\"";
  for (int n = 1; n < 5000; ++n) classes += ",\"A" + std::to_string(n) + "\"";
  const ModelCard card = read(R"({"title":")" + std::string(100'000, 't') +
                              R"(","summary":{"outputs":[{"type":"Segmentation","classes":[)" + classes + "]}]}}");
  EXPECT_LE(card.title.size(), 500u);
  EXPECT_LE(card.outputs.at(0).structures.size(), 2000u);
  EXPECT_LE(card.warnings.size(), 50u);
}

TEST(CardReader, WhatIsNoCardIsRefused) {
  for (const char* text : {"", "{", "[]", "\"x\"", "{\"a\":\xFF}"}) EXPECT_ERROR(read(text), ErrorCode::bad_input);
  EXPECT_ERROR(read(std::string(1000, '[')), ErrorCode::bad_input);
  EXPECT_ERROR(read_card({.name = "x", .files = {}}), ErrorCode::not_found);
  EXPECT_ERROR(read_card({.name = "../x", .files = {{"meta.json", "{}"}}}), ErrorCode::bad_input);
}

TEST(CardReader, ABrokenWorkflowIsAWarning) {
  const ModelCard card = read("{}", "execute: [");
  EXPECT_THAT(card.warnings, ElementsAre(HasSubstr("config/default.yml")));
  EXPECT_EQ(card.engine, ModelEngine::unknown);
  EXPECT_THAT(read("{}", "execute: {a: b}").warnings, ElementsAre(HasSubstr("no list of steps")));
  EXPECT_THAT(read("{}", "execute: [[a], {x: y}]").warnings, testing::SizeIs(3));
}

TEST(CardReader, OnlyFilesThatSaySomethingAreWanted) {
  for (const char* path : {"meta.json", "mhub.toml", "config/default.yml", "config/mha-pipeline.yml"})
    EXPECT_TRUE(CardFiles::wants(path)) << path;
  for (const char* path :
       {"utils/x.py", "config/meta.json", "config/a/b.yml", "config/.yml", "config/../x.yml", "README.md"})
    EXPECT_FALSE(CardFiles::wants(path)) << path;
}

TEST(WebApi, ModelsOfTheListAreRead) {
  std::vector<std::string> problems;
  const auto cards = read_web_api(R"({"data":[
    {"id":"1","name":"lung_a","label":"Lung A","description":"About lungs.","modalities":["CT"],"categories":["Segmentation"],
     "segmentations":["LEFT_LUNG"],"predictions":[],"inputs":[{"format":"DICOM","description":"A scan"}],
     "licence":{"model":"MIT","weights":"CC BY-NC 4.0"},"cite":"Us"},
    {"name":"Bad Name"}, 7,
    {"name":"risk","categories":["Prediction"],"predictions":[{"label":"Risk"}],"modalities":["MR"]}]})",
                                  problems);
  ASSERT_EQ(cards.size(), 2u);
  EXPECT_EQ(cards[0].title, "Lung A");
  EXPECT_EQ(cards[0].engine, ModelEngine::unknown);
  EXPECT_THAT(cards[0].modalities(), ElementsAre("CT"));
  EXPECT_EQ(commercial_use(cards[0]), false);
  EXPECT_EQ(cards[1].outputs.at(0).label, "Risk");
  EXPECT_THAT(cards[1].modalities(), ElementsAre("MR"));
  EXPECT_EQ(problems.size(), 2u);
  for (const char* text : {"{}", "3", "{\"data\":{}}", "<html>"})
    EXPECT_ERROR(read_web_api(text, problems), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::hub
