#include "server/http/router.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace sagittal::server::http {
namespace {

Response echo(const Request& request) { return text_response(200, "text/plain", request.prefix + "|" + request.path); }

Router make_router() {
  Route page{.method = "GET", .path = "/", .handler = echo, .takes_prefix = true};
  Route upload{.method = "POST", .path = "/upload", .handler = echo, .takes_prefix = true};
  Route plain{.method = "GET", .path = "/plain", .handler = echo};
  Route failing{.method = "GET", .path = "/failing"};
  failing.handler = [](const Request&) -> Response { throw Error(ErrorCode::conflict, "busy"); };
  Route dialect{.method = "GET", .path = "/dialect"};
  dialect.handler = [](const Request&) -> Response { throw std::runtime_error("odd"); };
  dialect.on_error = [](const Request&, const Error& error) { return text_response(200, "text/plain", error.what()); };
  return Router({page, upload, plain, failing, dialect}, {"status"});
}

Response ask(const std::string& method, const std::string& path) {
  Request request;
  request.method = method;
  request.path = path;
  return make_router().handle(request);
}

std::string body(const Response& response) { return std::string(as_text(response.bytes())); }

TEST(Router, RoutesAreFoundByMethodAndPath) {
  EXPECT_EQ(body(ask("GET", "/plain")), "|/plain");
  EXPECT_EQ(body(ask("POST", "/upload")), "|/upload");
}

TEST(Router, OneUnreservedSegmentInFrontIsAPrefix) {
  EXPECT_EQ(body(ask("POST", "/alice/upload")), "alice|/upload");
  EXPECT_EQ(body(ask("POST", "/a.b@c-d_1/upload")), "a.b@c-d_1|/upload");
  EXPECT_EQ(body(ask("GET", "/alice")), "alice|/");
  EXPECT_EQ(body(ask("GET", "/alice/")), "alice|/");
}

TEST(Router, NoPrefixWhereItIsReservedTooLongOddOrUnwanted) {
  for (const char* path : {"/status/upload", "/upload/upload", "/a/b/upload", "//upload", "/a b/upload", "/status"}) {
    EXPECT_EQ(ask("POST", path).status, 404) << path;
  }
  EXPECT_EQ(ask("POST", "/" + std::string(65, 'x') + "/upload").status, 404);
  EXPECT_EQ(ask("GET", "/alice/plain").status, 404);
}

TEST(Router, AWrongMethodIs405AndSaysWhatIsAllowed) {
  for (const char* path : {"/upload", "/alice/upload"}) {
    const Response response = ask("GET", path);
    EXPECT_EQ(response.status, 405);
    EXPECT_EQ(response.header("Allow"), "POST");
  }
  EXPECT_EQ(ask("POST", "/plain").header("Allow"), "GET, HEAD");
}

TEST(Router, HeadIsGetWithoutItsBody) {
  const Response response = ask("HEAD", "/plain");
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.bytes().empty());
  EXPECT_EQ(ask("HEAD", "/upload").status, 405);
}

TEST(Router, ErrorsTakeTheFormOfTheirRoute) {
  const Response native = ask("GET", "/failing");
  EXPECT_EQ(native.status, 409);
  EXPECT_EQ(body(native), R"({"error":{"code":"conflict","details":["busy"],"message":"busy"}})");
  EXPECT_EQ(body(ask("GET", "/dialect")), "odd");
}

TEST(Router, BytesThatAreNoTextDoNotBreakTheErrorMessage) {
  EXPECT_EQ(error_response(Error(ErrorCode::bad_input, "\xff\xfe")).status, 400);
}

TEST(Router, ASegmentInBracesStandsForAnyOne) {
  const auto value = [](const Request& request) { return text_response(200, "text/plain", request.path_value); };
  Route end{.method = "POST", .path = "/end/{id}", .handler = value, .takes_prefix = true};
  Route middle{.method = "GET", .path = "/items/{id}/mask", .handler = value};
  Route plain{.method = "GET", .path = "/plain", .handler = value};
  const Router router({end, middle, plain});
  const auto ask = [&router](const char* method, const char* path) {
    Request request;
    request.method = method;
    request.path = path;
    request.path_value = "stale";
    return router.handle(request);
  };
  EXPECT_EQ(body(ask("POST", "/end/a1")), "a1");
  EXPECT_EQ(body(ask("POST", "/alice/end/{id}")), "{id}");
  EXPECT_EQ(body(ask("GET", "/items/7/mask")), "7");
  EXPECT_EQ(body(ask("GET", "/plain")), "");
  EXPECT_EQ(ask("GET", "/end/a1").status, 405);
  for (const char* path : {"/end", "/end/", "/end/a/b", "/end/a/", "/items//mask", "/items/mask", "/items/7/8/mask"}) {
    EXPECT_EQ(ask("POST", path).status, 404) << path;
  }
}

TEST(Router, SeveralSegmentsInBracesHaveNames) {
  const auto values = [](const Request& request) {
    const PathValues& found = request.path_values;
    return text_response(200, "text/plain", found["id"] + "," + found["n"] + "," + found["other"]);
  };
  const Router router({{.method = "GET", .path = "/sessions/{id}/segments/{n}/mask", .handler = values},
                       {.method = "GET", .path = "/sessions/{id}/segments/{n}", .handler = values},
                       {.method = "GET", .path = "/files/{id}.nii.gz", .handler = values}});
  const auto ask = [&router](const char* path) {
    Request request;
    request.method = "GET";
    request.path = path;
    return router.handle(request);
  };
  EXPECT_EQ(body(ask("/sessions/a1/segments/2/mask")), "a1,2,");
  EXPECT_EQ(body(ask("/sessions/a1/segments/2")), "a1,2,");
  EXPECT_EQ(body(ask("/files/x.nii.gz")), "x,,");
  for (const char* path : {"/sessions/a1/segments/", "/sessions//segments/2", "/sessions/a1/segment/2",
                           "/sessions/a1/segments/2/", "/sessions/a/b/segments/2", "/files/.nii.gz"}) {
    EXPECT_EQ(ask(path).status, 404) << path;
  }
}

TEST(Router, TheFirstRouteThatAcceptsARequestHasIt) {
  const auto route = [](const char* answer, std::function<bool(const Request&)> accepts) {
    Route row{.method = "POST", .path = "/click"};
    row.handler = [answer](const Request&) { return text_response(200, "text/plain", answer); };
    row.accepts = std::move(accepts);
    row.takes_prefix = true;
    return row;
  };
  const auto has_token = [](const Request& head) { return !head.header("X-Token").empty(); };
  const Router router({route("with", has_token), route("without", {})});
  for (const char* path : {"/click", "/alice/click"}) {
    Request request;
    request.method = "POST";
    request.path = path;
    EXPECT_EQ(as_text(router.handle(request).bytes()), "without");
    request.headers.push_back({"x-token", "1"});
    EXPECT_EQ(as_text(router.handle(request).bytes()), "with");
  }
  const Router picky({route("with", has_token)});
  Request request;
  request.method = "POST";
  request.path = "/click";
  EXPECT_EQ(picky.handle(request).status, 404);
}

}  // namespace
}  // namespace sagittal::server::http
