#include "hub/image/registry_login.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/bytes.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

/// "reader:a:b" and "other:x"
constexpr const char* kReader = "cmVhZGVyOmE6Yg==";
constexpr const char* kOther = "b3RoZXI6eA==";

std::string file_of(const std::string& key, const char* auth = kReader) {
  return fmt::format(R"({{"auths":{{"{}":{{"auth":"{}"}},"else.org":{{"auth":"{}"}}}}}})", key, auth, kOther);
}

TEST(RegistryLogin, IsFoundByTheRegistrysName) {
  const auto login = parse_registry_login(file_of("localhost:5000"), "localhost:5000");
  ASSERT_TRUE(login);
  EXPECT_EQ(login->user, "reader");
  EXPECT_EQ(login->secret, "a:b");
  EXPECT_EQ(parse_registry_login(file_of("a.org"), "else.org")->user, "other");
  EXPECT_EQ(parse_registry_login(file_of("https://a.org/v1/"), "a.org")->user, "reader");
  EXPECT_EQ(parse_registry_login(file_of("https://index.docker.io/v1/"), "docker.io")->user, "reader");
}

TEST(RegistryLogin, IsOfNoOtherRegistry) {
  for (const char* key : {"a.org", "localhost", "localhost:50", "xlocalhost:5000", "localhost:5000/somebody"}) {
    EXPECT_FALSE(parse_registry_login(file_of(key), "localhost:5000")) << key;
  }
  EXPECT_FALSE(parse_registry_login(file_of("a.org.evil.org"), "a.org"));
  EXPECT_FALSE(parse_registry_login("{}", "a.org"));
  EXPECT_FALSE(parse_registry_login(R"({"auths":{"a.org":{}},"credsStore":"desktop"})", "a.org"));
}

TEST(RegistryLogin, WhatIsNoSuchFileIsSaid) {
  for (const std::string& text :
       {std::string("not json"), std::string("[]"), std::string(R"({"auths":[]})"), std::string(R"({"auths":3})"),
        file_of("a.org", "???"), file_of("a.org", "bm9jb2xvbg=="), file_of("a.org", "Og=="),
        std::string(R"({"auths":{"a.org":{"auth":3}}})")}) {
    EXPECT_ERROR(parse_registry_login(text, "a.org"), ErrorCode::bad_input);
  }
}

TEST(RegistryLogin, AFileNeedNotBeThere) {
  const Scratch scratch;
  EXPECT_FALSE(read_registry_login(scratch / "none", "a.org"));
  EXPECT_FALSE(read_registry_login({}, "a.org"));
  write_file_atomically(scratch / "config.json", as_bytes(file_of("a.org")));
  EXPECT_TRUE(read_registry_login(scratch / "config.json", "a.org"));
  write_file_atomically(scratch / "config.json", as_bytes(std::string((1 << 20) + 1, ' ')));
  EXPECT_ERROR(read_registry_login(scratch / "config.json", "a.org"), ErrorCode::too_large);
}

}  // namespace
}  // namespace sagittal::hub
