#include "server/dialects/monai_label.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "io/image_io.h"
#include "server/http/multipart.h"
#include "server/prompted.h"

namespace sagittal::server {
namespace {

using http::Request;
using http::Response;
using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Lt;

const Geometry kGrid{{15, 14, 12}, {0.5, 0.75, 2}, {-10, 20, 30.5}, {{{0, 1, 0}, {1, 0, 0}, {0, 0, -1}}}};
constexpr std::size_t kVoxels = 15 * 14 * 12;
using Mask = std::vector<std::uint8_t>;

std::size_t at(std::int64_t i, std::int64_t j, std::int64_t k) {
  return static_cast<std::size_t>((k * 14 + j) * 15 + i);
}

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

std::string scan(const char* format = "nii.gz") {
  std::vector<std::int16_t> voxels(kVoxels);
  for (std::size_t v = 0; v < kVoxels; ++v) voxels[v] = static_cast<std::int16_t>(v % 100);
  return text_of(io::encode_image(make_volume<std::int16_t>(kGrid, voxels), format));
}

std::string part(const std::string& name, const std::string& content, const std::string& file = "") {
  const std::string more = file.empty() ? "" : fmt::format("; filename=\"{}\"", file);
  return fmt::format("--b1\r\nContent-Disposition: form-data; name=\"{}\"{}\r\n\r\n{}\r\n", name, more, content);
}

Json clicks(std::vector<Index3> foreground, std::vector<Index3> background = {}, const std::string& label = "liver") {
  return {{"foreground", foreground}, {"background", background}, {"label", label}};
}

/// One server and any number of clients, without sockets.
class MonaiLabelTest : public testing::Test {
 protected:
  Response send(const std::string& method, const std::string& target, const std::string& body = "") {
    Request request;
    request.method = method;
    http::set_target(request, target);
    request.remote_address = "10.0.0.1";
    request.headers = {{"Content-Type", "multipart/form-data; boundary=b1"}};
    request.body = http::Body::copy_of(as_bytes(body.empty() ? body : body + "--b1--\r\n"));
    return router_.handle(std::move(request));
  }
  static Json json_of(const Response& response) {
    EXPECT_EQ(response.status, 200) << text_of(response.bytes());
    EXPECT_FALSE(response.next_block) << "an answer must have a length";
    return parse_json(as_text(response.bytes()), "answer");
  }
  std::string start(const std::string& file = scan(), const std::string& name = "tmp1.nii.gz") {
    return json_of(send("PUT", "/session/", part("files", file, name))).at("session_id").get<std::string>();
  }
  Response infer(const std::string& id, const Json& params, const std::string& more = "",
                 const std::string& model = "nnInteractive") {
    return send("POST", fmt::format("/infer/{}?image=x&session_id={}", model, id),
                part("params", params.dump()) + more);
  }
  Response scribble(const std::string& id, const std::vector<std::uint8_t>& labels, const Geometry& grid = kGrid) {
    const Json info{{{"name", "liver"}, {"id", 1}},
                    {{"name", "background_scribbles"}, {"id", 2}},
                    {{"name", "foreground_scribbles"}, {"id", 3}}};
    const Json params{{"roi", Json::array()}, {"label_info", info}, {"selected_label_name", "liver"}};
    const auto file = text_of(io::encode_image(make_volume<std::uint8_t>(grid, labels), "nii.gz"));
    return infer(id, params, part("label", file, "strokes.nii.gz"), "nnInteractive-scribbles");
  }

  /// The two parts of an answer, checked as the client needs them.
  static Json params_of(const Response& response) { return parse_json(part_of(response, "params"), "params"); }
  static Mask mask_of(const Response& response) {
    const std::string file = part_of(response, "image");
    const Volume mask = io::read_image(as_bytes(file), "answer");
    EXPECT_EQ(mask.geometry(), kGrid);
    const auto voxels = mask.as<std::uint8_t>();
    return {voxels.begin(), voxels.end()};
  }
  static std::string part_of(const Response& response, const std::string& name) {
    EXPECT_EQ(response.status, 200) << text_of(response.bytes());
    EXPECT_EQ(response.header("Content-Encoding"), "");
    EXPECT_FALSE(response.next_block) << "an answer must have a length";
    const auto boundary = http::multipart_boundary(response.header("Content-Type"));
    const auto parts = http::parse_multipart(response.bytes(), boundary);
    return text_of(http::find_part(parts, name).content);
  }
  static void expect_refused(const Response& response, const std::string& why = "") {
    EXPECT_THAT(response.status, AllOf(Ge(400), Lt(502)));
    EXPECT_THAT(parse_json(as_text(response.bytes()), "answer").at("detail").get<std::string>(), HasSubstr(why));
  }

  ThreadPool pool_{2};
  std::shared_ptr<interact::StubNetwork> network_ = std::make_shared<interact::StubNetwork>(8, prompted);
  std::shared_ptr<interact::StubNetwork> other_network_ =
      std::make_shared<interact::StubNetwork>(8, [](const auto& seen, const auto& p) { return !prompted(seen, p); });
  Sessions sessions_{Models({interact::StubSession::make_model({16, 16, 16}, network_, {}),
                             interact::StubSession::make_model({16, 16, 16}, other_network_, {}, "My other")}),
                     pool_,
                     {4, 1 << 20, std::chrono::seconds(0)}};
  Leases leases_{sessions_, {.max_leases = 3, .liveness = std::chrono::seconds(600)}};
  Metrics metrics_;
  Studies studies_{{}};
  SavedLabels labels_{{}};
  http::Router router_{monai_label_routes(sessions_, leases_, metrics_, studies_, labels_)};
};

// ---- the plain course

TEST_F(MonaiLabelTest, InfoDescribesEveryModelAsTheModuleReadsIt) {
  const Json info = json_of(send("GET", "/info/"));
  EXPECT_FALSE(info.contains("config")) << "the module would ask for a newer server";
  EXPECT_EQ(info.at("models").at("nnInteractive").at("type"), "deepgrow");
  EXPECT_EQ(info.at("models").at("nnInteractive-scribbles").at("type"), "scribbles");
  for (const auto& [name, model] : info.at("models").items()) {
    EXPECT_TRUE(model.at("description").is_string());
    EXPECT_EQ(model.at("dimension"), 3);
    EXPECT_TRUE(model.at("labels").is_array());
  }
  EXPECT_EQ(info.at("datastore").at("total"), 0);
}

TEST_F(MonaiLabelTest, FurtherModelsAreListedAndAnswer) {
  const Json models = json_of(send("GET", "/info/")).at("models");
  EXPECT_EQ(models.size(), 4u);
  EXPECT_EQ(models.at("nnInteractive@My other").at("type"), "deepgrow");
  EXPECT_EQ(models.at("nnInteractive-scribbles@My other").at("type"), "scribbles");
  const std::string id = start();
  const Json all = clicks({{6, 6, 6}, {10, 8, 8}});
  const Mask own = mask_of(infer(id, all));
  for (const char* name : {"nnInteractive%40My%20other", "nnInteractive@My+other"}) {
    const Mask other = mask_of(infer(id, all, "", name));
    EXPECT_EQ(own[at(6, 6, 6)], 1);
    EXPECT_EQ(other[at(6, 6, 6)], 0) << name;
  }
  EXPECT_EQ(mask_of(infer(id, all)), own);
  expect_refused(infer(id, all, "", "nnInteractive@none"),
                 "only nnInteractive, nnInteractive-scribbles, nnInteractive@My");
}

TEST_F(MonaiLabelTest, NobodyMustLogInAndNothingTrains) {
  EXPECT_EQ(json_of(send("GET", "/auth/")), (Json{{"enabled", false}}));
  EXPECT_EQ(send("GET", "/train/?check_if_running=true").status, 404);
}

TEST_F(MonaiLabelTest, ASessionIsThereUntilItIsDeleted) {
  const std::string id = start();
  EXPECT_EQ(send("GET", "/session/" + id).status, 200);
  EXPECT_EQ(send("DELETE", "/session/" + id).status, 200);
  EXPECT_EQ(send("GET", "/session/" + id).status, 404);
  expect_refused(send("DELETE", "/session/" + id));
  EXPECT_EQ(infer(id, clicks({{1, 1, 1}})).status, 404);
  EXPECT_EQ(sessions_.count(), 0u);
}

TEST_F(MonaiLabelTest, AClickIsAnsweredInTheGeometryOfTheImage) {
  for (const char* format : {"nii.gz", "nrrd", "mha"}) {
    const std::string id = start(scan(format), fmt::format("tmp.{}", format));
    const Response response = infer(id, clicks({{12, 3, 5}}));
    const Mask mask = mask_of(response);
    EXPECT_EQ(mask[at(12, 3, 5)], 1);
    EXPECT_EQ(mask[at(5, 3, 11)], 0) << "i, j and k are not mixed up";
    EXPECT_EQ(params_of(response), (Json{{"ignored_clicks", 0}, {"label_names", {{"liver", 1}}}}));
    send("DELETE", "/session/" + id);
  }
}

TEST_F(MonaiLabelTest, ClicksByTheNameOfTheLabelMeanTheSame) {
  const std::string id = start();
  const Mask plain = mask_of(infer(id, clicks({{6, 6, 6}}, {{10, 10, 10}})));
  const Json by_name{{"spleen", {{6, 6, 6}}}, {"background", {{10, 10, 10}}}, {"label", "spleen"}};
  EXPECT_EQ(mask_of(infer(id, by_name)), plain);
}

TEST_F(MonaiLabelTest, OnlyNewClicksRunTheNetwork) {
  const std::string id = start();
  mask_of(infer(id, clicks({{2, 2, 2}})));
  const std::size_t passes = network_->inputs.size();
  const Mask two = mask_of(infer(id, clicks({{2, 2, 2}, {12, 11, 10}})));
  EXPECT_EQ(network_->inputs.size(), passes + 1);
  EXPECT_EQ(mask_of(infer(id, clicks({{2, 2, 2}, {12, 11, 10}}))), two);
  EXPECT_EQ(network_->inputs.size(), passes + 1);
  EXPECT_EQ(two[at(2, 2, 2)], 1);
  EXPECT_EQ(two[at(12, 11, 10)], 1);
}

TEST_F(MonaiLabelTest, AClickThatWasTakenBackLeavesNoTrace) {
  const std::string id = start();
  const Mask one = mask_of(infer(id, clicks({{2, 2, 2}})));
  mask_of(infer(id, clicks({{2, 2, 2}, {12, 11, 10}}, {{2, 2, 2}})));
  EXPECT_EQ(mask_of(infer(id, clicks({{2, 2, 2}}))), one);
  EXPECT_EQ(mask_of(infer(id, clicks({}))), Mask(kVoxels, 0));
}

TEST_F(MonaiLabelTest, EachLabelHasItsOwnSegment) {
  const std::string id = start();
  const Mask liver = mask_of(infer(id, clicks({{2, 2, 2}}, {}, "liver")));
  const Mask spleen = mask_of(infer(id, clicks({{12, 11, 10}}, {}, "spleen")));
  EXPECT_EQ(spleen[at(2, 2, 2)], 0);
  EXPECT_EQ(mask_of(infer(id, clicks({{2, 2, 2}}, {}, "liver"))), liver);
}

TEST_F(MonaiLabelTest, ClicksOutsideTheImageAreLeftOutAndCounted) {
  const std::string id = start();
  const Mask one = mask_of(infer(id, clicks({{2, 2, 2}})));
  const Response response = infer(id, clicks({{2, 2, 2}, {15, 2, 2}, {-1, 0, 0}}, {{INT64_MAX, 0, 0}}));
  EXPECT_EQ(mask_of(response), one);
  EXPECT_EQ(params_of(response).at("ignored_clicks"), 3);
}

TEST_F(MonaiLabelTest, StrokesStartFromTheSegmentAsTheViewerHasIt) {
  const std::string id = start();
  std::vector<std::uint8_t> labels(kVoxels);
  labels[at(3, 3, 3)] = labels[at(4, 3, 3)] = 1;
  EXPECT_EQ(mask_of(scribble(id, labels))[at(3, 3, 3)], 1) << "without strokes it stays as it is";
  labels[at(4, 3, 3)] = 2;
  labels[at(9, 9, 9)] = 3;
  const Mask mask = mask_of(scribble(id, labels));
  EXPECT_EQ(mask[at(3, 3, 3)], 1);
  EXPECT_EQ(mask[at(4, 3, 3)], 0);
  EXPECT_EQ(mask[at(9, 9, 9)], 1);
  EXPECT_EQ(mask_of(scribble(id, labels)), mask) << "all strokes come every time";
}

TEST_F(MonaiLabelTest, ANamedImageBelongsToTheClientThatSentIt) {
  EXPECT_EQ(
      json_of(send("PUT", "/alice/datastore/?image=CT+1", part("params", "{}") + part("file", scan(), "a.nii.gz"))),
      (Json{{"image", "CT 1"}}));
  EXPECT_EQ(json_of(send("GET", "/alice/datastore/")).at("total"), 1);
  EXPECT_TRUE(json_of(send("GET", "/alice/datastore/?output=all")).at("objects").contains("CT 1"));
  const std::string body = part("params", clicks({{6, 6, 6}}).dump());
  EXPECT_EQ(mask_of(send("POST", "/alice/infer/nnInteractive?image=CT+1", body))[at(6, 6, 6)], 1);
  expect_refused(send("POST", "/bob/infer/nnInteractive?image=CT+1", body), "upload it again");
  EXPECT_EQ(json_of(send("GET", "/bob/datastore/")).at("total"), 0);
}

TEST_F(MonaiLabelTest, TheOldestNamedImageMakesRoom) {
  for (int n = 0; n < 6; ++n) {
    EXPECT_EQ(send("PUT", fmt::format("/datastore/image?image={}", n), part("file", scan(), "a.nii.gz")).status, 200);
  }
  EXPECT_EQ(json_of(send("GET", "/datastore/")).at("total"), 4);
  expect_refused(send("POST", "/infer/nnInteractive?image=0", part("params", clicks({{1, 1, 1}}).dump())));
}

TEST_F(MonaiLabelTest, NamedImagesCountAsSessionsOfTheKeysOwner) {
  Sessions sessions(interact::StubSession::make_model({16, 16, 16}, network_, {}), pool_,
                    {.max_sessions = 4,
                     .max_memory_bytes = 1 << 20,
                     .min_idle = std::chrono::seconds(0),
                     .max_sessions_per_owner = 1});
  const http::Router router(monai_label_routes(sessions, leases_, metrics_, studies_, labels_));
  for (const char* image : {"1", "2"}) {
    Request request;
    request.method = "PUT";
    http::set_target(request, fmt::format("/datastore/?image={}", image));
    request.owner = "alice";
    request.headers = {{"Content-Type", "multipart/form-data; boundary=b1"}};
    request.body = http::Body::copy_of(as_bytes(part("file", scan(), "a.nii.gz") + "--b1--\r\n"));
    EXPECT_EQ(router.handle(std::move(request)).status, 200);
    EXPECT_EQ(sessions.count(), 1u);
  }
}

TEST_F(MonaiLabelTest, TheBrowserGetsARawFile) {
  const std::string id = start();
  Json params = clicks({{6, 6, 6}});
  params.update({{"result_extension", ".nrrd"}, {"result_dtype", "uint16"}, {"result_compress", false}});
  const Response response = send("POST", fmt::format("/infer/nnInteractive?image=x&session_id={}&output=image", id),
                                 part("params", params.dump()));
  ASSERT_EQ(response.status, 200);
  const std::string file = text_of(response.bytes());
  EXPECT_THAT(file.substr(0, 400), AllOf(HasSubstr("encoding: raw"), HasSubstr("type: uint16")));
  EXPECT_TRUE(file.ends_with(std::string(2 * 15, '\0')));
  const Volume mask = io::read_image(as_bytes(file), "answer");
  EXPECT_EQ(mask.as<std::uint16_t>()[at(6, 6, 6)], 1);
}

// ---- what is not offered, and strangers' bytes

TEST_F(MonaiLabelTest, WhatIsNotOfferedIsSaidInWords) {
  const std::string id = start();
  expect_refused(send("PUT", "/datastore/label?image=x", part("label", "...", "a.nrrd")), "save the segmentation");
  EXPECT_EQ(json_of(send("POST", "/activelearning/first", "{}")), Json::object()) << "the client says it in words";
  expect_refused(infer(id, clicks({}), "", "deepedit"), "there is no model deepedit");
  Json with_roi = clicks({{1, 1, 1}});
  with_roi["roi"] = {0, 5, 0, 5, 0, 5};
  expect_refused(infer(id, with_roi), "region of interest");
  const std::string two = part("files", scan(), "1.dcm") + part("files", scan(), "2.dcm");
  expect_refused(send("PUT", "/session/", two), "expected one image");
}

TEST_F(MonaiLabelTest, BadRequestsLeaveTheSegmentAsItWas) {
  const std::string id = start();
  const Mask before = mask_of(infer(id, clicks({{6, 6, 6}})));
  for (const char* params :
       {"", "{", "[]", "7", R"({"foreground":7})", R"({"foreground":[[1,2]]})", R"({"foreground":[[1,2,3.5]]})",
        R"({"foreground":[["1","2","3"]]})", R"({"foreground":[[1,2,null]]})", R"({"background":{"a":1}})",
        R"({"label":7})", R"({"result_dtype":"float32"})", R"({"result_extension":".nii"})",
        R"({"foreground":[[18446744073709551615,0,0],"x"]})"}) {
    SCOPED_TRACE(params);
    expect_refused(send("POST", "/infer/nnInteractive?session_id=" + id, part("params", params)));
  }
  expect_refused(infer(id, clicks(std::vector<Index3>(1001, {1, 1, 1}))), "at most 1000");
  expect_refused(infer(id, clicks({}, {}, std::string(201, 'x'))), "too long");
  EXPECT_EQ(mask_of(infer(id, clicks({{6, 6, 6}}))), before);
  EXPECT_EQ(network_->inputs.size(), 1u);
}

TEST_F(MonaiLabelTest, BadFilesMakeNoSession) {
  const std::string good = scan();
  for (const std::string& file : {std::string(), std::string("x"), good.substr(0, good.size() / 2),
                                  std::string(1000, '\x1f'), std::string("NRRD0004\n\n")}) {
    expect_refused(send("PUT", "/session/", part("files", file, "tmp.nii.gz")));
  }
  expect_refused(send("PUT", "/session/", part("other", good, "tmp.nii.gz")));
  EXPECT_EQ(leases_.count(), 0u);
  const std::string id = start();
  expect_refused(scribble(id, std::vector<std::uint8_t>(10 * 14 * 12), {{10, 14, 12}}), "label map has");
  EXPECT_EQ(infer(id, Json{{"label_info", 3}}, "", "nnInteractive-scribbles").status, 400);
}

TEST_F(MonaiLabelTest, TooManyLabelsAreRefused) {
  const std::string id = start();
  for (int n = 0; n < 256; ++n) ASSERT_EQ(infer(id, clicks({}, {}, std::to_string(n))).status, 200);
  expect_refused(infer(id, clicks({}, {}, "one more")), "more than 256 segments");
}

}  // namespace
}  // namespace sagittal::server
