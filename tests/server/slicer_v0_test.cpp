#include "server/dialects/slicer_v0.h"

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <vector>

#include "io/gzip.h"
#include "io/npy.h"
#include "server/prompted.h"
#include "volume/bits.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;
using testing::HasSubstr;
using testing::Not;

constexpr Index3 kShape{12, 14, 15};
constexpr std::size_t kVoxels = 12 * 14 * 15;
constexpr char kNoImage[] = R"({"message":"No image uploaded","status":"error"})";
constexpr char kOk[] = R"({"status":"ok"})";

std::size_t at(std::int64_t k, std::int64_t j, std::int64_t i) {
  return static_cast<std::size_t>((k * kShape[1] + j) * kShape[2] + i);
}

template <class T>
std::string npy(const std::vector<std::int64_t>& shape, const std::vector<T>& values) {
  return std::string(as_text(io::write_npy(scalar_type_of<T>(), shape, std::as_bytes(std::span(values)))));
}

std::string gzipped(const std::string& text) { return std::string(as_text(io::gzip(as_bytes(text)))); }

std::string part(const std::string& name, const std::string& content, const std::string& extra = "") {
  return "\r\n--b1\r\nContent-Disposition: form-data; name=\"" + name + "\"" + extra + "\r\n\r\n" + content;
}

std::string message_of(const Response& response) {
  return parse_json(as_text(response.bytes()), "answer").at("message").get<std::string>();
}

/// One server and any number of clients, without sockets.
class SlicerV0Test : public testing::Test {
 protected:
  Request request(const std::string& endpoint, const std::string& body, const std::string& content_type) const {
    Request request;
    request.method = "POST";
    request.path = endpoint;
    request.remote_address = address_;
    request.headers = {{"Content-Type", content_type}, {"Content-Encoding", "gzip"}};
    request.body = http::Body::copy_of(as_bytes(body));
    return request;
  }
  Response post(const std::string& endpoint, const std::string& body, const std::string& type = "application/json") {
    return router_.handle(request(endpoint, body, type));
  }
  Response post_parts(const std::string& endpoint, const std::string& parts) {
    return post(endpoint, parts + "\r\n--b1--\r\n", "multipart/form-data; boundary=b1");
  }

  static std::vector<std::int16_t> scan() {
    std::vector<std::int16_t> voxels(kVoxels);
    for (std::size_t v = 0; v < kVoxels; ++v) voxels[v] = static_cast<std::int16_t>(v % 100);
    return voxels;
  }
  static std::vector<std::int64_t> shape() { return {kShape.begin(), kShape.end()}; }

  Response upload(const std::string& file, const std::string& prefix = "") {
    return post_parts(prefix + "/upload_image", part("file", file, "; filename=\"volume.npy\""));
  }
  Response upload_scan(const std::string& prefix = "") { return upload(npy(shape(), scan()), prefix); }
  Response upload_mask(const std::vector<std::uint8_t>& mask, const std::string& prefix = "") {
    return post_parts(prefix + "/upload_segment", part("file", gzipped(npy(shape(), mask))));
  }
  Response click(std::int64_t k, std::int64_t j, std::int64_t i, bool positive = true, const std::string& prefix = "") {
    return post(prefix + "/add_point_interaction",
                Json{{"voxel_coord", {k, j, i}}, {"positive_click", positive}}.dump());
  }
  template <class T>
  static std::string drawing(const std::vector<T>& mask, const std::string& positive) {
    return part("file", gzipped(npy(shape(), mask)), "; filename=\"volume.npy.gz\"") + part("positive_click", positive);
  }

  /// The mask of an answer, checked as the client reads it.
  static std::vector<std::uint8_t> mask_of(const Response& response) {
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Content-Type"), "application/octet-stream") << as_text(response.bytes());
    EXPECT_EQ(response.header("Content-Encoding"), "gzip");
    const Buffer bits = io::gunzip(response.bytes(), 1 << 20, "answer");
    EXPECT_EQ(bits.size(), packed_size(kVoxels));
    std::vector<std::uint8_t> mask(kVoxels);
    unpack_bits({reinterpret_cast<const std::uint8_t*>(bits.data()), bits.size()}, mask);
    return mask;
  }
  static std::int64_t count(const std::vector<std::uint8_t>& mask) { return std::count(mask.begin(), mask.end(), 1); }
  static std::string body(const Response& response) { return std::string(as_text(response.bytes())); }

  /// Largest value of an interaction channel in the network's last pass.
  float last_seen(int interaction_channel) const {
    const auto values = network_->seen(network_->inputs.size() - 1, {16, 16, 16}).channel(1 + interaction_channel);
    return *std::max_element(values.begin(), values.end());
  }

  std::string address_ = "10.0.0.1";
  ThreadPool pool_{2};
  std::shared_ptr<interact::StubNetwork> network_ = std::make_shared<interact::StubNetwork>(8, prompted);
  Sessions sessions_{
      interact::StubSession::make_model({16, 16, 16}, network_, {}), pool_, {4, 1 << 30, std::chrono::seconds(60)}};
  Metrics metrics_;
  http::Router router_{slicer_v0_routes(sessions_, metrics_)};
};

// ---- the plain course

TEST_F(SlicerV0Test, AClickIsAnsweredWithTheWholePackedMask) {
  EXPECT_EQ(body(upload_scan()), kOk);
  EXPECT_EQ(body(upload_mask(std::vector<std::uint8_t>(kVoxels))), kOk);
  const auto mask = mask_of(click(6, 7, 8));
  EXPECT_EQ(mask[at(6, 7, 8)], 1);
  EXPECT_EQ(mask[at(0, 0, 0)], 0);
}

TEST_F(SlicerV0Test, EveryPromptTypeAndBothSignsReachTheirChannel) {
  upload_scan();
  std::vector<std::uint8_t> outline(kVoxels);
  outline[at(5, 5, 5)] = outline[at(5, 5, 6)] = 1;
  const std::vector<std::pair<std::function<Response(bool)>, int>> prompts{
      {[&](bool sign) { return click(6, 6, 6, sign); }, 3},
      {[&](bool sign) {
         return post(
             "/add_bbox_interaction",
             Json{{"outer_point_one", {6, 9, 9}}, {"outer_point_two", {6, 3, 3}}, {"positive_click", sign}}.dump());
       },
       1},
      {[&](bool sign) { return post_parts("/add_lasso_interaction", drawing(outline, sign ? "True" : "False")); }, 1},
      {[&](bool sign) { return post_parts("/add_scribble_interaction", drawing(outline, sign ? "True" : "False")); },
       5}};
  for (const auto& [prompt, channel] : prompts) {
    for (const bool positive : {true, false}) {
      upload_mask(std::vector<std::uint8_t>(kVoxels));
      mask_of(prompt(positive));
      EXPECT_GT(last_seen(positive ? channel : channel + 1), 0.5f) << channel << positive;
      EXPECT_EQ(last_seen(positive ? channel + 1 : channel), 0) << channel << positive;
    }
  }
}

TEST_F(SlicerV0Test, AnEmptyMaskStartsOver) {
  upload_scan();
  mask_of(click(2, 2, 2));
  EXPECT_EQ(body(upload_mask(std::vector<std::uint8_t>(kVoxels))), kOk);
  const auto mask = mask_of(click(9, 11, 12));
  EXPECT_EQ(mask[at(2, 2, 2)], 0);
  EXPECT_EQ(mask[at(9, 11, 12)], 1);
}

TEST_F(SlicerV0Test, AMaskWithVoxelsBecomesTheSegmentsStart) {
  upload_scan();
  std::vector<std::uint8_t> edited(kVoxels);
  for (std::int64_t i = 2; i < 6; ++i) edited[at(3, 3, i)] = 255;
  const std::size_t passes = network_->inputs.size();
  EXPECT_EQ(body(upload_mask(edited)), kOk);
  EXPECT_EQ(network_->inputs.size(), passes) << "uploading predicts nothing";
  const auto mask = mask_of(click(9, 11, 12));
  EXPECT_EQ(last_seen(0), 1);
  EXPECT_EQ(mask[at(3, 3, 4)], 1);
  EXPECT_EQ(mask[at(9, 11, 12)], 1);
}

TEST_F(SlicerV0Test, ANewImageDropsThePrompts) {
  upload_scan();
  mask_of(click(2, 2, 2));
  upload_scan();
  EXPECT_EQ(mask_of(click(9, 11, 12))[at(2, 2, 2)], 0);
}

TEST_F(SlicerV0Test, ImagesOfEveryScalarTypeAreTaken) {
  const auto taken = [&](auto zero) {
    std::vector<decltype(zero)> voxels(kVoxels);
    for (std::size_t v = 0; v < kVoxels; ++v) voxels[v] = static_cast<decltype(zero)>(v % 100);
    return body(upload(npy(shape(), voxels)));
  };
  EXPECT_EQ(taken(std::int8_t{}), kOk);
  EXPECT_EQ(taken(std::uint8_t{}), kOk);
  EXPECT_EQ(taken(std::int16_t{}), kOk);
  EXPECT_EQ(taken(std::uint16_t{}), kOk);
  EXPECT_EQ(taken(std::int32_t{}), kOk);
  EXPECT_EQ(taken(float{}), kOk);
  EXPECT_EQ(taken(double{}), kOk);
}

// ---- traps

TEST_F(SlicerV0Test, WithoutAnImageTheClientIsAskedForIt) {
  EXPECT_EQ(body(click(1, 1, 1)), kNoImage);
  EXPECT_EQ(body(upload_mask(std::vector<std::uint8_t>(kVoxels))), kNoImage);
  upload_scan();
  mask_of(click(1, 1, 1));
}

TEST_F(SlicerV0Test, AClickOutsideTheVolumeIsAReadableErrorAndChangesNothing) {
  upload_scan();
  const auto before = mask_of(click(6, 6, 6));
  for (const auto& [k, j, i] : std::vector<std::array<std::int64_t, 3>>{{-1, 0, 0},
                                                                        {0, -5, 0},
                                                                        {12, 0, 0},
                                                                        {0, 14, 0},
                                                                        {0, 0, 15},
                                                                        {1 << 30, 0, 0},
                                                                        {0, 0, INT64_MAX},
                                                                        {INT64_MIN, 0, 0}}) {
    const Response response = click(k, j, i);
    EXPECT_EQ(response.status, 200);
    EXPECT_THAT(message_of(response), Not(HasSubstr("No image")));
  }
  EXPECT_GE(count(mask_of(click(6, 6, 6))), count(before));
}

TEST_F(SlicerV0Test, AColourVolumeIsExplainedAndNeverAskedForAgain) {
  upload_scan();
  const Response refused = upload(npy<std::uint8_t>({4, 5, 6, 3}, std::vector<std::uint8_t>(360, 9)));
  EXPECT_EQ(refused.status, 200);
  EXPECT_THAT(message_of(refused), HasSubstr("3 values per voxel"));
  // The extension shows the colour volume now: an answer for the old one would be unpacked against the wrong shape.
  for (int i = 0; i < 3; ++i) EXPECT_THAT(message_of(click(1, 1, 1)), HasSubstr("3 values per voxel"));
  EXPECT_THAT(message_of(upload_mask(std::vector<std::uint8_t>(kVoxels))), HasSubstr("3 values per voxel"));
  upload_scan();
  mask_of(click(1, 1, 1));
}

TEST_F(SlicerV0Test, ImagesThatCannotBeNormalisedAreExplained) {
  EXPECT_THAT(body(upload(npy(shape(), std::vector<std::int16_t>(kVoxels, 7)))), HasSubstr("\"error\""));
  EXPECT_THAT(body(upload(npy(shape(), std::vector<float>(kVoxels, NAN)))), HasSubstr("\"error\""));
}

TEST_F(SlicerV0Test, DamagedUploadsLeaveTheSessionAsItWas) {
  upload_scan();
  const auto before = mask_of(click(6, 6, 6));
  const std::string file = npy(shape(), scan());
  for (const std::string& damaged :
       {file.substr(0, file.size() - 1), file + "x", std::string("\x93NUMPY"), std::string(), std::string(1000, 'x')}) {
    EXPECT_THAT(body(upload(damaged)), HasSubstr("\"error\""));
  }
  EXPECT_THAT(body(post("/upload_image", "no parts", "multipart/form-data; boundary=b1")), HasSubstr("\"error\""));
  EXPECT_THAT(body(post("/upload_image", file, "application/octet-stream")), HasSubstr("\"error\""));
  EXPECT_THAT(body(post_parts("/upload_segment", part("file", "not gzip"))), HasSubstr("\"error\""));
  EXPECT_THAT(body(post_parts("/upload_segment", part("mask", "wrong name"))), HasSubstr("\"error\""));
  EXPECT_THAT(body(post_parts("/add_lasso_interaction", part("file", "not gzip") + part("positive_click", "True"))),
              HasSubstr("\"error\""));
  EXPECT_EQ(mask_of(click(6, 6, 6)), before);
}

TEST_F(SlicerV0Test, MalformedJsonIsAReadableError) {
  upload_scan();
  for (const char* text :
       {"", "{", "[]", "1", "{}", R"({"voxel_coord":[1,2],"positive_click":true})", R"({"voxel_coord":[1,2,3]})",
        R"({"voxel_coord":"1,2,3","positive_click":true})", R"({"voxel_coord":[1,2,1e999],"positive_click":true})",
        R"({"voxel_coord":[1,2,3],"positive_click":[]})"}) {
    const Response response = post("/add_point_interaction", text);
    EXPECT_EQ(response.status, 200) << text;
    EXPECT_THAT(body(response), HasSubstr("\"status\":\"error\"")) << text;
    EXPECT_THAT(body(response), Not(HasSubstr("No image"))) << text;
    EXPECT_THAT(body(post("/add_bbox_interaction", text)), HasSubstr("\"status\":\"error\"")) << text;
  }
}

TEST_F(SlicerV0Test, AMaskOfAnotherShapeIsAReadableError) {
  upload_scan();
  const std::string small = part("file", gzipped(npy<std::uint8_t>({2, 2, 2}, std::vector<std::uint8_t>(8, 1))));
  EXPECT_THAT(message_of(post_parts("/upload_segment", small)), HasSubstr("2 x 2 x 2"));
  for (const char* endpoint : {"/add_lasso_interaction", "/add_scribble_interaction"}) {
    EXPECT_THAT(message_of(post_parts(endpoint, small + part("positive_click", "True"))), HasSubstr("12 x 14 x 15"));
  }
}

TEST_F(SlicerV0Test, OnlyOnesOfAScribbleArePaint) {
  upload_scan();
  std::vector<std::int16_t> difference(kVoxels);
  difference[at(6, 6, 6)] = 1;
  difference[at(1, 1, 1)] = -1;
  EXPECT_EQ(mask_of(post_parts("/add_scribble_interaction", drawing(difference, "True")))[at(1, 1, 1)], 0);
  difference[at(6, 6, 6)] = 0;
  EXPECT_THAT(message_of(post_parts("/add_scribble_interaction", drawing(difference, "True"))),
              HasSubstr("nothing new"));
}

TEST_F(SlicerV0Test, TheFlagIsTextInAnyCase) {
  upload_scan();
  std::vector<std::uint8_t> stroke(kVoxels);
  stroke[at(6, 6, 6)] = 1;
  const std::map<std::string, bool> words{{"True", true}, {"true", true},   {"1", true},
                                          {"YES", true},  {"False", false}, {"0", false}};
  for (const auto& [word, positive] : words) {
    upload_mask(std::vector<std::uint8_t>(kVoxels));
    EXPECT_EQ(mask_of(post_parts("/add_scribble_interaction", drawing(stroke, word)))[at(6, 6, 6)], positive) << word;
  }
}

TEST_F(SlicerV0Test, ARepeatedDrawingWithoutBodyIsRecalledOnce) {
  std::vector<std::uint8_t> stroke(kVoxels);
  stroke[at(6, 6, 6)] = 1;
  const std::string parts = drawing(stroke, "True");
  for (const char* endpoint : {"/add_lasso_interaction", "/add_scribble_interaction"}) {
    address_ += "1";
    EXPECT_EQ(body(post_parts(endpoint, parts)), kNoImage);
    upload_scan();
    Request again = request(endpoint, "", "multipart/form-data; boundary=b1");
    Response failure;
    const http::Route* route = router_.find(again, failure);
    ASSERT_TRUE(route && route->recall_body);
    Request stranger = again;
    stranger.remote_address = "10.9.9.9";
    EXPECT_FALSE(route->recall_body(stranger));
    const auto recalled = route->recall_body(again);
    ASSERT_TRUE(recalled);
    again.body = *recalled;
    EXPECT_EQ(mask_of(route->handler(again))[at(6, 6, 6)], 1);
    EXPECT_FALSE(route->recall_body(again));
  }
}

TEST_F(SlicerV0Test, AskingForTheImageEndsWhenItsUploadFails) {
  EXPECT_EQ(body(click(1, 1, 1)), kNoImage);
  Request upload = request("/upload_image", "", "multipart/form-data; boundary=b1");
  Response failure;
  const http::Route* route = router_.find(upload, failure);
  const auto broke_off = [&] { return translate(*route, upload, Error(ErrorCode::io, "broke off")); };
  EXPECT_EQ(message_of(broke_off()), "broke off");
  EXPECT_THAT(message_of(upload_mask(std::vector<std::uint8_t>(kVoxels))), HasSubstr("broke off"));
  EXPECT_THAT(message_of(click(1, 1, 1)), HasSubstr("broke off"));
  EXPECT_EQ(body(click(1, 1, 1)), kNoImage) << "the next click tries again";
  upload_scan();
  mask_of(click(1, 1, 1));
  broke_off();
  EXPECT_EQ(body(click(1, 1, 1)), kNoImage) << "the extension believes the new image to be here, so it must be asked";
}

TEST_F(SlicerV0Test, PromptsAreNeverAnsweredWithStatusOk) {
  upload_scan();
  for (const char* endpoint :
       {"/add_point_interaction", "/add_bbox_interaction", "/add_lasso_interaction", "/add_scribble_interaction"}) {
    for (const char* text : {"", "{}", "--b1--"}) EXPECT_THAT(body(post(endpoint, text)), Not(HasSubstr("\"ok\"")));
  }
}

// ---- several clients

TEST_F(SlicerV0Test, ClientsAreKeptApartByPrefixUserAndAddress) {
  upload_scan();
  EXPECT_EQ(body(click(1, 1, 1, true, "/alice")), kNoImage);
  EXPECT_EQ(body(upload_scan("/alice")), kOk);
  mask_of(click(2, 2, 2, true, "/alice"));
  EXPECT_EQ(mask_of(click(9, 9, 9))[at(2, 2, 2)], 0);
  address_ = "10.0.0.2";
  EXPECT_EQ(body(click(1, 1, 1)), kNoImage);
  EXPECT_EQ(mask_of(click(9, 9, 9, true, "/alice"))[at(2, 2, 2)], 1) << "a prefix is the same client from any address";
}

TEST_F(SlicerV0Test, AFullServerSaysSoAndAsksForTheImageOncePerClick) {
  for (const char* prefix : {"/a", "/b", "/c", "/d"}) EXPECT_EQ(body(upload_scan(prefix)), kOk);
  EXPECT_THAT(message_of(upload_scan("/e")), HasSubstr("in use"));
  EXPECT_EQ(body(click(1, 1, 1, true, "/e")), kNoImage);
  EXPECT_THAT(message_of(upload_scan("/e")), HasSubstr("in use"));
  EXPECT_THAT(message_of(click(1, 1, 1, true, "/e")), HasSubstr("in use"));
  mask_of(click(1, 1, 1, true, "/a"));
}

TEST_F(SlicerV0Test, PredictionsAreCounted) {
  upload_scan();
  click(6, 6, 6);
  click(60, 6, 6);
  EXPECT_THAT(metrics_.text(), HasSubstr("sagittal_predictions_total{type=\"point\"} 1\n"));
}

}  // namespace
}  // namespace sagittal::server
