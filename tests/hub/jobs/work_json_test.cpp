#include "hub/jobs/work_json.h"

#include "expect_error.h"

namespace sagittal::hub {
namespace {

JobRequest some_request() {
  JobRequest request;
  request.model = "lungmask";
  request.source = "mhub";
  request.workflow = "default";
  request.backend = "podman";
  request.inputs = {{"ct", "/scans/é", "1.2.3"}, {"pt", "/scans/pt.nii.gz", ""}};
  request.gpus = {0, 2};
  request.limits.cpus = 2.5;
  request.limits.time = std::chrono::minutes(7);
  return request;
}

Json without(Json json, const char* key) {
  json.erase(key);
  return json;
}

Json with(Json json, const char* key, Json value) {
  json[key] = std::move(value);
  return json;
}

TEST(Request, SurvivesItsText) {
  const JobRequest request = some_request();
  const JobRequest back = parse_request(request_json(request).dump(), "request.json");
  EXPECT_EQ(request_json(back), request_json(request));
  EXPECT_EQ(back.inputs.at(0).path, "/scans/é");
  EXPECT_EQ(back.limits.time, std::chrono::minutes(7));
}

TEST(Request, TakesDefaultsForWhatIsMissing) {
  const JobRequest request = parse_request(R"({"version":1,"model":"m","inputs":[{"path":"/a"}]})", "request.json");
  EXPECT_EQ(request.on, "local");
  EXPECT_EQ(request.limits.memory_bytes, Limits().memory_bytes);
}

TEST(Request, ForgedOnesAreRefused) {
  const Json good = request_json(some_request());
  const Json input{{"path", "/a"}};
  for (const Json& bad : {
           without(good, "model"),
           without(good, "inputs"),
           with(good, "model", ""),
           with(good, "model", "a\nb"),
           with(good, "model", 3),
           with(good, "model", std::string(5000, 'a')),
           with(good, "backend", "chroot"),
           with(good, "on", "moon"),
           with(good, "inputs", Json::array()),
           with(good, "inputs", Json::array({3})),
           with(good, "inputs", Json::array({{{"path", "relative"}}})),
           with(good, "inputs", Json::array({{{"path", "/a"}, {"role", "../ct"}}})),
           with(good, "inputs", std::vector<Json>(65, input)),
           with(good, "gpus", {0, 1.5}),
           with(good, "gpus", {-1}),
           with(good, "gpus", std::vector<int>(65, 0)),
           with(good, "gpus", {1e300}),
           with(good, "limits", {{"memory_bytes", 0}}),
           with(good, "limits", {{"memory_bytes", 1e30}}),
           with(good, "limits", {{"cpus", 0}}),
           with(good, "limits", {{"cpus", 1e300}}),
           with(good, "limits", {{"time_ms", -5}}),
           with(good, "limits", {{"time_ms", INT64_MAX}}),
           with(good, "limits", {{"processes", 1e9}}),
           with(good, "limits", 3),
           with(good, "image", "--privileged"),
       }) {
    SCOPED_TRACE(bad.dump().substr(0, 300));
    EXPECT_ERROR(parse_request(bad.dump(), "request.json"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_request("[]", "request.json"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_request(with(good, "version", 2).dump(), "request.json"), ErrorCode::unsupported);
}

TEST(Request, PathsThatAreNoUtf8AreRefusedBeforeTheyAreWritten) {
  JobRequest request = some_request();
  request.inputs[0].path = "/scans/\xff";
  EXPECT_ERROR(check(request), ErrorCode::bad_input);
}

WorkEnd some_end() {
  WorkEnd end;
  const Terminology codes{{"1", "SCT", "Body structure"}, {"10200004", "SCT", "Liver"}, Code{"7771000", "SCT", "Left"}};
  end.report.outputs = {{"a/seg.dcm", "segmentation", {{1, "Liver", "LIVER", {1, 2, 255}, codes, 12.5}, {2, "x"}}},
                        {"table.csv", "table"}};
  end.report.notes = {"one"};
  end.report.record = {{"engine", "podman"}};
  return end;
}

TEST(End, SurvivesItsText) {
  const WorkEnd back = parse_end(end_json(some_end()).dump(), "record.json");
  EXPECT_FALSE(back.error);
  EXPECT_EQ(end_json(back), end_json(some_end()));
  EXPECT_EQ(back.report.outputs.at(0).segments.at(0).codes->modifier->value, "7771000");
  EXPECT_FALSE(back.report.outputs.at(0).segments.at(1).codes);
}

TEST(End, SaysWhyAJobFailed) {
  WorkEnd end;
  end.error = Error(ErrorCode::unavailable, "no engine");
  const WorkEnd back = parse_end(end_json(end).dump(), "record.json");
  ASSERT_TRUE(back.error);
  EXPECT_EQ(back.error->code(), ErrorCode::unavailable);
  EXPECT_STREQ(back.error->what(), "no engine");
}

TEST(End, ForgedOnesAreRefused) {
  const Json good = end_json(some_end());
  const auto with_output = [&](const char* key, Json value) {
    Json json = good;
    json["outputs"][0][key] = std::move(value);
    return json;
  };
  const auto with_segment = [&](const char* key, Json value) {
    Json json = good;
    json["outputs"][0]["segments"][0][key] = std::move(value);
    return json;
  };
  for (const Json& bad : {with_output("path", "../secret"),
                          with_output("path", "/etc/passwd"),
                          with_output("path", "a//b"),
                          with_output("path", ""),
                          with_output("path", "a/./b"),
                          with_output("path", std::string("a\0b", 3)),
                          with_output("kind", 3),
                          with_output("segments", 3),
                          with_segment("number", 1.5),
                          with_segment("number", 1e300),
                          with_segment("colour", {1, 2}),
                          with_segment("colour", {1, 2, 256}),
                          with_segment("colour", "red"),
                          with_segment("codes", {{"type", nullptr}}),
                          with_segment("volume_ml", "a"),
                          with(good, "error", {{"code", "nonsense"}, {"message", ""}}),
                          with(good, "error", 1),
                          with(good, "notes", {1}),
                          with(good, "notes", std::vector<std::string>(1001)),
                          with(good, "record", 3),
                          with(good, "outputs", Json::object())}) {
    SCOPED_TRACE(bad.dump().substr(0, 300));
    EXPECT_ERROR(parse_end(bad.dump(), "record.json"), ErrorCode::bad_input);
  }
}

TEST(End, PathsStayBelowTheirFolder) {
  for (const char* good : {"a", "a/b.dcm", "1.2.3/ä.nii.gz", "..a", ".hidden"}) EXPECT_TRUE(is_path_below(good));
  for (const char* bad : {"", "/", "/a", "a/", "..", "a/../b", "./a", "a\nb", "\xff", "a//b"})
    EXPECT_FALSE(is_path_below(bad)) << bad;
}

}  // namespace
}  // namespace sagittal::hub
