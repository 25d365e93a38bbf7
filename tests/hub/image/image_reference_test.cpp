#include "hub/image/image_reference.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::hub {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ImageReference, ShortNamesAreWhole) {
  const auto whole = [](std::string_view text) { return to_string(parse_image_reference(text)); };
  EXPECT_EQ(whole("alpine"), "docker.io/library/alpine:latest");
  EXPECT_EQ(whole("mhubai/lungmask"), "docker.io/mhubai/lungmask:latest");
  EXPECT_EQ(whole("mhubai/lungmask:v1-m2"), "docker.io/mhubai/lungmask:v1-m2");
  EXPECT_EQ(whole("localhost:5000/a/b_c:1.0"), "localhost:5000/a/b_c:1.0");
  EXPECT_EQ(whole("ghcr.io/a--b/c"), "ghcr.io/a--b/c:latest");
  EXPECT_EQ(whole("mhubai/lungmask@" + kDigest), "docker.io/mhubai/lungmask@" + kDigest);
  EXPECT_EQ(whole("a/b:c@" + kDigest), "docker.io/a/b:c@" + kDigest);
}

TEST(ImageReference, ADigestWinsOverATag) {
  EXPECT_EQ(parse_image_reference("a/b:c@" + kDigest).version(), kDigest);
  EXPECT_EQ(parse_image_reference("a/b:c").version(), "c");
}

TEST(ImageReference, WhatIsNoneIsRefused) {
  for (const std::string text :
       {"",     ":",     "a:",          "a/", "/a", "a//b", "A/b",         "a b",     "a/../b",           "a/.b",
        "a..b", "a:b:c", "a@sha256:12", "a@", "-a", "a-",   "a.b:99999/c", "a.b:x/c", "evil.example/a?b", "a#b",
        "a%2f", "a\nb",  "user@host/a"}) {
    EXPECT_ERROR(parse_image_reference(text), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_image_reference(std::string(10'000, 'a')), ErrorCode::bad_input);
  EXPECT_ERROR(parse_image_reference(std::string_view("a\0b", 3)), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::hub
