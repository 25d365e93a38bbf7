#include "server/api/native_api.h"

#include <gmock/gmock.h>

#include "interact/prompts.h"
#include "io/segmentation_io.h"
#include "server/api/native_api_fixture.h"

namespace sagittal::server {
namespace {

using testing::ElementsAre;

INSTANTIATE_TEST_SUITE_P(OnDiskAndInMemory, NativeApiTest, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "OnDisk" : "InMemory"; });

// ---- volumes

TEST_P(NativeApiTest, AVolumeIsKnownByItsHash) {
  const std::string file = ApiServer::file(), id = net::sha256_hex(as_bytes(file));
  EXPECT_EQ(server_.send("HEAD", "/volumes/" + id).status, 404);
  EXPECT_EQ(server_.send("PUT", "/volumes/" + id + "?name=a.nii.gz", file).status, 201);
  EXPECT_EQ(server_.send("PUT", "/volumes/" + id, file).status, 200);
  EXPECT_EQ(server_.send("POST", "/volumes", file).status, 200);
  EXPECT_EQ(server_.send("HEAD", "/volumes/" + id).status, 200);
  const Json volume = ask("GET", "/volumes/" + id);
  EXPECT_EQ(volume["name"], "a.nii.gz");
  EXPECT_EQ(volume["format"], "NIfTI-1");
  EXPECT_EQ(volume["bytes"], file.size());
  EXPECT_EQ(volume["type"], "int16");
  EXPECT_THAT(volume["range"].get<std::vector<int>>(), ElementsAre(-20, 80));
  EXPECT_EQ(volume["geometry"]["shape"], Json(kApiShape));
  EXPECT_EQ(volume["geometry"]["spacing_mm"], Json({0.5, 0.75, 2.0}));
  EXPECT_EQ(ask("GET", "/volumes")["volumes"].size(), 1U);
}

TEST_P(NativeApiTest, AWrongHashKeepsNothing) {
  const std::string id(64, 'a');
  EXPECT_EQ(server_.send("PUT", "/volumes/" + id, ApiServer::file()).status, 422);
  EXPECT_EQ(server_.send("HEAD", "/volumes/" + id).status, 404);
  EXPECT_EQ(ask("GET", "/volumes")["volumes"].size(), 0U);
  EXPECT_EQ(server_.send("PUT", "/volumes/abc", ApiServer::file()).status, 404);
}

TEST_P(NativeApiTest, WhatIsNoImageIsRefused) {
  EXPECT_EQ(server_.send("POST", "/volumes", "hello").status, 422);
  EXPECT_EQ(server_.send("POST", "/volumes", "").status, 400);
  EXPECT_EQ(server_.send("POST", "/volumes", ApiServer::file().substr(0, ApiServer::file().size() / 2)).status, 400);
  EXPECT_EQ(ask("GET", "/volumes")["volumes"].size(), 0U);
}

TEST_P(NativeApiTest, RawVoxelsBringTheirGeometryInTheQuery) {
  const Volume image = api_image();
  const std::string voxels(reinterpret_cast<const char*>(image.bytes().data()), image.bytes().size());
  const std::string query = "shape=15,14,12&type=int16&spacing_mm=0.5,0.75,2&origin_lps_mm=-10,20,30";
  const http::Response response = server_.send("POST", "/volumes?name=raw&" + query, voxels);
  ASSERT_EQ(response.status, 201) << as_text(response.bytes());
  const std::string id = parse_json(as_text(response.bytes()), "answer")["id"];
  const http::Response file = server_.send("GET", "/volumes/" + id + "/voxels?format=nii.gz");
  const Volume back = io::read_image(file.bytes(), "voxels");
  EXPECT_TRUE(same_grid(back.geometry(), api_geometry()));
  EXPECT_TRUE(std::ranges::equal(back.bytes(), image.bytes()));
  for (const char* bad :
       {"shape=15,14&type=int16", "shape=15,14,12", "shape=15,14,13&type=int16", "shape=15,14,12&type=int17",
        "shape=15,14,0&type=int16", "shape=15,14,-12&type=int16", "shape=4294967296,4294967296,4294967296&type=int16",
        "shape=15,14,1e300&type=int16", "shape=15,14,12&type=int16&spacing_mm=0,1,1",
        "shape=15,14,12&type=int16&spacing_mm=nan,1,1", "shape=15,14,12&type=int16&direction=1,0,0"}) {
    const int status = server_.send("POST", std::string("/volumes?") + bad, voxels).status;
    EXPECT_TRUE(status == 400 || status == 413) << bad << ": " << status;
  }
}

TEST_P(NativeApiTest, TheLongestUnusedFilesMakeRoom) {
  std::vector<std::string> ids;
  for (int n = 0; n < 6; ++n) ids.push_back(server_.upload("", n));
  EXPECT_EQ(ask("GET", "/volumes")["volumes"].size(), 4U);
  EXPECT_EQ(server_.send("HEAD", "/volumes/" + ids[0]).status, 404);
  EXPECT_EQ(server_.send("HEAD", "/volumes/" + ids[5]).status, 200);
}

TEST_P(NativeApiTest, ASessionOutlivesItsVolume) {
  open();
  click(5, 5, 5);
  const std::string volume = ask("GET", session_)["volume"];
  EXPECT_EQ(server_.send("DELETE", "/volumes/" + volume).status, 204);
  EXPECT_EQ(server_.send("DELETE", "/volumes/" + volume).status, 404);
  click(9, 5, 5);
  EXPECT_EQ(server_.send("GET", session_ + "/voxels").status, 200);
  EXPECT_EQ(mask(), seen_);
}

// ---- sessions and segments

TEST_P(NativeApiTest, ASessionTellsWhatItIs) {
  open();
  const Json session = ask("GET", session_);
  EXPECT_EQ(session["model"], "stub");
  EXPECT_EQ(session["name"], "scan.nii.gz");
  EXPECT_EQ(session["geometry"]["shape"], Json(kApiShape));
  EXPECT_EQ(session["prompts"]["point"], true);
  EXPECT_EQ(session["prompts"]["box3d"], false);
  EXPECT_EQ(session["segments"].size(), 1U);
  EXPECT_EQ(session["segments"][0]["name"], "Segment 1");
  EXPECT_EQ(session["segments"][0]["voxels"], 0);
  EXPECT_EQ(session["segments"][0]["bounds"], Json({{0, 0}, {0, 0}, {0, 0}}));
  const Json list = ask("GET", "/sessions")["sessions"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ("/sessions/" + list[0]["id"].get<std::string>(), session_);
  server_.address = "10.0.0.2";  // without keys, others see what they know the id of
  EXPECT_EQ(ask("GET", "/sessions")["sessions"].size(), 0U);
  EXPECT_EQ(ask("GET", session_)["segments"].size(), 1U);
}

TEST_P(NativeApiTest, SegmentsHaveNamesColoursAndTerms) {
  open();
  const Json liver = ask("POST", session_ + "/segments", {{"term", "liver"}}, 201);
  EXPECT_EQ(liver["number"], 2);
  EXPECT_EQ(liver["name"], "Liver");
  EXPECT_EQ(liver["term"]["type"]["value"], "10200004");
  const Json renamed = ask("PATCH", session_ + "/segments/2", {{"name", "My liver"}, {"colour", "#0a0B0c"}});
  EXPECT_EQ(renamed["name"], "My liver");
  EXPECT_EQ(renamed["colour"], "#0a0b0c");
  EXPECT_EQ(renamed["term"]["id"], "LIVER");
  EXPECT_TRUE(ask("PATCH", session_ + "/segments/2", {{"term", nullptr}})["term"].is_null());
  ask("PATCH", session_ + "/segments/2", {{"term", "no such thing"}}, 400);
  ask("PATCH", session_ + "/segments/2", {{"colour", "red"}}, 400);
  ask("PATCH", session_ + "/segments/2", {{"name", 7}}, 400);
  for (const char* n : {"3", "0", "-1", "x", "99999999999999"}) {
    ask("GET", session_ + "/segments/" + n, nullptr, 404);
  }
}

TEST_P(NativeApiTest, NumbersOfSegmentsAreNeverUsedAgain) {
  open();
  click(5, 5, 5);
  EXPECT_EQ(server_.send("DELETE", segment_).status, 204);
  EXPECT_EQ(ask("GET", session_)["segments"].size(), 0U);
  const Json next = ask("POST", session_ + "/segments", Json::object(), 201);
  EXPECT_EQ(next["number"], 2);
  EXPECT_EQ(next["voxels"], 0);
  EXPECT_EQ(next["can_undo"], false);
  ask("GET", segment_, nullptr, 404);
}

TEST_P(NativeApiTest, EachSegmentHasItsOwnMaskAndHistory) {
  open();
  ask("POST", session_ + "/segments", Json::object(), 201);
  const Json first = click(4, 4, 4);
  const Json second = ask("POST", session_ + "/segments/2/prompts", {{"type", "point"}, {"ijk", {10, 10, 9}}});
  EXPECT_GT(second["voxels"], 0);
  const Json bits = ask("GET", session_ + "/mask?format=bits");
  ASSERT_EQ(bits["segments"].size(), 2U);
  EXPECT_EQ(bits["segments"][0]["mask"], first["mask"]);
  EXPECT_EQ(bits["segments"][1]["mask"], second["mask"]);
  EXPECT_EQ(step("undo")["voxels"], 0);
  EXPECT_EQ(ask("GET", session_ + "/segments/2")["voxels"], second["voxels"]);
  EXPECT_EQ(ask("GET", session_ + "/segments/2")["can_undo"], true);
  EXPECT_EQ(ask("GET", segment_)["can_redo"], true);
}

TEST_P(NativeApiTest, ASegmentMayBeginWithAMask) {
  open();
  const Json made = ask("POST", session_ + "/segments",
                        {{"name", "tumour"},
                         {"mask", {{"bounds", {{2, 5}, {3, 4}, {6, 8}}}, {"mask", encode_base64(Bytes{0b11111100})}}}},
                        201);
  EXPECT_EQ(made["voxels"], 6);
  EXPECT_EQ(made["bounds"], Json({{2, 5}, {3, 4}, {6, 8}}));
  EXPECT_EQ(made["prompts"], 1);
  for (const Json& bad : {Json(7), Json::object(), Json{{"bounds", {{2, 5}, {3, 4}, {6, 80}}}, {"mask", "/A=="}},
                          Json{{"bounds", {{2, 5}, {3, 4}, {6, 8}}}, {"mask", "/AAA"}}}) {
    ask("POST", session_ + "/segments", {{"mask", bad}}, 400);
  }
  EXPECT_EQ(ask("GET", session_)["segments"].size(), 2U);
}

// ---- prompts

TEST_P(NativeApiTest, RepliesTellWhatChanged) {
  open();
  const Json reply = click(5, 6, 7);
  EXPECT_GT(reply["voxels"], 0);
  EXPECT_NEAR(reply["volume_ml"].get<double>(), reply["voxels"].get<double>() * 0.75 / 1000, 1e-9);
  EXPECT_EQ(reply["can_undo"], true);
  EXPECT_EQ(reply["passes"].get<int>() >= 1, true);
  click(9, 6, 7);
  click(5, 6, 7, false);
  EXPECT_EQ(mask(), seen_);
  EXPECT_EQ(ask("GET", segment_)["prompts"], 3);
}

TEST_P(NativeApiTest, TheMaskMayComeAsBytes) {
  open();
  const http::Response response =
      server_.send("POST", segment_ + "/prompts", Json{{"type", "point"}, {"ijk", {5, 6, 7}}}.dump(),
                   {{"Accept", "application/octet-stream"}});
  ASSERT_EQ(response.status, 200);
  Json reply = parse_json(response.header("Sagittal-Reply"), "reply");
  EXPECT_FALSE(reply.contains("mask"));
  reply["mask"] = encode_base64(response.bytes());
  paste_reply(reply, seen_);
  EXPECT_EQ(mask(), seen_);
}

TEST_P(NativeApiTest, EveryKindOfPromptIsTaken) {
  open();
  const auto drawing = [](const char* type) {
    return Json{{"type", type}, {"bounds", {{4, 8}, {5, 6}, {6, 8}}}, {"mask", encode_base64(Bytes{0xf5})}};
  };
  prompt({{"type", "box"}, {"ijk0", {2, 3, 6}}, {"ijk1", {9, 9, 7}}});
  prompt(drawing("scribble"));
  prompt(drawing("lasso"));
  EXPECT_EQ(mask(), seen_);
  const std::vector<std::uint8_t> half(15 * 14 * 12 / 2);
  std::vector<std::uint8_t> start(15 * 14 * 12);
  start[700] = 1;
  const Json init = prompt({{"type", "init"}, {"mask", encode_base64(pack_bits(start))}});
  EXPECT_EQ(init["voxels"], 1);
  EXPECT_EQ(init["passes"], 0);
  EXPECT_EQ(seen_, start);
}

TEST_P(NativeApiTest, WhatIsNoPromptLeavesTheSegmentAsItWas) {
  open();
  ask("POST", session_ + "/segments", Json::object(), 201);
  click(5, 6, 7);
  const std::string other = session_ + "/segments/2/prompts";
  for (const Json& bad :
       {Json::object(), Json{{"type", "undo"}}, Json{{"type", "point"}}, Json{{"type", "point"}, {"ijk", {1, 2}}},
        Json{{"type", "point"}, {"ijk", {99, 2, 3}}}, Json{{"type", "point"}, {"ijk", {1, 2, 3}}, {"predict", "no"}},
        Json{{"type", "box"}, {"ijk0", {1, 1, 1}}, {"ijk1", {5, 5, 5}}}, Json{{"type", "init"}, {"mask", "AAAA"}},
        Json{{"type", "scribble"}, {"bounds", {{4, 8}, {5, 6}, {6, 8}}}, {"mask", "AA=="}},
        Json{{"type", "scribble"}, {"bounds", {{4, 8}, {5, 6}, {6, 99}}}, {"mask", "9Q=="}}}) {
    ask("POST", other, bad, 400);
  }
  EXPECT_EQ(server_.send("POST", other, "[1,2]").status, 400);
  EXPECT_EQ(server_.send("POST", other, std::string(100000, '[')).status, 400);
  EXPECT_EQ(server_.send("POST", other, "{\"a\":[" + std::string(2000, ',') + "]}").status, 400);
  EXPECT_EQ(ask("GET", session_ + "/segments/2")["prompts"], 0);
  EXPECT_EQ(mask(), seen_);
  click(9, 6, 7);
  EXPECT_EQ(mask(), seen_);
}

TEST_P(NativeApiTest, UndoRedoAndReset) {
  open();
  click(5, 6, 7);
  const auto after_one = seen_;
  click(9, 6, 7);
  const auto after_two = seen_;
  step("undo");
  EXPECT_EQ(seen_, after_one);
  step("redo");
  EXPECT_EQ(seen_, after_two);
  step("reset");
  EXPECT_EQ(seen_, std::vector<std::uint8_t>(seen_.size()));
  EXPECT_EQ(ask("GET", segment_)["prompts"], 0);
  const Json back = step("undo");
  EXPECT_EQ(seen_, after_two);
  EXPECT_EQ(back["can_redo"], true);
  for (int n = 0; n < 3; ++n) step("undo");  // one more than there is
  EXPECT_EQ(seen_, std::vector<std::uint8_t>(seen_.size()));
  EXPECT_EQ(ask("GET", segment_)["can_undo"], false);
}

TEST_P(NativeApiTest, APromptThatDoesNotPredictActsWithTheNext) {
  open();
  EXPECT_EQ(prompt({{"type", "point"}, {"ijk", {5, 6, 7}}, {"predict", false}})["voxels"], 0);
  click(6, 6, 7);
  EXPECT_EQ(seen_[static_cast<std::size_t>((7 * 14 + 6) * 15 + 5)], 1);
}

// ---- owners

TEST_P(NativeApiTest, OthersSeeNothing) {
  const std::string session = "/sessions/" + server_.open("ann"), volume = "/volumes/" + server_.upload("ann");
  ask("POST", session + "/segments", Json::object(), 201, "ann");
  for (const std::string owner : {"bob", ""}) {
    ask("GET", session, nullptr, 404, owner);
    ask("GET", session + "/mask", nullptr, 404, owner);
    ask("PATCH", session, {{"shared", true}}, 404, owner);
    ask("DELETE", session, nullptr, 404, owner);
    ask("POST", session + "/segments/1/prompts", {{"type", "point"}, {"ijk", {1, 2, 3}}}, 404, owner);
    ask("GET", volume, nullptr, 404, owner);
    ask("GET", volume + "/voxels", nullptr, 404, owner);
    ask("DELETE", volume, nullptr, 404, owner);
    ask("POST", "/sessions", {{"volume", volume.substr(9)}}, 404, owner);
    EXPECT_EQ(ask("GET", "/sessions", nullptr, 200, owner)["sessions"].size(), 0U);
    EXPECT_EQ(ask("GET", "/volumes", nullptr, 200, owner)["volumes"].size(), 0U);
  }
  EXPECT_EQ(ask("GET", "/sessions", nullptr, 200, "ann")["sessions"].size(), 1U);
}

TEST_P(NativeApiTest, ASharedSessionIsForEveryKey) {
  const std::string session = "/sessions/" + server_.open("ann");
  ask("POST", session + "/segments", Json::object(), 201, "ann");
  EXPECT_EQ(ask("PATCH", session, {{"shared", true}}, 200, "ann")["shared"], true);
  ask("POST", session + "/segments/1/prompts", {{"type", "point"}, {"ijk", {1, 2, 3}}}, 200, "bob");
  EXPECT_EQ(server_.send("GET", session + "/voxels", "", {}, "bob").status, 200);
  ask("PATCH", session, {{"shared", false}}, 409, "bob");
  ask("DELETE", session, nullptr, 409, "bob");
  EXPECT_EQ(ask("GET", "/sessions", nullptr, 200, "bob")["sessions"].size(), 0U);
  ask("PATCH", session, {{"shared", false}}, 200, "ann");
  ask("GET", session, nullptr, 404, "bob");
}

// ---- limits

TEST(NativeApi, SessionsHaveALimitForAllAndForEach) {
  for (const bool on_disk : {false, true}) {
    ApiServer server(on_disk, {.max_sessions = 3, .max_sessions_per_owner = 2});
    server.open("ann");
    server.open("ann");
    server.ask("POST", "/sessions", {{"volume", server.upload("ann")}}, 503, "ann");
    server.open("bob");
    server.ask("POST", "/sessions", {{"volume", server.upload("bob")}}, 503, "bob");
  }
}

TEST(NativeApi, AnImageBeyondTheMemoryLimitIsRefused) {
  ApiServer server(true, {.max_memory_bytes = 1000});
  server.ask("POST", "/sessions", {{"volume", server.upload()}}, 413);
  EXPECT_EQ(server.ask("GET", "/sessions")["sessions"].size(), 0U);
}

TEST_P(NativeApiTest, ASessionThatWasEndedIsNotThere) {
  open();
  EXPECT_EQ(server_.send("DELETE", session_).status, 204);
  ask("GET", session_, nullptr, 404);
  ask("DELETE", session_, nullptr, 404);
  ask("POST", "/sessions", {{"volume", std::string(64, '0')}}, 404);
  ask("POST", "/sessions", {{"volume", 7}}, 400);
  ask("POST", "/sessions", {{"volume", server_.upload()}, {"model", "another"}}, 404);
  EXPECT_EQ(ask("GET", "/sessions")["sessions"].size(), 0U);
}

// ---- what survives

TEST(NativeApi, EverythingIsThereAfterARestart) {
  ApiServer server(true);
  const std::string session = "/sessions/" + server.open("ann"), segment = session + "/segments/1";
  server.ask("POST", session + "/segments", {{"term", "LIVER"}}, 201, "ann");
  server.ask("POST", session + "/segments", {{"name", "other"}}, 201, "ann");
  server.ask("PATCH", session, {{"shared", true}}, 200, "ann");
  for (int n = 4; n < 9; ++n) {
    server.ask("POST", segment + "/prompts", {{"type", "point"}, {"ijk", {n, 5, 5}}}, 200, "ann");
  }
  server.ask("POST", segment + "/undo", nullptr, 200, "ann");
  server.ask("POST", session + "/segments/2/prompts", {{"type", "point"}, {"ijk", {9, 9, 9}}}, 200, "ann");
  const Json before = server.ask("GET", session, nullptr, 200, "ann");
  const Json masks = server.ask("GET", session + "/mask?format=bits", nullptr, 200, "ann");
  const Json prompts = server.ask("GET", segment + "/prompts", nullptr, 200, "ann");
  const Json list = server.ask("GET", "/sessions", nullptr, 200, "ann");
  const Json volumes = server.ask("GET", "/volumes", nullptr, 200, "ann");
  server.start();
  EXPECT_EQ(server.ask("GET", "/sessions", nullptr, 200, "ann"), list);
  EXPECT_EQ(server.ask("GET", "/volumes", nullptr, 200, "ann"), volumes);
  EXPECT_EQ(server.ask("GET", session, nullptr, 200, "bob"), before);
  EXPECT_EQ(server.ask("GET", session + "/mask?format=bits", nullptr, 200, "ann"), masks);
  EXPECT_EQ(server.ask("GET", segment + "/prompts", nullptr, 200, "ann"), prompts);
  server.ask("POST", segment + "/redo", nullptr, 200, "ann");
  EXPECT_EQ(server.ask("GET", segment, nullptr, 200, "ann")["prompts"], 5);
  EXPECT_EQ(server.send("GET", session + "/voxels", "", {}, "ann").status, 200);
}

// ---- what else there is

TEST_P(NativeApiTest, TermsAreFound) {
  const Json found = ask("GET", "/terms?search=kidney")["terms"];
  ASSERT_GE(found.size(), 2U);
  EXPECT_EQ(ask("GET", "/terms")["terms"].size(), 50U);
  EXPECT_EQ(ask("GET", "/terms?search=nosuchthing")["terms"].size(), 0U);
}

TEST_P(NativeApiTest, InfoAndStatus) {
  open();
  EXPECT_EQ(ask("GET", "/info")["default_model"], "stub");
  const Json status = ask("GET", "/status");
  EXPECT_EQ(status["sessions"], 1);
  EXPECT_EQ(status["with_image"], 1);
  EXPECT_GT(status["memory"]["used"], 0);
}

}  // namespace
}  // namespace sagittal::server
