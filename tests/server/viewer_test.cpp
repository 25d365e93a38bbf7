#include "server/viewer.h"

#include <gmock/gmock.h>

#include "io/gzip.h"
#include "server/http/router.h"

namespace sagittal::server {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPage = "<!doctype html><title>Viewer</title>";

class ViewerRoutes : public testing::Test {
 protected:
  http::Response get(const std::string& path, std::vector<http::Header> headers = {}) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    request.headers = std::move(headers);
    return router_.handle(request);
  }

  const Bytes packed_ = io::gzip(as_bytes(kPage));
  const std::vector<ViewerFile> files_ = {
      {"/", "text/html", "\"page\"", {packed_.data(), packed_.size()}, kPage.size()},
      {"/assets/a-1.js", "text/javascript", "\"code\"", {packed_.data(), packed_.size()}, kPage.size()}};
  const http::Router router_{viewer_routes(files_)};
};

TEST_F(ViewerRoutes, ThePageIsSentPackedToWhoTakesGzip) {
  const auto response = get("/", {{"Accept-Encoding", "br, gzip;q=0.8"}});
  EXPECT_EQ(response.header("Content-Encoding"), "gzip");
  EXPECT_EQ(*response.body, packed_);
}

TEST_F(ViewerRoutes, ThePageIsSentPlainToOthers) {
  for (const char* accepted : {"", "br", "gzip;q=0", "gzip; q=0.000, br"}) {
    const auto response = get("/", {{"Accept-Encoding", accepted}});
    EXPECT_EQ(response.header("Content-Encoding"), "") << accepted;
    EXPECT_EQ(as_text(response.bytes()), kPage) << accepted;
  }
}

TEST_F(ViewerRoutes, WhoHasItIsToldSoWithoutABody) {
  const auto response = get("/", {{"If-None-Match", "W/\"other\", \"page\""}});
  EXPECT_EQ(response.status, 304);
  EXPECT_TRUE(response.bytes().empty());
  EXPECT_EQ(get("/", {{"If-None-Match", "\"old\""}}).status, 200);
}

TEST_F(ViewerRoutes, OnlyNamesWithAHashAreKeptForEver) {
  EXPECT_EQ(get("/").header("Cache-Control"), "no-cache");
  EXPECT_THAT(std::string(get("/assets/a-1.js").header("Cache-Control")), HasSubstr("immutable"));
}

TEST_F(ViewerRoutes, ThePageMayNotBeFramedNorAskOthers) {
  const std::string policy(get("/").header("Content-Security-Policy"));
  EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self'"));
}

TEST_F(ViewerRoutes, EverybodyMayLoadThemSinceTheyShowNothing) {
  for (const auto& route : router_.routes()) EXPECT_TRUE(route.open);
}

}  // namespace
}  // namespace sagittal::server
