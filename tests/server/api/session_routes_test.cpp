#include <gmock/gmock.h>

#include "server/api/native_api_fixture.h"

namespace sagittal::server {
namespace {

using testing::HasSubstr;

/// A native API with the models "small", the default, and "large".
class TwoModelsTest : public testing::Test {
 protected:
  Json ask(const std::string& method, const std::string& target, const Json& body = nullptr, int status = 200) {
    return server_.ask(method, target, body, status);
  }
  std::string open(const Json& more = Json::object()) {
    Json body{{"volume", server_.upload()}};
    body.update(more);
    const std::string session = "/sessions/" + ask("POST", "/sessions", body, 201).at("id").get<std::string>();
    ask("POST", session + "/segments", Json::object(), 201);
    return session;
  }
  void click(const std::string& session) {
    ask("POST", session + "/segments/1/prompts", {{"type", "point"}, {"ijk", {5, 5, 5}}});
  }
  std::size_t passes(const std::string& model) { return server_.network(model).inputs.size(); }
  static std::string message_of(const Json& answer) { return answer.at("error").at("message").get<std::string>(); }

  ApiServer server_{true, {}, {"small", "large"}};
};

TEST_F(TwoModelsTest, InfoTellsOfEachModel) {
  const Json info = ask("GET", "/info");
  EXPECT_EQ(info["default_model"], "small");
  ASSERT_EQ(info["models"].size(), 2U);
  EXPECT_EQ(info["models"][0]["name"], "small");
  EXPECT_EQ(info["models"][1]["name"], "large");
  for (const Json& model : info["models"]) {
    EXPECT_EQ(model["patch_size"], Json({8, 8, 8}));
    EXPECT_EQ(model["capabilities"], info["capabilities"]);
  }
  EXPECT_EQ(ask("GET", "/status")["models"], Json({"small", "large"}));
}

TEST_F(TwoModelsTest, ASessionIsOneWithTheModelThatItNames) {
  const std::string own = open(), other = open({{"model", "large"}});
  click(other);
  EXPECT_EQ(passes("small"), 0U);
  EXPECT_GT(passes("large"), 0U);
  click(own);
  EXPECT_GT(passes("small"), 0U);
  EXPECT_EQ(ask("GET", own)["model"], "small");
  EXPECT_EQ(ask("GET", other)["model"], "large");
  for (const Json& session : ask("GET", "/sessions")["sessions"]) {
    EXPECT_EQ(session["model"], "/sessions/" + session["id"].get<std::string>() == own ? "small" : "large");
    EXPECT_EQ(session["model_available"], true);
  }
}

TEST_F(TwoModelsTest, AnUnknownModelIsAnsweredWithThoseThatThereAre) {
  const Json body{{"volume", server_.upload()}, {"model", "huge"}};
  EXPECT_THAT(message_of(ask("POST", "/sessions", body, 404)), HasSubstr("small and large"));
  ask("POST", "/sessions", {{"volume", server_.upload()}, {"model", 1}}, 400);
  EXPECT_EQ(ask("GET", "/sessions")["sessions"].size(), 0U);
}

TEST_F(TwoModelsTest, ASessionWaitsForItsModel) {
  const std::string own = open(), other = open({{"model", "large"}});
  click(other);
  const Json before = ask("GET", other), mask = ask("GET", other + "/mask?format=bits");
  for (const char* only : {"small", "small"}) {
    server_.start({only});
    for (const auto& [method, path] : {std::pair("GET", ""), std::pair("POST", "/segments/1/undo")}) {
      const std::string refusal = message_of(ask(method, other + path, nullptr, 409));
      EXPECT_THAT(refusal, HasSubstr("--model large"));
    }
    EXPECT_EQ(ask("GET", own)["model"], "small");
    const Json list = ask("GET", "/sessions")["sessions"];
    ASSERT_EQ(list.size(), 2U);
    for (const Json& session : list) EXPECT_EQ(session["model_available"], session["model"] == "small");
  }
  server_.start({"large"});
  EXPECT_EQ(ask("GET", other), before);
  EXPECT_EQ(ask("GET", other + "/mask?format=bits"), mask);
  ask("GET", own, nullptr, 409);
  server_.start({"small", "large"});
  EXPECT_EQ(ask("GET", own)["model"], "small");
  ask("POST", other + "/segments/1/undo");
  EXPECT_EQ(ask("GET", other + "/segments/1")["voxels"], 0);
}

TEST_F(TwoModelsTest, ASessionWithoutItsModelCanBeEnded) {
  const std::string session = open({{"model", "large"}});
  server_.start({"small"});
  ask("DELETE", session, nullptr, 204);
  ask("GET", session, nullptr, 404);
  server_.start({"small", "large"});
  EXPECT_EQ(ask("GET", "/sessions")["sessions"].size(), 0U);
}

// ---- auto zoom

TEST_F(TwoModelsTest, AutoZoomIsOnUnlessASessionSaysOtherwise) {
  const std::string with = open(), without = open({{"auto_zoom", false}, {"model", "large"}});
  EXPECT_EQ(ask("GET", with)["auto_zoom"], true);
  EXPECT_EQ(ask("GET", without)["auto_zoom"], false);
}

TEST_F(TwoModelsTest, AutoZoomCanBeChangedAndIsKept) {
  const std::string session = open();
  EXPECT_EQ(ask("PATCH", session, {{"auto_zoom", false}})["auto_zoom"], false);
  server_.start();
  EXPECT_EQ(ask("GET", session)["auto_zoom"], false);
  EXPECT_EQ(ask("PATCH", session, {{"shared", true}})["auto_zoom"], false);
  EXPECT_EQ(ask("PATCH", session, {{"auto_zoom", true}})["shared"], true);
  ask("PATCH", session, {{"auto_zoom", "yes"}}, 400);
  ask("PATCH", session, Json::object(), 400);
  ask("POST", "/sessions", {{"volume", server_.upload()}, {"auto_zoom", 1}}, 400);
  EXPECT_EQ(ask("GET", session)["auto_zoom"], true);
}

}  // namespace
}  // namespace sagittal::server
