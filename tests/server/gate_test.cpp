#include "server/access/gate.h"

#include <gmock/gmock.h>

#include "base/base64.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::server {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

http::Request request_with(std::vector<http::Header> headers) {
  http::Request request;
  request.method = "GET";
  request.remote_address = "192.0.2.1";
  request.headers = std::move(headers);
  return request;
}

http::Header basic(const std::string& user, const std::string& password) {
  return {"Authorization", "Basic " + encode_base64(as_bytes(user + ":" + password))};
}

class GateTest : public testing::Test {
 protected:
  int status(Gate& gate, http::Request request, const http::Route* route = nullptr) {
    const auto admission = gate.admit(request, route ? route : &route_);
    owner_ = request.owner;
    return admission.refusal ? admission.refusal->status : 200;
  }

  Scratch scratch_;
  ApiKeyFile file_{scratch_.path() / "keys.json"};
  const std::string key_ = file_.add("alice");
  ApiKeys keys_{file_.path()};
  http::Route route_;
  std::string owner_;
};

TEST_F(GateTest, AKeyComesAsBearerTokenOrPassword) {
  Gate gate({}, &keys_);
  for (const http::Header& header :
       {http::Header{"Authorization", "Bearer " + key_}, http::Header{"authorization", "bearer  " + key_},
        basic("anyone", key_), basic("", key_)}) {
    EXPECT_EQ(status(gate, request_with({header})), 200) << header.value;
    EXPECT_EQ(owner_, "alice");
  }
}

TEST_F(GateTest, AWebSocketMayOfferItsKeyAsAProtocol) {
  Gate gate({}, &keys_);
  const auto offering = [](const std::string& protocols) {
    return request_with({{"Upgrade", "WebSocket"}, {"Sec-WebSocket-Protocol", protocols}});
  };
  EXPECT_EQ(status(gate, offering("sagittal.v1, key." + key_)), 200);
  EXPECT_EQ(owner_, "alice");
  EXPECT_EQ(status(gate, offering("key." + key_)), 200);
  for (const std::string& protocols : {std::string("sagittal.v1"), std::string("key."), "key." + key_ + "x", key_}) {
    EXPECT_EQ(status(gate, offering(protocols)), 401) << protocols;
  }
  EXPECT_EQ(status(gate, request_with({{"Sec-WebSocket-Protocol", "key." + key_}})), 401) << "no WebSocket";
}

TEST_F(GateTest, WithoutAGoodKeyThereIsNoWayIn) {
  Gate gate({}, &keys_);
  EXPECT_EQ(status(gate, request_with({})), 401);
  for (const http::Header& header :
       {http::Header{"Authorization", ""}, http::Header{"Authorization", "Bearer"}, http::Header{"Authorization", key_},
        http::Header{"Authorization", "Bearer " + key_ + "x"}, http::Header{"Authorization", "Digest " + key_},
        http::Header{"Authorization", "Basic " + key_}, basic(key_, "alice"), basic("alice", "alice")}) {
    EXPECT_EQ(status(gate, request_with({header})), 401) << header.value;
    EXPECT_EQ(owner_, "");
  }
}

TEST_F(GateTest, OpenRoutesNeedNoKey) {
  Gate gate({}, &keys_);
  route_.open = true;
  EXPECT_EQ(status(gate, request_with({})), 200);
}

TEST_F(GateTest, TheRefusalHasTheDialectsForm) {
  route_.on_error = [](const http::Request&, const Error& error) {
    return http::json_response(200, {{"status", "error"}, {"message", error.what()}});
  };
  Gate gate({}, &keys_);
  http::Request request = request_with({});
  const auto admission = gate.admit(request, &route_);
  EXPECT_TRUE(admission.denied);
  EXPECT_EQ(admission.refusal->status, 200);
  EXPECT_THAT(std::string(as_text(admission.refusal->bytes())), HasSubstr("wants a key"));
}

TEST_F(GateTest, ManyWrongKeysFromOneAddressHaveToWait) {
  Gate gate({.allowed_origins = {}, .allowed_hosts = {}, .failed_logins = {.most = 3}}, &keys_);
  const auto wrong = request_with({{"Authorization", "Bearer wrong"}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status(gate, wrong), 401);
  EXPECT_EQ(status(gate, wrong), 429);
  auto elsewhere = wrong;
  elsewhere.remote_address = "192.0.2.2";
  EXPECT_EQ(status(gate, elsewhere), 401);
  EXPECT_EQ(status(gate, request_with({{"Authorization", "Bearer " + key_}})), 200) << "colleagues behind one proxy";
}

TEST(FailedLogins, AreForgottenAfterTheirTimeAndBounded) {
  auto now = std::chrono::steady_clock::now();
  FailedLogins failed({.most = 1, .window = seconds(10), .most_addresses = 2}, [&] { return now; });
  EXPECT_EQ(failed.count("a"), seconds(0));
  EXPECT_EQ(failed.count("a"), seconds(10));
  now += seconds(4);
  EXPECT_EQ(failed.count("a"), seconds(6));
  now += seconds(6);
  EXPECT_EQ(failed.count("a"), seconds(0));
  failed.count("b");
  failed.count("c");  // "a" makes room
  EXPECT_EQ(failed.count("a"), seconds(0));
}

TEST_F(GateTest, PagesOfOtherSitesAreKeptOut) {
  Gate gate({}, nullptr);
  const http::Header host{"Host", "127.0.0.1:1527"};
  EXPECT_EQ(status(gate, request_with({host})), 200);
  EXPECT_EQ(status(gate, request_with({host, {"Origin", "http://127.0.0.1:1527"}})), 200);
  for (const char* origin : {"http://evil.example", "null", "http://127.0.0.1:8000", "file://", "http://127.0.0.1"}) {
    EXPECT_EQ(status(gate, request_with({host, {"Origin", origin}})), 403) << origin;
  }
  EXPECT_EQ(status(gate, request_with({host, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}})), 403);
  EXPECT_EQ(status(gate, request_with({host, {"Sec-Fetch-Site", "same-origin"}})), 200);
  EXPECT_EQ(status(gate, request_with({host, {"Sec-Fetch-Site", "none"}})), 200);
}

TEST_F(GateTest, ALinkToThePageMayBeFollowed) {
  Gate gate({}, nullptr);
  auto request = request_with({{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}});
  EXPECT_EQ(status(gate, request), 200);
  request.path = "/end_session/1";
  EXPECT_EQ(status(gate, request), 403);
}

TEST_F(GateTest, ThroughLoopbackOnlyOurNamesAreAnswered) {
  Gate gate({.allowed_origins = {}, .allowed_hosts = {"Lab.Example.org"}, .failed_logins = {}}, nullptr);
  auto ask = [&](const char* host, bool loopback = true) {
    auto request = request_with({{"Host", host}});
    request.to_loopback = loopback;
    return status(gate, request);
  };
  for (const char* own : {"localhost", "localhost:1527", "127.0.0.1:1527", "127.0.1.1", "[::1]:1527", "LOCALHOST",
                          "lab.example.org", "lab.example.org:443"}) {
    EXPECT_EQ(ask(own), 200) << own;
  }
  for (const char* other :
       {"evil.example", "evil.example:1527", "127.0.0.1.evil.example", "127.evil", "localhost.evil", "[::2]:1527"}) {
    EXPECT_EQ(ask(other), 403) << other;
    EXPECT_EQ(ask(other, false), 200) << other;
  }
}

TEST_F(GateTest, AllowedOriginsMayAskAndRead) {
  Gate gate({.allowed_origins = {"https://viewer.example.org"}, .allowed_hosts = {}, .failed_logins = {}}, &keys_);
  auto preflight = request_with({{"Origin", "https://viewer.example.org"}, {"Access-Control-Request-Method", "POST"}});
  preflight.method = "OPTIONS";
  const auto answer = gate.admit(preflight, nullptr);
  ASSERT_TRUE(answer.refusal);
  EXPECT_FALSE(answer.denied);
  EXPECT_EQ(answer.refusal->status, 204);
  EXPECT_THAT(answer.refusal->header("Access-Control-Allow-Headers"), HasSubstr("X-Lease-Token"));
  EXPECT_EQ(http::find_header(answer.answer_headers, "Access-Control-Allow-Origin"), "https://viewer.example.org");

  auto without_key = request_with({{"Origin", "https://viewer.example.org"}});
  const auto refused = gate.admit(without_key, &route_);
  EXPECT_EQ(refused.refusal->status, 401);
  EXPECT_EQ(http::find_header(refused.answer_headers, "Access-Control-Allow-Origin"), "https://viewer.example.org")
      << "the page may read why";

  preflight.headers[0].value = "https://evil.example";
  const auto foreign = gate.admit(preflight, nullptr);
  EXPECT_EQ(foreign.refusal->status, 403);
  EXPECT_TRUE(foreign.answer_headers.empty());
}

TEST_F(GateTest, TheNativeApiAsksForABearerTokenOnly) {
  Gate gate({}, &keys_);
  auto head = request_with({});
  head.path = "/api/v1/volumes";
  EXPECT_THAT(std::string(gate.admit(head, &route_).refusal->header("WWW-Authenticate")),
              testing::StartsWith("Bearer"));
  head.path = "/capabilities";
  EXPECT_THAT(std::string(gate.admit(head, &route_).refusal->header("WWW-Authenticate")), testing::StartsWith("Basic"));
}

TEST(Gate, TakesNoWildcardOrigins) {
  for (const char* origin : {"*", "https://*.example.org", "viewer.example.org", "https://", "https://a/b", "null"}) {
    EXPECT_ERROR(Gate({.allowed_origins = {origin}, .allowed_hosts = {}, .failed_logins = {}}, nullptr),
                 ErrorCode::wrong_usage);
  }
}

}  // namespace
}  // namespace sagittal::server
