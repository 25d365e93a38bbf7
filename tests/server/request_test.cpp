#include "server/http/request.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "server/http/body_memory.h"

namespace sagittal::server::http {
namespace {

Request with_target(const char* target) {
  Request request;
  set_target(request, target);
  return request;
}

Request with_header(const char* name, const char* value) {
  Request request;
  request.headers.push_back({name, value});
  return request;
}

TEST(Request, TargetIsSplitAndDecoded) {
  const Request request = with_target("/a%20b/c?x=%20y");
  EXPECT_EQ(request.path, "/a b/c");
  EXPECT_EQ(request.query, "x=%20y");
}

TEST(Request, AbsoluteTargetLosesItsHost) {
  EXPECT_EQ(with_target("http://host:1527/healthz?x").path, "/healthz");
  EXPECT_EQ(with_target("http://host").path, "/");
}

TEST(Request, BrokenTargetsAreRefused) {
  for (const char* target : {"", "*", "healthz", "/%", "/%2", "/%zz", "/a%00b", "/a%0d%0ab"}) {
    EXPECT_ERROR(with_target(target), ErrorCode::bad_input);
  }
}

TEST(Request, HeaderNamesIgnoreCaseAndValuesAreTrimmed) {
  EXPECT_EQ(with_header("content-TYPE", "  a/b \t").header("Content-Type"), "a/b");
  EXPECT_EQ(with_header("A", "b").header("C"), "");
}

TEST(Request, BasicUserIsTheNameBeforeTheColon) {
  EXPECT_EQ(basic_user(with_header("Authorization", "Basic YWxpY2U6c2VjcmV0")), "alice");  // alice:secret
  EXPECT_EQ(basic_user(with_header("authorization", "basic YWxpY2U6")), "alice");          // alice:
  for (const char* value : {"", "Basic", "Basic OnNlY3JldA==", "Basic YWxpY2U=", "Basic ?!", "Bearer YWxpY2U6"}) {
    EXPECT_EQ(basic_user(with_header("Authorization", value)), std::nullopt) << value;
  }
}

TEST(Request, HeaderParametersMayBeQuoted) {
  EXPECT_EQ(header_parameter("multipart/form-data; boundary=abc", "boundary"), "abc");
  EXPECT_EQ(header_parameter("form-data; name=\"fi;le\"; filename=\"a\\\"b\"", "filename"), "a\"b");
  EXPECT_EQ(header_parameter("form-data; name=\"fi;le\"; filename=x", "NAME"), "fi;le");
  for (const char* value : {"", "a", "a;", "a;b", "a;name", "a; name=\"", "a;;;"}) {
    EXPECT_EQ(header_parameter(value, "name"), "") << value;
  }
}

TEST(Body, KeptBytesOutliveTheRequestAndDoNotCountAsOnes) {
  const auto budget = std::make_shared<BodyBudget>(10);
  auto memory = std::make_shared<BodyMemory>(budget, 10);
  memory->append("0123456789", 10);
  memory->add(10);
  Body body(std::move(memory));
  EXPECT_EQ(budget->used, 10u);
  const ByteView bytes = body.bytes();
  const auto owner = body.keep();
  body = Body();
  EXPECT_EQ(budget->used, 0u);
  EXPECT_EQ(as_text(bytes), "0123456789");
}

TEST(Request, HeaderElementsAreTrimmed) {
  using testing::ElementsAre;
  EXPECT_THAT(header_elements("keep-alive, Upgrade"), ElementsAre("keep-alive", "Upgrade"));
  EXPECT_THAT(header_elements(" ,a\t,, b ,"), ElementsAre("a", "b"));
  EXPECT_THAT(header_elements(""), ElementsAre());
}

}  // namespace
}  // namespace sagittal::server::http
