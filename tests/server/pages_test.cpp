#include "server/pages.h"

#include <gmock/gmock.h>

#include "server/http/router.h"

namespace sagittal::server {
namespace {

using testing::HasSubstr;
using testing::Not;

ServerStatus busy_server() {
  return {.models = {{"tiny <b>", "Apache-2.0"}},
          .precision = "fp32",
          .sessions = 2,
          .max_sessions = 8,
          .predictions = 5,
          .uptime_s = 3700};
}

std::string get(const std::string& path, const std::string& host) {
  static const Metrics metrics;
  const http::Router router(page_routes(busy_server, metrics));
  http::Request request;
  request.method = "GET";
  request.path = path;
  request.headers.push_back({"Host", host});
  return std::string(as_text(router.handle(request).bytes()));
}

TEST(Pages, StatusPageShowsTheAddressToTypeAndTheFacts) {
  const std::string page = get("/", "lab:1527");
  EXPECT_THAT(page, HasSubstr("<output>http://lab:1527</output>"));
  EXPECT_THAT(page, HasSubstr("http://lab:1527/alice"));
  EXPECT_THAT(page, HasSubstr("2 of at most 8"));
  EXPECT_THAT(page, HasSubstr("1 h 1 min"));
  EXPECT_THAT(page, HasSubstr("tiny &lt;b&gt;"));
}

TEST(Pages, TheAddressKeepsThePrefix) { EXPECT_THAT(get("/bob", "lab"), HasSubstr("<output>http://lab/bob</output>")); }

TEST(Pages, AForgedHostIsNotRepeated) { EXPECT_THAT(get("/", "\"><script>"), Not(HasSubstr("script"))); }

TEST(Pages, HealthIsJson) { EXPECT_EQ(get("/healthz", "x"), R"({"ok":true,"status":"ok"})"); }

}  // namespace
}  // namespace sagittal::server
