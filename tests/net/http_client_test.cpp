#include "net/http_client.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::net {
namespace {

TEST(HttpClient, AKeyIsAUserAndPasswordOrAToken) {
  EXPECT_EQ(parse_http_key(" alice:s:ecret\n").user, "alice");
  EXPECT_EQ(parse_http_key(" alice:s:ecret\n").secret, "s:ecret");
  EXPECT_EQ(parse_http_key("token").user, "");
  EXPECT_EQ(parse_http_key("token").secret, "token");
  for (const char* text : {"", " \n", ":secret", "a\nb", "a\rX-Header: b"}) {
    EXPECT_ERROR(parse_http_key(text), ErrorCode::bad_input);
  }
}

TEST(HttpClient, AnAddressHasNeitherPasswordNorQuery) {
  EXPECT_EQ(checked_base_url("https://a.example:8042/dicom-web//"), "https://a.example:8042/dicom-web");
  for (const char* url : {"", "a.example/x", "file:///etc/passwd", "ftp://a/", "http://", "http:///x", "http://a/?b=c",
                          "http://a/#b", "http://user:password@a/x", "http://a b/", "http://a\r\nX: y"}) {
    EXPECT_ERROR(checked_base_url(url), ErrorCode::wrong_usage);
  }
}

TEST(HttpClient, OtherProtocolsAreNotSpoken) {
  const HttpClient client({});
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "nothing"}) {
    EXPECT_ANY_THROW(client.send({.url = url}, {})) << url;
  }
}

TEST(HttpClient, NobodyThereIsUnavailable) {
  EXPECT_ERROR(HttpClient({}).send({.url = "http://127.0.0.1:1/"}, {}), ErrorCode::unavailable);
}

TEST(HttpClient, AStoppedTransferEnds) {
  const CancelToken cancel;
  cancel.cancel();
  EXPECT_ANY_THROW(HttpClient({}).send({.url = "http://127.0.0.1:1/"}, cancel));
}

TEST(HttpClient, NamesInAddressesAreEscaped) { EXPECT_EQ(percent_encoded("a/b ?\xC3\xA4"), "a%2Fb%20%3F%C3%A4"); }

}  // namespace
}  // namespace sagittal::net
