#include "server/dialects/nninteractive_v2.h"

#include <gmock/gmock.h>

#include <functional>
#include <vector>

#include "expect_error.h"
#include "io/nnia.h"
#include "server/dialects/slicer_v0.h"
#include "server/prompted.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;

constexpr Index3 kShape{12, 14, 15};
constexpr std::size_t kVoxels = 12 * 14 * 15;

std::size_t at(std::int64_t k, std::int64_t j, std::int64_t i) {
  return static_cast<std::size_t>((k * kShape[1] + j) * kShape[2] + i);
}

/// One server with both dialects, without sockets.
class NnInteractiveV2Test : public testing::Test {
 protected:
  template <class T>
  std::string packed(const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
    return std::string(
        as_text(io::write_nnia(scalar_type_of<T>(), false, shape, std::as_bytes(std::span(values)), pool_)));
  }
  static std::vector<std::int16_t> scan() {
    std::vector<std::int16_t> voxels(kVoxels);
    for (std::size_t v = 0; v < kVoxels; ++v) voxels[v] = static_cast<std::int16_t>(v % 100);
    return voxels;
  }

  Response send(const std::string& method, const std::string& path, const std::string& token, const std::string& body,
                const std::string& meta = "") {
    Request request;
    request.method = method;
    request.path = path;
    request.remote_address = "10.0.0.1";
    request.headers.push_back({"Content-Type", meta.empty() ? "application/json" : "application/octet-stream"});
    if (!token.empty()) request.headers.push_back({"X-Lease-Token", token});
    if (!meta.empty()) request.headers.push_back({"X-Meta", meta});
    request.body = http::Body::copy_of(as_bytes(body));
    return router_.handle(std::move(request));
  }
  Response post(const std::string& path, const Json& json) { return send("POST", path, token_, json.dump()); }
  Response post_array(const std::string& path, const Json& meta, const std::string& array) {
    return send("POST", path, token_, array, meta.dump());
  }

  void claim() { token_ = json_of(send("POST", "/claim", "", "")).at("lease_token").get<std::string>(); }
  Response set_image() { return post_array("/set_image", Json::object(), packed({1, 12, 14, 15}, scan())); }
  void start() {
    claim();
    ASSERT_EQ(set_image().status, 200);
    ASSERT_EQ(post("/set_target_buffer", {{"shape", kShape}, {"dtype", "uint8"}}).status, 200);
    ASSERT_EQ(post("/reset_interactions", Json::object()).status, 200);
  }
  Response click(double k, double j, double i, bool include = true, bool run = true) {
    return post("/add_point_interaction",
                {{"coordinates", {k, j, i}}, {"include_interaction", include}, {"run_prediction", run}});
  }

  static Json json_of(const Response& response) {
    EXPECT_EQ(response.status, 200) << as_text(response.bytes());
    return parse_json(as_text(response.bytes()), "answer");
  }
  static std::string detail_of(const Response& response) {
    return parse_json(as_text(response.bytes()), "answer").at("detail").get<std::string>();
  }
  static Json meta_of(const Response& response) {
    EXPECT_EQ(response.status, 200) << as_text(response.bytes());
    return parse_json(response.header("X-Meta"), "X-Meta");
  }

  /// What the client's buffer holds after an answer.
  void apply(const Response& response) {
    const Json meta = meta_of(response);
    if (meta.at("bbox").is_null()) {
      EXPECT_TRUE(response.bytes().empty());
      return;
    }
    const auto box = meta.at("bbox").get<std::vector<std::vector<std::int64_t>>>();
    const io::NpyArray part = io::read_nnia(response.bytes(), 1 << 20, "answer", pool_);
    EXPECT_EQ(meta.at("shape").get<std::vector<std::int64_t>>(), part.shape);
    const auto values = part.data.as<std::uint8_t>();
    std::size_t n = 0;
    for (auto k = box[0][0]; k < box[0][1]; ++k) {
      for (auto j = box[1][0]; j < box[1][1]; ++j) {
        for (auto i = box[2][0]; i < box[2][1]; ++i) target_[at(k, j, i)] = values[n++];
      }
    }
    EXPECT_EQ(n, values.size());
  }

  float last_seen(int interaction_channel) const {
    const auto values = network_->seen(network_->inputs.size() - 1, {16, 16, 16}).channel(1 + interaction_channel);
    return *std::max_element(values.begin(), values.end());
  }

  static std::vector<http::Route> routes(Sessions& sessions, Leases& leases, Metrics& metrics) {
    auto both = nninteractive_v2_routes(sessions, leases, metrics);
    for (auto& route : slicer_v0_routes(sessions, metrics)) both.push_back(std::move(route));
    return both;
  }

  ThreadPool pool_{2};
  std::shared_ptr<interact::StubNetwork> network_ = std::make_shared<interact::StubNetwork>(8, prompted);
  Sessions sessions_{
      interact::StubSession::make_model({16, 16, 16}, network_, {}), pool_, {4, 1 << 30, std::chrono::seconds(0)}};
  Leases leases_{sessions_, {.max_leases = 3, .idle = std::chrono::seconds(0)}};
  Metrics metrics_;
  http::Router router_{routes(sessions_, leases_, metrics_)};
  std::string token_;
  std::vector<std::uint8_t> target_ = std::vector<std::uint8_t>(kVoxels);
};

// ---- the plain course

TEST_F(NnInteractiveV2Test, AClickIsAnsweredWithTheBoxThatChanged) {
  start();
  const Response response = click(6, 7, 8);
  EXPECT_TRUE(meta_of(response).at("ran_prediction").get<bool>());
  EXPECT_EQ(meta_of(response).at("dtype"), "uint8");
  EXPECT_EQ(response.header("Content-Type"), "application/octet-stream");
  apply(response);
  EXPECT_EQ(target_[at(6, 7, 8)], 1);
  EXPECT_EQ(target_[at(0, 0, 0)], 0);
}

TEST_F(NnInteractiveV2Test, TheClientsBufferFollowsPromptsAndUndoOfAnyDepth) {
  start();
  std::vector<std::vector<std::uint8_t>> states{target_};
  for (const auto& [k, j, i, include] :
       std::vector<std::tuple<int, int, int, bool>>{{2, 2, 2, true}, {9, 11, 12, true}, {2, 2, 2, false}}) {
    apply(click(k, j, i, include));
    states.push_back(target_);
  }
  EXPECT_NE(states[0], states[1]);
  EXPECT_NE(states[1], states[2]);
  for (int n = 2; n >= 0; --n) {
    const Response response = post("/undo", Json::object());
    EXPECT_TRUE(meta_of(response).at("ran_prediction").get<bool>());
    apply(response);
    EXPECT_EQ(target_, states[static_cast<std::size_t>(n)]);
  }
  EXPECT_FALSE(meta_of(post("/undo", Json::object())).at("ran_prediction").get<bool>());
}

TEST_F(NnInteractiveV2Test, UndoDoesNotReachBehindAReset) {
  start();
  apply(click(6, 7, 8));
  post("/reset_interactions", Json::object());
  EXPECT_FALSE(meta_of(post("/undo", Json::object())).at("ran_prediction").get<bool>());
}

TEST_F(NnInteractiveV2Test, EveryPromptTypeAndBothSignsReachTheirChannel) {
  start();
  const std::string drawing = packed({1, 2, 2}, std::vector<std::uint8_t>{0, 1, 1, 0});
  std::vector<std::uint8_t> whole_drawing(kVoxels);
  whole_drawing[at(6, 6, 6)] = 1;
  const auto draw = [&](const char* path, bool sign, bool crop) {
    const Json meta{{"include_interaction", sign},
                    {"run_prediction", true},
                    {"override_capability_checks", false},
                    {"interaction_bbox", crop ? Json{{6, 7}, {6, 8}, {6, 8}} : Json()}};
    return post_array(path, meta, crop ? drawing : packed({12, 14, 15}, whole_drawing));
  };
  const std::vector<std::pair<std::function<Response(bool)>, int>> prompts{
      {[&](bool sign) { return click(6, 6, 6, sign); }, 3},
      {[&](bool sign) {
         return post("/add_bbox_interaction",
                     {{"bbox_coords", {{6, 7}, {3, 10}, {3, 10}}}, {"include_interaction", sign}});
       },
       1},
      {[&](bool sign) { return draw("/add_lasso_interaction", sign, true); }, 1},
      {[&](bool sign) { return draw("/add_scribble_interaction", sign, true); }, 5},
      {[&](bool sign) { return draw("/add_scribble_interaction", sign, false); }, 5}};
  for (const auto& [prompt, channel] : prompts) {
    for (const bool include : {true, false}) {
      post("/reset_interactions", Json::object());
      EXPECT_TRUE(meta_of(prompt(include)).at("ran_prediction").get<bool>());
      EXPECT_GT(last_seen(include ? channel : channel + 1), 0.5f) << channel << include;
      EXPECT_EQ(last_seen(include ? channel + 1 : channel), 0) << channel << include;
    }
  }
}

TEST_F(NnInteractiveV2Test, PromptsMayOnlyBeRecordedAndPredictedLater) {
  start();
  EXPECT_FALSE(meta_of(click(6, 7, 8, true, false)).at("ran_prediction").get<bool>());
  const Response response = post("/predict", {{"force_full_refine", false}});
  EXPECT_TRUE(meta_of(response).at("ran_prediction").get<bool>());
  apply(response);
  EXPECT_EQ(target_[at(6, 7, 8)], 1);
  EXPECT_FALSE(meta_of(post("/predict", Json::object())).at("ran_prediction").get<bool>());
}

TEST_F(NnInteractiveV2Test, AnInitialMaskIsKeptAndOnlyPredictedWhenAsked) {
  start();
  std::vector<std::uint8_t> mask(kVoxels);
  mask[at(3, 3, 3)] = 1;
  const Response response = post_array("/add_initial_seg_interaction", Json::object(), packed({12, 14, 15}, mask));
  EXPECT_FALSE(meta_of(response).at("ran_prediction").get<bool>());
  target_ = mask;
  apply(click(9, 9, 9));
  EXPECT_EQ(target_[at(3, 3, 3)], 1);
  EXPECT_EQ(target_[at(9, 9, 9)], 1);
}

TEST_F(NnInteractiveV2Test, TheAnswersTypeIsThatOfTheTargetBuffer) {
  start();
  for (const auto& [name, width] :
       std::vector<std::pair<std::string, std::size_t>>{{"bool", 1}, {"int16", 2}, {"int64", 8}}) {
    post("/set_target_buffer", {{"shape", kShape}, {"dtype", name}});
    post("/reset_interactions", Json::object());
    const Response response = click(6, 7, 8);
    EXPECT_EQ(meta_of(response).at("dtype"), name);
    const io::NpyArray part = io::read_nnia(response.bytes(), 1 << 20, "answer", pool_);
    EXPECT_EQ(part.is_bool, name == "bool");
    EXPECT_EQ(size_of(part.type), width);
  }
}

TEST_F(NnInteractiveV2Test, CapabilitiesHoldWhatTheClientNeeds) {
  const Json can = json_of(send("GET", "/capabilities", "", ""));
  for (const char* key :
       {"supported_interactions", "channel_mapping", "num_interaction_channels", "supports_initial_label",
        "supports_zero_shot_label_refinement", "preferred_scribble_thickness", "interaction_decay",
        "inference_session_version", "license", "supports_undo", "do_autozoom", "patch_size"}) {
    EXPECT_TRUE(can.contains(key)) << key;
  }
  EXPECT_EQ(can["inference_session_version"], "2.5.0") << "the release whose masks are answered";
  EXPECT_EQ(can.at("channel_mapping").at("points"), Json({3, 4}));
  EXPECT_EQ(can.at("preferred_scribble_thickness").size(), 3u);
}

// ---- leases

TEST_F(NnInteractiveV2Test, WithoutALeaseEverythingIsGone) {
  for (const std::string token : {"", "00000000000000000000000000000000"}) {
    token_ = token;
    const std::string array = packed({1, 1, 1}, std::vector<std::uint8_t>{1});
    EXPECT_EQ(post("/heartbeat", Json::object()).status, 410);
    EXPECT_EQ(send("GET", "/lease_status", token, "").status, 410);
    EXPECT_EQ(post("/undo", Json::object()).status, 410);
    EXPECT_EQ(set_image().status, 410);
    EXPECT_EQ(post_array("/add_scribble_interaction", Json::object(), array).status, 410);
    EXPECT_EQ(post_array("/add_lasso_interaction", Json::object(), array).status, 410);
    EXPECT_EQ(json_of(post("/release", Json::object())), Json({{"released", true}}));
  }
  EXPECT_EQ(click(1, 1, 1).status, 410);
  EXPECT_EQ(detail_of(post("/undo", Json::object())), "lease expired or unknown");
}

TEST_F(NnInteractiveV2Test, TheClientIsKnownOnSharedPathsByItsNameAlone) {
  Request request;
  request.method = "POST";
  request.path = "/add_point_interaction";
  request.headers = {{"Content-Type", "application/json"}, {"User-Agent", "python-httpx/0.28.1"}};
  request.body = http::Body::copy_of(as_bytes(R"({"coordinates":[1,2,3],"include_interaction":true})"));
  EXPECT_EQ(router_.handle(request).status, 410);
}

TEST_F(NnInteractiveV2Test, TwoClientsDoNotSeeEachOther) {
  start();
  const std::string first = token_;
  apply(click(6, 7, 8));
  const auto mask = target_;
  start();
  target_.assign(kVoxels, 0);
  apply(click(1, 1, 1));
  token_ = first;
  target_ = mask;
  apply(click(6, 7, 9));
  EXPECT_EQ(target_[at(1, 1, 1)], 0);
  EXPECT_EQ(target_[at(6, 7, 8)], 1);
}

TEST_F(NnInteractiveV2Test, AtCapacityClaimsAreRefusedAndSayWhenToRetry) {
  Leases few(sessions_, {.max_leases = 1});
  const http::Router router(nninteractive_v2_routes(sessions_, few, metrics_));
  Request request;
  request.method = "POST";
  request.path = "/claim";
  EXPECT_EQ(router.handle(request).status, 200);
  const Response refused = router.handle(request);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "10");
  EXPECT_EQ(detail_of(refused), "server is at capacity (1 sessions)");
}

TEST_F(NnInteractiveV2Test, ASessionThatHadToMakeRoomIsGoneNotEmpty) {
  start();
  sessions_.drop("lease " + token_);
  const Response response = click(6, 7, 8);
  EXPECT_EQ(response.status, 410);
  EXPECT_THAT(detail_of(response), testing::HasSubstr("make room"));
}

// ---- what does not fit

TEST_F(NnInteractiveV2Test, PromptsNeedAnImage) {
  claim();
  EXPECT_EQ(click(1, 1, 1).status, 400);
  EXPECT_EQ(post("/undo", Json::object()).status, 400);
  EXPECT_EQ(post("/reset_interactions", Json::object()).status, 200);
}

TEST_F(NnInteractiveV2Test, ClicksBesideTheImageMeanNothing) {
  start();
  apply(click(6, 7, 8));
  const auto before = target_;
  for (const auto& [k, j, i] : std::vector<std::array<double, 3>>{{-5, 0, 0}, {0, 14, 0}, {0, 0, 1e300}}) {
    const Response response = click(k, j, i);
    EXPECT_FALSE(meta_of(response).at("ran_prediction").get<bool>());
    apply(response);
    EXPECT_EQ(target_, before);
  }
}

TEST_F(NnInteractiveV2Test, BadRequestsSayWhyAndLeaveTheSessionAsItWas) {
  start();
  apply(click(6, 7, 8));
  const auto refused = [&](const Response& response) {
    EXPECT_EQ(response.status, 400) << as_text(response.bytes());
    EXPECT_FALSE(detail_of(response).empty());
  };
  const std::string one = packed({1, 1, 1}, std::vector<std::uint8_t>{1});
  refused(post("/add_point_interaction", {{"coordinates", {1, 2}}, {"include_interaction", true}}));
  refused(post("/add_point_interaction", {{"coordinates", {1, 2, 3}}}));
  refused(post("/add_point_interaction", Json::array()));
  refused(post("/add_bbox_interaction", {{"bbox_coords", {{1, 2}, {3, 4}}}, {"include_interaction", true}}));
  refused(post("/add_bbox_interaction", {{"bbox_coords", {{1, 1}, {3, 9}, {3, 9}}}, {"include_interaction", true}}));
  refused(post_array("/add_scribble_interaction",
                     {{"include_interaction", true}, {"interaction_bbox", {{11, 13}, {0, 1}, {0, 1}}}}, one));
  refused(post_array("/add_scribble_interaction",
                     {{"include_interaction", true}, {"interaction_bbox", {{0, 2}, {0, 1}, {0, 1}}}}, one));
  refused(post_array("/add_lasso_interaction", {{"include_interaction", true}}, one.substr(0, one.size() - 1)));
  refused(post_array("/set_image", Json::object(), packed({2, 2, 2, 2}, std::vector<std::int16_t>(16, 1))));
  refused(post_array("/set_image", Json::object(), packed({2, 2, 2}, std::vector<std::int16_t>(8, 1))));
  refused(post_array("/set_image", Json::object(), packed({1, 2, 2, 2}, std::vector<std::int16_t>(8))));
  refused(send("POST", "/set_image", token_, "", "not json"));
  refused(post("/set_target_buffer", {{"shape", {12, 14, 16}}, {"dtype", "uint8"}}));
  refused(post("/set_target_buffer", {{"shape", kShape}, {"dtype", "float32"}}));
  refused(post("/set_do_autozoom", Json::object()));
  const auto before = target_;
  apply(click(6, 7, 8));
  EXPECT_EQ(target_, before);
}

}  // namespace
}  // namespace sagittal::server
