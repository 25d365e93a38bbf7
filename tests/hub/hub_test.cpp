#include "hub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "expect_error.h"
#include "hub/card_json.h"
#include "hub/model_source.h"
#include "one_answer_server.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<ModelCard> samples() { return find_in_folder(SAGITTAL_SOURCE_DIR "/tests/hub/data/repository").cards; }

class HubTest : public testing::Test {
 protected:
  std::vector<std::string> names(const Query& query = {}) {
    std::vector<std::string> out;
    const Json listed = hub_.list(query);
    for (const Json& model : listed.at("models")) out.push_back(model.at("name"));
    return out;
  }
  void sync() { Catalogue(scratch_ / "hub.db").replace(samples(), "here"); }
  void add_local(const std::string& name) const {
    std::filesystem::create_directories(scratch_ / "models");
    std::filesystem::copy(SAGITTAL_SOURCE_DIR "/tests/parity/checkpoint", scratch_ / ("models/" + name),
                          std::filesystem::copy_options::recursive);
  }

  const Scratch scratch_;
  Hub hub_{scratch_ / "hub.db", {scratch_ / "models"}};
};

TEST_F(HubTest, BeforeTheFirstSyncThereAreOnlyLocalModels) {
  EXPECT_TRUE(hub_.list({}).at("synced").is_null());
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "hub.db")) << "a question makes no file";
  add_local("own");
  EXPECT_THAT(names(), ElementsAre("own"));
  EXPECT_EQ(hub_.card("own").at("source"), "local");
  EXPECT_EQ(hub_.card("own").at("engine"), "nninteractive");
  EXPECT_EQ(hub_.card("own").at("kind"), "interactive");
}

TEST_F(HubTest, ASyncByAnotherIsSeen) {
  EXPECT_THAT(names(), IsEmpty());
  sync();
  EXPECT_THAT(names(), ElementsAre("heart_pair", "lung_spots"));
  EXPECT_EQ(hub_.list({}).at("synced").at("from"), "here");
  EXPECT_EQ(hub_.summary().at("models"), 2);
  Catalogue(scratch_ / "hub.db").replace({samples()[1]}, "there");
  EXPECT_THAT(names(), ElementsAre("lung_spots"));
}

TEST_F(HubTest, FiltersAreJoined) {
  sync();
  EXPECT_THAT(names({.modality = "ct"}), ElementsAre("heart_pair", "lung_spots"));
  EXPECT_THAT(names({.modality = "MRI"}), ElementsAre("heart_pair"));
  EXPECT_THAT(names({.modality = "CT", .body_part = "chest"}), ElementsAre("lung_spots"));
  EXPECT_THAT(names({.structure = "left lung"}), ElementsAre("lung_spots"));
  EXPECT_THAT(names({.structure = "80891009"}), ElementsAre("heart_pair"));
  EXPECT_THAT(names({.licence = "non-commercial"}), ElementsAre("lung_spots"));
  EXPECT_THAT(names({.licence = "commercial"}), ElementsAre("heart_pair"));
  EXPECT_THAT(names({.licence = "cc-by"}), ElementsAre("lung_spots"));
  EXPECT_THAT(names({.engine = "nnunet_v1"}), ElementsAre("lung_spots"));
  EXPECT_THAT(names({.source = "local"}), IsEmpty());
  EXPECT_THAT(names({.licence = "commercial", .engine = "nnunet_v1"}), IsEmpty());
}

TEST_F(HubTest, WordsAreSoughtEverywhereAndNamesWeighMore) {
  sync();
  EXPECT_THAT(names({.text = "spots"}), ElementsAre("lung_spots"));
  EXPECT_THAT(names({.text = "Positr"}), ElementsAre("heart_pair")) << "the beginning of a word in an input's text";
  EXPECT_THAT(names({.text = "sample heart"}), ElementsAre("heart_pair")) << "all words";
  EXPECT_THAT(names({.text = "39607008"}), ElementsAre("lung_spots")) << "a code: lung structure";
  std::vector<ModelCard> cards = samples();
  cards[0].summary = "Not about spots at all.";
  Catalogue(scratch_ / "hub.db").replace(cards, "here");
  EXPECT_THAT(names({.text = "spots"}), ElementsAre("lung_spots", "heart_pair"));
}

TEST_F(HubTest, NoTextIsSyntax) {
  sync();
  for (const char* text :
       {"\"", "*", "a AND", "NEAR(", "name:", "-", "'; DROP TABLE model; --", "\xFF", "\xE2\x80\x94", "^x", "{a b}"}) {
    EXPECT_NO_THROW(names({.text = text})) << text;
  }
  EXPECT_EQ(names({.text = "* - \""}).size(), 2u) << "no words: all";
}

TEST_F(HubTest, WhatCannotBeAskedIsRefused) {
  EXPECT_ERROR(names({.engine = "nnunet"}), ErrorCode::bad_input);
  EXPECT_ERROR(names({.source = "web"}), ErrorCode::bad_input);
  EXPECT_ERROR(names({.text = std::string(201, 'x')}), ErrorCode::bad_input);
  EXPECT_ERROR(hub_.card("none"), ErrorCode::not_found);
  EXPECT_ERROR(hub_.card("../hub.db", "local"), ErrorCode::not_found);
}

TEST_F(HubTest, OneNameCanBeInBothPlaces) {
  sync();
  add_local("lung_spots");
  EXPECT_EQ(hub_.card("lung_spots").at("source"), "mhub");
  EXPECT_EQ(hub_.card("lung_spots", "local").at("source"), "local");
  EXPECT_ERROR(hub_.card("heart_pair", "local"), ErrorCode::not_found);
  EXPECT_EQ(names().size(), 3u);
}

TEST_F(HubTest, AFailedSyncLeavesTheListAsItWas) {
  sync();
  std::vector<ModelCard> twice = samples();
  twice.push_back(twice.front());
  EXPECT_ERROR(Catalogue(scratch_ / "hub.db").replace(twice, "there"), ErrorCode::io);
  EXPECT_THAT(names(), ElementsAre("heart_pair", "lung_spots"));
  EXPECT_EQ(hub_.list({}).at("synced").at("from"), "here");
}

TEST_F(HubTest, ADamagedListIsMadeAnew) {
  std::ofstream(scratch_ / "hub.db") << std::string(5000, 'x');
  EXPECT_THAT(names(), IsEmpty());
  sync();
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(HubTest, ABrokenLocalModelIsListedWithAWarning) {
  std::filesystem::create_directories(scratch_ / "models/broken");
  std::ofstream(scratch_ / "models/broken/plans.json") << "{";
  EXPECT_THAT(names(), ElementsAre("broken"));
  EXPECT_EQ(hub_.card("broken").at("warnings").size(), 1u);
}

TEST(Catalogue, KeepsCardsAsTheyWere) {
  const Scratch scratch;
  Catalogue(scratch / "hub.db").replace(samples(), "here");
  Catalogue again(scratch / "hub.db");
  ASSERT_EQ(again.synced()->models, 2);
  EXPECT_EQ(again.card("lung_spots"), card_json(samples()[1]));
  EXPECT_EQ(again.card("none"), std::nullopt);
}

TEST_F(HubTest, WorkflowsAreKeptAsTheyWereWritten) {
  EXPECT_ERROR(hub_.workflow("lung_spots", "default"), ErrorCode::not_found);
  sync();
  const std::string text = hub_.workflow("lung_spots", "default");
  const Bytes file =
      read_file(SAGITTAL_SOURCE_DIR "/tests/hub/data/repository/models/lung_spots/config/default.yml", 1 << 20);
  EXPECT_EQ(text, as_text(file));
  EXPECT_ERROR(hub_.workflow("nobody", "default"), ErrorCode::not_found);
  EXPECT_ERROR(hub_.workflow("lung_spots", "../x"), ErrorCode::wrong_usage);
  EXPECT_ERROR(hub_.workflow("lung_spots", "none", {}, "http://127.0.0.1:1"), ErrorCode::unavailable);
  Catalogue(scratch_ / "hub.db").add_workflow("lung_spots", "late", "execute: []");
  EXPECT_EQ(hub_.workflow("lung_spots", "late"), "execute: []");
}

TEST_F(HubTest, AWorkflowThatTheListLacksIsFetchedOnce) {
  ModelCard card = samples()[1];
  card.workflows.clear();  // as the web API lists models
  Catalogue(scratch_ / "hub.db").replace({card}, "the web");
  const std::string text = "execute: [DicomImporter]";
  {
    OneAnswerServer server("HTTP/1.1 200 OK\r\nContent-Length: 24\r\nConnection: close\r\n\r\n" + text);
    EXPECT_EQ(hub_.workflow("lung_spots", "default", {}, server.url()), text);
    EXPECT_EQ(server.asked(), "GET /models/lung_spots/config/default.yml HTTP/1.1");
  }
  EXPECT_EQ(hub_.workflow("lung_spots", "default", {}, "http://127.0.0.1:1"), text) << "kept";
  OneAnswerServer nothing("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_ERROR(hub_.workflow("lung_spots", "other", {}, nothing.url()), ErrorCode::not_found);
}

}  // namespace
}  // namespace sagittal::hub
