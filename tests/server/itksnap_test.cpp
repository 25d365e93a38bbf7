#include "server/dialects/itksnap.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "base/base64.h"
#include "io/gzip.h"
#include "server/prompted.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Lt;

constexpr Index3 kShape{12, 14, 15};  // z, y, x
constexpr std::size_t kVoxels = 12 * 14 * 15;
using Mask = std::vector<std::uint8_t>;

std::size_t at(std::int64_t x, std::int64_t y, std::int64_t z) {
  return static_cast<std::size_t>((z * kShape[1] + y) * kShape[2] + x);
}

std::vector<float> scan() {
  std::vector<float> voxels(kVoxels);
  for (std::size_t v = 0; v < kVoxels; ++v) voxels[v] = static_cast<float>(v % 100);
  return voxels;
}

std::string gzipped(const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return std::string(as_text(io::gzip({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})));
}

Json metadata(const std::vector<std::int64_t>& xyz = {15, 14, 12}, int components = 1) {
  return {{"dimensions", xyz},
          {"spacing", {1, 1, 2.5}},
          {"origin", {0, 0, 0}},
          {"direction", {1, 0, 0, 0, 1, 0, 0, 0, 1}},
          {"components_per_pixel", components},
          {"component_type", "float32"}};
}

/// One server and any number of clients, without sockets.
class ItkSnapTest : public testing::Test {
 protected:
  Response send(const std::string& method, const std::string& target, const std::string& body = "") {
    Request request;
    request.method = method;
    http::set_target(request, target);
    request.remote_address = "10.0.0.1";
    request.headers = {{"Content-Type", "multipart/form-data; boundary=b1"}};
    request.body = http::Body::copy_of(as_bytes(body));
    return router_.handle(std::move(request));
  }
  Response get(const std::string& target) { return send("GET", target); }
  Response post(const std::string& target, const std::string& file, const std::string& meta) {
    return send("POST", target,
                "--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"image.gz\"\r\n"
                "Content-Type: application/gzip\r\n\r\n" +
                    file +
                    "\r\n--b1\r\nContent-Disposition: form-data; name=\"metadata\"\r\n"
                    "Content-Type: application/json\r\n\r\n" +
                    meta + "\r\n--b1--\r\n");
  }
  Response post(const std::string& target, const std::vector<float>& values, const Json& meta = metadata()) {
    return post(target, gzipped(values), meta.dump());
  }

  std::string start(const std::string& path = "/start_session") {
    return json_of(get(path)).at("session_id").get<std::string>();
  }
  std::string start_with_image() {
    const std::string id = start();
    EXPECT_EQ(post("/upload_raw/" + id + "?filename=upload.nii.gz", scan()).status, 200);
    return id;
  }
  Response click(const std::string& id, std::int64_t x, std::int64_t y, std::int64_t z, bool foreground = true) {
    return get(fmt::format("/v2/process_point_interaction/{}?point={}&point={}&point={}&foreground={}", id, x, y, z,
                           foreground));
  }
  Response draw(const std::string& kind, const std::string& id, const std::vector<std::size_t>& voxels,
                bool foreground = true) {
    std::vector<float> drawing(kVoxels);
    for (const std::size_t v : voxels) drawing[v] = 1;
    return post(fmt::format("/process_{}_interaction/{}?foreground={}", kind, id, foreground), drawing);
  }

  static Json json_of(const Response& response) {
    EXPECT_EQ(response.status, 200) << as_text(response.bytes());
    EXPECT_EQ(response.header("Content-Encoding"), "");
    EXPECT_FALSE(response.next_block) << "an answer must have a length";
    return parse_json(as_text(response.bytes()), "answer");
  }
  /// The mask of an answer, checked as the client needs it.
  static Mask mask_of(const Response& response) {
    const Json json = json_of(response);
    EXPECT_EQ(json.at("status"), "success");
    const Bytes file = decode_base64(json.at("result").get<std::string>(), "answer");  // strict about padding, breaks
    const Buffer bytes = io::gunzip(file, 1 << 20, "answer");
    const auto values = bytes.as<std::uint8_t>();
    EXPECT_EQ(values.size(), kVoxels);
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](int value) { return value <= 1; }));
    return {values.begin(), values.end()};
  }
  static std::string text_of(const Response& response) { return std::string(as_text(response.bytes())); }

  static void expect_refused(const Response& response) {
    EXPECT_THAT(response.status, AllOf(Ge(400), Lt(500))) << text_of(response);
    EXPECT_EQ(response.header("Content-Type"), "text/plain");
    EXPECT_THAT(text_of(response).size(), AllOf(Ge(5u), Lt(301u)));
    EXPECT_EQ(text_of(response).find('\n'), std::string::npos);
  }

  float last_seen(int interaction_channel) const {
    const auto values = network_->seen(network_->inputs.size() - 1, {16, 16, 16}).channel(1 + interaction_channel);
    return *std::max_element(values.begin(), values.end());
  }

  std::chrono::steady_clock::time_point now_{};
  ThreadPool pool_{2};
  std::shared_ptr<interact::StubNetwork> network_ = std::make_shared<interact::StubNetwork>(8, prompted);
  Sessions sessions_{interact::StubSession::make_model({16, 16, 16}, network_, {}),
                     pool_,
                     {4, 1 << 20, std::chrono::seconds(0)},
                     [this] { return now_; }};
  Leases leases_{sessions_,
                 {.max_leases = 3, .idle = std::chrono::seconds(600), .liveness = std::chrono::seconds(600)},
                 [this] { return now_; }};
  Metrics metrics_;
  http::Router router_{itksnap_routes(sessions_, leases_, metrics_)};
};

// ---- the plain course

TEST_F(ItkSnapTest, TheVersionIsThreeNumbers) {
  EXPECT_EQ(json_of(get("/status")), (Json{{"status", "ok"}, {"version", "0.9.0"}}));
}

TEST_F(ItkSnapTest, TheModelIsListedWithThePromptsThatHaveARequest) {
  EXPECT_EQ(
      json_of(get("/v2/models")).dump(),
      R"({"models":[{"channels":[1],"dimensions":3,"id":"nnInteractive","interactions":["point","scribble","lasso"]}]})");
}

TEST_F(ItkSnapTest, AModelWithoutLassoDoesNotListIt) {
  interact::Capabilities capabilities;
  capabilities.supports_lasso = false;
  Sessions sessions(interact::StubSession::make_model({16, 16, 16}, network_, capabilities), pool_, {});
  const http::Router router(itksnap_routes(sessions, leases_, metrics_));
  Request request;
  request.method = "GET";
  request.path = "/v2/models";
  EXPECT_THAT(text_of(router.handle(request)), HasSubstr(R"("interactions":["point","scribble"])"));
}

TEST_F(ItkSnapTest, BothGenerationsStartPromptResetAndEnd) {
  const std::string old = start("/start_session"), current = start("/v2/start_session/nnInteractive");
  EXPECT_NE(old, current);
  EXPECT_EQ(old.size(), 32u);
  EXPECT_EQ(post("/upload_raw/" + old + "?filename=upload.nii.gz", scan()).status, 200);
  EXPECT_EQ(post("/v2/upload_raw/" + current, scan()).status, 200);
  const Mask first = mask_of(get("/process_point_interaction/" + old + "?x=3&y=7&z=2&foreground=true"));
  const Mask second = mask_of(click(current, 3, 7, 2));
  EXPECT_EQ(first[at(3, 7, 2)], 1);
  EXPECT_EQ(first[at(2, 7, 11)], 0) << "x, y and z are not mixed up";
  EXPECT_EQ(first, second);
  for (const auto& [prefix, id] : {std::pair<std::string, std::string>{"", old}, {"/v2", current}}) {
    EXPECT_EQ(json_of(get(prefix + "/reset_interactions/" + id)), (Json{{"status", "success"}}));
    EXPECT_EQ(mask_of(click(id, 12, 2, 9))[at(3, 7, 2)], 0);
    EXPECT_EQ(json_of(get(prefix + "/end_session/" + id)).at("message"), "Session ended");
    expect_refused(click(id, 3, 7, 2));
  }
  EXPECT_EQ(sessions_.count(), 0u);
}

TEST_F(ItkSnapTest, EveryPromptTypeAndBothSignsReachTheirChannel) {
  const std::string id = start_with_image();
  const std::vector<std::pair<std::function<Response(bool)>, int>> prompts{
      {[&](bool sign) { return click(id, 6, 6, 6, sign); }, 3},
      {[&](bool sign) {
         return draw("lasso", id, {at(5, 5, 5), at(6, 5, 5)}, sign);
       },
       1},
      {[&](bool sign) {
         return draw("scribble", id, {at(5, 5, 5), at(6, 5, 5)}, sign);
       },
       5}};
  for (const auto& [prompt, channel] : prompts) {
    for (const bool positive : {true, false}) {
      get("/reset_interactions/" + id);
      mask_of(prompt(positive));
      EXPECT_GT(last_seen(positive ? channel : channel + 1), 0.5f) << channel << positive;
      EXPECT_EQ(last_seen(positive ? channel + 1 : channel), 0) << channel << positive;
    }
  }
}

TEST_F(ItkSnapTest, ADrawingIsWhatIsNotZeroAndKeepsItsAxes) {
  const std::string id = start_with_image();
  std::vector<float> drawing(kVoxels);
  drawing[at(13, 2, 4)] = 1;
  drawing[at(13, 3, 4)] = -0.5f;
  const Mask mask = mask_of(post("/process_scribble_interaction/" + id + "?foreground=true", drawing));
  EXPECT_EQ(mask[at(13, 2, 4)], 1);
  EXPECT_EQ(mask[at(13, 3, 4)], 1);
  EXPECT_EQ(mask[at(4, 2, 11)], 0);
}

TEST_F(ItkSnapTest, AnAnswerHoldsAllThatWasFoundSoFarAndWhatWasTakenAway) {
  const std::string id = start_with_image();
  const Mask one = mask_of(click(id, 2, 2, 1));
  const Mask two = mask_of(click(id, 12, 11, 10));
  EXPECT_EQ(two[at(2, 2, 1)], 1);
  EXPECT_EQ(two[at(12, 11, 10)], 1);
  EXPECT_NE(one, two);
  EXPECT_EQ(mask_of(click(id, 12, 11, 10, false)), one);
}

TEST_F(ItkSnapTest, ADrawingWithNothingNewIsAnsweredWithTheMaskAsItIs) {
  const std::string id = start_with_image();
  const Mask before = mask_of(click(id, 6, 6, 6));
  const std::size_t passes = network_->inputs.size();
  EXPECT_EQ(mask_of(draw("scribble", id, {})), before);
  EXPECT_EQ(mask_of(draw("lasso", id, {})), before);
  EXPECT_EQ(network_->inputs.size(), passes);
}

TEST_F(ItkSnapTest, ANewImageOfAnyShapeDropsThePrompts) {
  const std::string id = start_with_image();
  mask_of(click(id, 2, 2, 2));
  EXPECT_EQ(post("/upload_raw/" + id, scan()).status, 200);
  EXPECT_EQ(mask_of(click(id, 12, 11, 10))[at(2, 2, 2)], 0);
  std::vector<float> other(4 * 5 * 6);
  for (std::size_t v = 0; v < other.size(); ++v) other[v] = static_cast<float>(v);
  EXPECT_EQ(post("/upload_raw/" + id, other, metadata({4, 5, 6})).status, 200);
  const Json answer = json_of(click(id, 3, 4, 5));
  const Bytes file = decode_base64(answer.at("result").get<std::string>(), "answer");
  EXPECT_EQ(io::gunzip(file, 1 << 20, "answer").size(), other.size());
}

// ---- strangers' bytes

TEST_F(ItkSnapTest, BadPointsLeaveTheSessionAsItWas) {
  const std::string id = start_with_image();
  const Mask before = mask_of(click(id, 6, 6, 6));
  const std::string path = "/v2/process_point_interaction/" + id;
  for (const char* query : {"",
                            "?",
                            "?foreground=true",
                            "?point=1&point=2&foreground=true",
                            "?point=1&point=2&point=3",
                            "?point=1&point=2&point=3&point=4&foreground=true",
                            "?point=15&point=0&point=0&foreground=true",
                            "?point=0&point=14&point=0&foreground=true",
                            "?point=0&point=0&point=12&foreground=true",
                            "?point=-1&point=0&point=0&foreground=true",
                            "?point=9223372036854775807&point=0&point=0&foreground=true",
                            "?point=99999999999999999999&point=0&point=0&foreground=true",
                            "?point=1.5&point=0&point=0&foreground=true",
                            "?point=&point=0&point=0&foreground=true",
                            "?point=nan&point=0&point=0&foreground=true",
                            "?point=1&point=2&point=3&foreground=maybe",
                            "?point=1&point=2&point=3&foreground=true&foreground=false",
                            "?x=1&y=2&foreground=true",
                            "?x=1&x=1&y=2&z=3&foreground=true",
                            "?point=%zz",
                            "?point=%00"}) {
    SCOPED_TRACE(query);
    expect_refused(get(path + query));
    expect_refused(get("/process_point_interaction/" + id + query));
  }
  EXPECT_EQ(mask_of(click(id, 6, 6, 6)), before);
}

TEST_F(ItkSnapTest, BadUploadsLeaveTheImageAndTheMaskAsTheyWere) {
  const std::string id = start_with_image();
  const Mask before = mask_of(click(id, 6, 6, 6));
  const std::string file = gzipped(scan()), good = metadata().dump(), upload = "/upload_raw/" + id;
  const auto with = [](const char* key, Json value) {
    Json changed = metadata();
    changed[key] = std::move(value);
    return changed.dump();
  };
  for (const std::string& meta : {std::string(),
                                  std::string("{"),
                                  std::string("[]"),
                                  std::string("{}"),
                                  std::string(70'000, ' ') + good,
                                  metadata({15, 14}).dump(),
                                  metadata({15, 14, 12, 1}).dump(),
                                  metadata({14, 14, 12}).dump(),
                                  metadata({15, 14, 13}).dump(),
                                  metadata({0, 14, 12}).dump(),
                                  metadata({-15, -14, 12}).dump(),
                                  metadata({1 << 30, 1 << 30, 1 << 30}).dump(),
                                  metadata({INT64_MAX, INT64_MAX, 2}).dump(),
                                  metadata({1 << 16, 1 << 16, 1}).dump(),
                                  metadata({15, 14, 12}, 3).dump(),
                                  with("dimensions", {15.0, 14, 12}),
                                  with("dimensions", {"15", "14", "12"}),
                                  with("dimensions", {UINT64_MAX, 14, 12}),
                                  with("dimensions", "15"),
                                  with("dimensions", nullptr),
                                  with("component_type", "float64"),
                                  with("components_per_pixel", "one")}) {
    SCOPED_TRACE(meta.substr(0, 80));
    expect_refused(post(upload, file, meta));
    expect_refused(post("/process_scribble_interaction/" + id + "?foreground=true", file, meta));
  }
  std::string damaged = file;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  for (const std::string& bytes :
       {std::string(), std::string("not gzip"), file.substr(0, file.size() / 2), file + "x", damaged,
        gzipped(std::vector<float>(kVoxels - 1, 1)), gzipped(std::vector<float>(kVoxels + 1, 1))}) {
    expect_refused(post(upload, bytes, good));
    expect_refused(post("/process_lasso_interaction/" + id + "?foreground=true", bytes, good));
  }
  for (const float value : {0.0f, 7.0f, NAN}) expect_refused(post(upload, std::vector<float>(kVoxels, value)));
  expect_refused(send("POST", upload, "no parts"));
  expect_refused(send("POST", upload, "--b1\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b1--\r\n"));
  EXPECT_EQ(mask_of(click(id, 6, 6, 6)), before);
}

TEST_F(ItkSnapTest, AGzipBombEndsAtTheSizeItAnnounced) {
  const std::string id = start_with_image();
  const Mask before = mask_of(click(id, 6, 6, 6));
  const std::string bomb = gzipped(std::vector<float>(std::size_t{16} << 20));
  EXPECT_EQ(post("/upload_raw/" + id, bomb, metadata().dump()).status, 413);
  EXPECT_EQ(post("/process_scribble_interaction/" + id + "?foreground=true", bomb, metadata().dump()).status, 413);
  EXPECT_EQ(post("/upload_raw/" + id, bomb, metadata({256, 256, 256}).dump()).status, 413) << "more than all sessions";
  EXPECT_EQ(mask_of(click(id, 6, 6, 6)), before);
}

TEST_F(ItkSnapTest, ADrawingNeedsAForegroundAndTheImagesGrid) {
  const std::string id = start_with_image();
  std::vector<float> drawing(kVoxels);
  drawing[at(5, 5, 5)] = 1;
  for (const char* kind : {"scribble", "lasso"}) {
    const std::string path = fmt::format("/process_{}_interaction/{}", kind, id);
    expect_refused(post(path, drawing));
    expect_refused(post(path + "?foreground=", drawing));
    const Response turned = post(path + "?foreground=true", drawing, metadata({12, 14, 15}));
    expect_refused(turned);
    EXPECT_THAT(text_of(turned), HasSubstr("expected those of the image, 15 x 14 x 12"));
  }
}

TEST_F(ItkSnapTest, AStrangersTextIsQuotedAsOneShortLine) {
  expect_refused(get("/v2/start_session/" + std::string(5000, 'x')));
  expect_refused(get("/v2/start_session/%C3%BC%FF"));
  EXPECT_EQ(get("/v2/start_session/SAM2").status, 404);
}

// ---- sessions

TEST_F(ItkSnapTest, IdsThatWereNeverGivenAreRefused) {
  for (const char* id : {"x", "lease", "00000000000000000000000000000000"}) {
    for (const Response& response :
         {click(id, 1, 1, 1), get(std::string("/reset_interactions/") + id),
          post(std::string("/upload_raw/") + id, scan()), draw("scribble", id, {5}), draw("lasso", id, {5})}) {
      EXPECT_EQ(response.status, 410);
      EXPECT_THAT(text_of(response), HasSubstr("restart ITK-SNAP"));
    }
    EXPECT_EQ(get(std::string("/v2/end_session/") + id).status, 200);
  }
  EXPECT_EQ(get("/reset_interactions/").status, 404);
}

TEST_F(ItkSnapTest, APromptBeforeTheImageIsAConflict) {
  const std::string id = start();
  EXPECT_EQ(click(id, 1, 1, 1).status, 409);
  EXPECT_EQ(draw("lasso", id, {5}).status, 409);
  EXPECT_EQ(get("/reset_interactions/" + id).status, 200);
  EXPECT_EQ(post("/upload_raw/" + id, scan()).status, 200);
  mask_of(click(id, 1, 1, 1));
}

TEST_F(ItkSnapTest, ClientsAreKeptApart) {
  const std::string alice = start_with_image(), bob = start_with_image();
  const Mask hers = mask_of(click(alice, 2, 2, 2));
  const Mask his = mask_of(click(bob, 12, 11, 10));
  EXPECT_EQ(his[at(2, 2, 2)], 0);
  get("/end_session/" + bob);
  EXPECT_EQ(mask_of(click(alice, 2, 2, 2)), hers);
}

TEST_F(ItkSnapTest, AnIdleSessionStaysUntilItsPlaceIsNeeded) {
  const std::string first = start_with_image();
  now_ += std::chrono::seconds(300);
  const std::string second = start_with_image(), third = start_with_image();
  const Response full = get("/start_session");
  EXPECT_EQ(full.status, 503);
  EXPECT_THAT(text_of(full), HasSubstr("capacity"));
  now_ += std::chrono::hours(1);
  mask_of(click(first, 2, 2, 2));  // an hour without a word, and still here
  start();
  mask_of(click(first, 2, 2, 2));
  EXPECT_EQ(click(second, 2, 2, 2).status + click(third, 2, 2, 2).status, 410 + 200);
}

TEST_F(ItkSnapTest, AnImageThatMadeRoomIsMissedAloudUntilAnotherIsUploaded) {
  const std::string id = start_with_image();
  mask_of(click(id, 2, 2, 2));
  sessions_.drop("lease " + id);
  EXPECT_EQ(click(id, 2, 2, 2).status, 410);
  EXPECT_EQ(get("/reset_interactions/" + id).status, 410);
  EXPECT_EQ(post("/upload_raw/" + id, scan()).status, 200);
  mask_of(click(id, 2, 2, 2));
}

TEST_F(ItkSnapTest, PredictionsAreCountedAndKeepNoHistory) {
  const std::string id = start_with_image();
  mask_of(click(id, 6, 6, 6));
  expect_refused(click(id, 60, 6, 6));
  EXPECT_THAT(metrics_.text(), HasSubstr("sagittal_predictions_total{type=\"point\"} 1\n"));
  EXPECT_FALSE(sessions_.get("lease " + id)->session.can_undo());
}

}  // namespace
}  // namespace sagittal::server
