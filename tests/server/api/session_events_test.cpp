#include <gmock/gmock.h>

#include "base/base64.h"
#include "server/api/api_server.h"
#include "server/api/native_api.h"

namespace sagittal::server {
namespace {

using testing::ElementsAre;

const std::string kClick = R"({"type":"point","ijk":[5,6,7]})";

/// A stroke through most of the image: it is looked at from afar first, then refined in several patches.
std::string wide_stroke() {
  const std::vector<std::uint8_t> voxels(static_cast<std::size_t>(13 * 12 * 10), 1);
  const Json prompt{
      {"type", "scribble"}, {"bounds", {{1, 14}, {1, 13}, {1, 11}}}, {"mask", encode_base64(pack_bits(voxels))}};
  return prompt.dump();
}

class SessionEventsTest : public testing::Test {
 protected:
  struct Place {
    std::string id = {}, segment = {};
  };
  Place open(const std::string& owner = "") {
    Place place;
    place.id = server_.open(owner);
    place.segment = "/sessions/" + place.id + "/segments/1";
    server_.ask("POST", "/sessions/" + place.id + "/segments", Json::object(), 201, owner);
    return place;
  }

  /// Answers as JSON, errors too.
  Json post(const Place& place, const std::string& body, const std::string& query = "") {
    return answer(server_.send("POST", place.segment + "/prompts" + query, body));
  }
  static Json answer(const http::Response& response) { return parse_json(as_text(response.bytes()), "answer"); }

  std::vector<std::uint8_t> mask(const Place& place) {
    std::vector<std::uint8_t> whole(static_cast<std::size_t>(15 * 14 * 12));
    paste_reply(server_.ask("GET", place.segment + "/mask?format=bits"), whole);
    return whole;
  }

  /// What a listener has drawn that only pastes masks as they come.
  static std::vector<std::uint8_t> drawn(const ApiListener& listener) {
    std::vector<std::uint8_t> whole(static_cast<std::size_t>(15 * 14 * 12));
    for (const Json& event : listener.events()) {
      if (event.at("type") != "mask") continue;
      paste_reply(event, whole);
      EXPECT_EQ(std::count(whole.begin(), whole.end(), 1), event.at("voxels").get<std::int64_t>());
    }
    return whole;
  }

  static std::vector<std::string> types(const ApiListener& listener) {
    std::vector<std::string> types;
    for (const Json& event : listener.events()) {
      const std::string type = event.at("type");
      const bool coarse = event.value("coarse", false);
      if (type != "progress") types.push_back(coarse ? "coarse" : type);
    }
    return types;
  }

  /// Calls `act` when the network runs for the `n`th time from now on.
  void at_pass(int n, std::function<void()> act) {
    server_.network().inputs.clear();
    server_.network().before_run = [this, n, act](int pass) {
      if (pass != n) return;
      const auto last_wish = act;  // what is running goes with the next line
      ApiServer& server = server_;
      server.network().before_run = nullptr;
      last_wish();
    };
  }

  ApiServer server_{true};
};

TEST_F(SessionEventsTest, TheFirstOneTellsTheRevision) {
  const Place place = open();
  post(place, kClick);
  const ApiListener listener = server_.listen(place.id);
  EXPECT_THAT(types(listener), ElementsAre("hello"));
  EXPECT_EQ(listener.events()[0]["revision"], server_.ask("GET", "/sessions/" + place.id)["revision"]);
}

TEST_F(SessionEventsTest, ThereAreNoneOfUnknownOrForeignSessions) {
  const Place place = open("alice");
  EXPECT_EQ(server_.send("GET", "/sessions/0123456789abcdef0123456789abcdef/events").status, 404);
  EXPECT_EQ(server_.send("GET", "/sessions/" + place.id + "/events", "", {}, "bob").status, 404);
  EXPECT_EQ(server_.listen(place.id, "alice").events().size(), 1u);
}

TEST_F(SessionEventsTest, EveryChangeIsTold) {
  const Place place = open();
  const ApiListener listener = server_.listen(place.id);
  const Json reply = post(place, kClick);
  const Json event = listener.events().back();
  EXPECT_EQ(event["type"], "mask");
  EXPECT_EQ(event["segment"], 1);
  EXPECT_EQ(event["coarse"], false);
  for (const char* key : {"request", "revision", "bounds", "mask", "voxels", "volume_ml", "can_undo", "can_redo"}) {
    EXPECT_EQ(event[key], reply[key]) << key;
  }
  for (const char* step : {"undo", "redo", "reset"}) {
    const Json stepped = server_.ask("POST", place.segment + "/" + step);
    EXPECT_EQ(listener.events().back()["mask"], stepped["mask"]) << step;
    EXPECT_EQ(listener.events().back()["revision"], stepped["revision"]) << step;
  }
  server_.ask("PATCH", place.segment, {{"name", "a"}});
  EXPECT_EQ(listener.events().back()["type"], "segments");
  EXPECT_EQ(listener.events().back()["segments"][0]["name"], "a");
  server_.send("DELETE", "/sessions/" + place.id);
  EXPECT_EQ(listener.events().back()["type"], "closed");
  EXPECT_EQ(listener.reader->closed, 1000);
}

TEST_F(SessionEventsTest, APredictionShowsItsProgressAndACoarseMaskFirst) {
  const Place place = open();
  const ApiListener listener = server_.listen(place.id), other = server_.listen(place.id);
  const Json reply = post(place, wide_stroke());
  EXPECT_GT(reply["passes"], 2);
  EXPECT_THAT(types(listener), ElementsAre("hello", "coarse", "mask"));
  EXPECT_EQ(drawn(listener), mask(place));
  EXPECT_EQ(types(other), types(listener));
  std::string stage;
  double fraction = 0;
  std::vector<std::string> stages;
  for (const Json& event : listener.events()) {
    if (event["type"] == "hello") continue;
    EXPECT_EQ(event["request"], reply["request"]);
    if (event["type"] != "progress") continue;
    if (event["stage"] != stage) {
      stages.push_back(stage = event["stage"]);
      fraction = 0;
    }
    EXPECT_GE(event["fraction"], fraction);
    fraction = event["fraction"];
    EXPECT_LE(fraction, 1);
  }
  EXPECT_THAT(stages, ElementsAre("zooming", "refining"));
}

TEST_F(SessionEventsTest, AStoppedPredictionLeavesNothing) {
  const Place place = open();
  post(place, kClick);
  const auto before = mask(place);
  const ApiListener listener = server_.listen(place.id);
  at_pass(2, [&] { EXPECT_EQ(server_.send("DELETE", place.segment + "/prediction").status, 204); });
  const http::Response response = server_.send("POST", place.segment + "/prompts", wide_stroke());
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(answer(response)["error"]["code"], "cancelled");
  EXPECT_EQ(answer(response)["error"]["details"]["superseded"], false);
  EXPECT_EQ(server_.network().inputs.size(), 2u) << "no pass more";
  EXPECT_EQ(mask(place), before);
  EXPECT_EQ(server_.ask("GET", place.segment)["prompts"], 1);
  EXPECT_THAT(types(listener), ElementsAre("hello", "coarse", "mask", "error"));
  EXPECT_EQ(listener.events().back()["error"], answer(response)["error"]);
  auto seen = before;
  for (const Json& event : listener.events()) {
    if (event["type"] == "mask") paste_reply(event, seen);
  }
  EXPECT_EQ(seen, before) << "the preview was taken back";
  EXPECT_EQ(server_.send("DELETE", place.segment + "/prediction").status, 204) << "nothing runs";
}

TEST_F(SessionEventsTest, ASessionOrSegmentThatGoesTakesItsPredictionWithIt) {
  for (const char* below : {"", "/segments/1"}) {
    const Place place = open();
    std::function<http::Response()> removal;
    at_pass(1, [&] { removal = server_.arrive("DELETE", "/sessions/" + place.id + below); });
    EXPECT_EQ(server_.send("POST", place.segment + "/prompts", wide_stroke()).status, 409);
    EXPECT_EQ(removal().status, 204);
  }
}

TEST_F(SessionEventsTest, ASupersededPromptCountsForTheNewerOne) {
  const Place place = open(), recorded = open();
  ApiListener listener = server_.listen(place.id);
  std::function<http::Response()> newer;
  at_pass(1, [&] { newer = server_.arrive("POST", place.segment + "/prompts?supersede=true", kClick); });
  const http::Response older = server_.send("POST", place.segment + "/prompts", wide_stroke());
  EXPECT_EQ(older.status, 409);
  EXPECT_EQ(answer(older)["error"]["details"]["superseded"], true);
  EXPECT_EQ(answer(newer())["can_undo"], true);
  EXPECT_EQ(drawn(listener), mask(place));

  Json stroke = Json::parse(wide_stroke());
  stroke["predict"] = false;
  post(recorded, stroke.dump());
  post(recorded, kClick);
  EXPECT_EQ(mask(place), mask(recorded));
  const Json prompts = server_.ask("GET", place.segment + "/prompts");
  EXPECT_EQ(prompts, server_.ask("GET", recorded.segment + "/prompts"));
  EXPECT_EQ(prompts["prompts"].size(), 2u);
  newer = nullptr;
  listener.kept.reset();  // its server ends
  server_.start();
  EXPECT_EQ(mask(place), mask(recorded)) << "after a restart too";
}

TEST_F(SessionEventsTest, APromptIsSupersededBeforeItsTurnToo) {
  const Place place = open(), recorded = open();
  const auto first = server_.arrive("POST", place.segment + "/prompts", wide_stroke());
  const auto second = server_.arrive("POST", place.segment + "/prompts?supersede=true", kClick);
  server_.network().inputs.clear();
  EXPECT_EQ(first().status, 409);
  EXPECT_TRUE(server_.network().inputs.empty()) << "the network never ran for it";
  EXPECT_EQ(second().status, 200);
  Json stroke = Json::parse(wide_stroke());
  stroke["predict"] = false;
  post(recorded, stroke.dump());
  post(recorded, kClick);
  EXPECT_EQ(mask(place), mask(recorded));
}

TEST_F(SessionEventsTest, WhereTheNewerPromptIsRefusedTheOlderOnePredictsAfterAll) {
  const Place place = open(), alone = open();
  const ApiListener listener = server_.listen(place.id);
  std::function<http::Response()> newer;
  at_pass(1, [&] {
    newer = server_.arrive("POST", place.segment + "/prompts?supersede=true", R"({"type":"point","ijk":[99,0,0]})");
  });
  EXPECT_EQ(server_.send("POST", place.segment + "/prompts", wide_stroke()).status, 409);
  const http::Response refused = newer();
  EXPECT_EQ(refused.status, 400);
  post(alone, wide_stroke());
  EXPECT_EQ(mask(place), mask(alone));
  EXPECT_EQ(drawn(listener), mask(place));
  EXPECT_EQ(server_.ask("GET", place.segment + "/prompts"), server_.ask("GET", alone.segment + "/prompts"));
  EXPECT_EQ(listener.events().back()["error"]["code"], "bad_input");
}

TEST_F(SessionEventsTest, APromptThatWasOnlyRecordedPredictsNotEvenThen) {
  const Place place = open();
  Json stroke = Json::parse(wide_stroke());
  stroke["predict"] = false;
  const auto recorded = server_.arrive("POST", place.segment + "/prompts", stroke.dump());
  const auto newer =
      server_.arrive("POST", place.segment + "/prompts?supersede=true", R"({"type":"point","ijk":[99,0,0]})");
  server_.network().inputs.clear();
  EXPECT_EQ(recorded().status, 200);
  EXPECT_EQ(newer().status, 400);
  EXPECT_TRUE(server_.network().inputs.empty());
  EXPECT_EQ(server_.ask("GET", place.segment + "/prompts")["prompts"].size(), 1u);
}

TEST_F(SessionEventsTest, OtherSegmentsArePredictedOn) {
  const Place place = open();
  server_.ask("POST", "/sessions/" + place.id + "/segments", Json::object(), 201);
  at_pass(1, [&] {
    server_.arrive("POST", "/sessions/" + place.id + "/segments/2/prompts?supersede=true", kClick);
    server_.send("DELETE", "/sessions/" + place.id + "/segments/2/prediction");
  });
  EXPECT_EQ(server_.send("POST", place.segment + "/prompts", wide_stroke()).status, 200);
}

TEST_F(SessionEventsTest, WhoDoesNotWaitIsToldByEvents) {
  const Place place = open();
  const ApiListener listener = server_.listen(place.id);
  http::Response accepted = server_.send("POST", place.segment + "/prompts?wait=false", kClick);
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(listener.events().back()["request"], answer(accepted)["request"]);
  EXPECT_EQ(drawn(listener), mask(place));
  accepted = server_.send("POST", place.segment + "/prompts?wait=false", R"({"type":"point","ijk":[99,0,0]})");
  EXPECT_EQ(accepted.status, 202);
  EXPECT_EQ(listener.events().back()["type"], "error");
  EXPECT_EQ(listener.events().back()["request"], answer(accepted)["request"]);
  EXPECT_EQ(listener.events().back()["error"]["code"], "bad_input");
  EXPECT_EQ(server_.send("POST", place.segment + "/prompts?wait=maybe", kClick).status, 400);
  EXPECT_EQ(server_.send("POST", "/sessions/none/segments/1/prompts?wait=false", kClick).status, 404);
}

TEST_F(SessionEventsTest, GuestsLeaveWhenASessionIsNoLongerShared) {
  const Place place = open("alice");
  server_.ask("PATCH", "/sessions/" + place.id, {{"shared", true}}, 200, "alice");
  const ApiListener alice = server_.listen(place.id, "alice"), bob = server_.listen(place.id, "bob");
  server_.ask("POST", place.segment + "/prompts", Json::parse(kClick), 200, "bob");
  EXPECT_EQ(alice.events().back()["type"], "mask") << "a colleague's click";
  server_.ask("PATCH", "/sessions/" + place.id, {{"shared", false}}, 200, "alice");
  EXPECT_EQ(alice.reader->closed, 0);
  EXPECT_EQ(bob.reader->closed, 1008);
}

}  // namespace
}  // namespace sagittal::server
