#include <gmock/gmock.h>

#include "expect_error.h"
#include "frames.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using ::testing::ElementsAre;

Encoded encoded(std::vector<std::uint8_t> bytes, std::int64_t width, std::int64_t height, bool grey) {
  return {"I420", true, 1, grey, {.size = {width, height, 1}}, SharedBytes(std::move(bytes))};
}

TEST(I420, GreyIsTheBrightnessAsItIs) {
  const auto out = test::through<Encoded>("i420_encode", Json::object(),
                                          std::vector{test::frame<std::uint8_t>(2, 2, {0, 1, 254, 255})});
  const Encoded& made = (*out)[0];
  EXPECT_TRUE(made.grey && made.key_frame);
  EXPECT_EQ(made.codec, "I420");
  EXPECT_THAT(std::vector<std::uint8_t>(made.bytes.view().begin(), made.bytes.view().end()),
              ElementsAre(0, 1, 254, 255, 128, 128));
  const auto back = test::through<Frame>("i420_decode", Json::object(), std::vector{made});
  EXPECT_THAT(test::values_of<std::uint8_t>((*back)[0]), ElementsAre(0, 1, 254, 255));
}

TEST(I420, ColoursAreThoseOfBt601) {
  // Four red pixels, then four white ones.
  std::vector<std::uint8_t> rgb;
  for (int row = 0; row < 2; ++row) rgb.insert(rgb.end(), {255, 0, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255});
  const auto out =
      test::through<Encoded>("i420_encode", Json::object(), std::vector{test::frame<std::uint8_t>(4, 2, rgb, 3)});
  const Encoded& made = (*out)[0];
  EXPECT_THAT(std::vector<std::uint8_t>(made.bytes.view().begin(), made.bytes.view().end()),
              ElementsAre(82, 82, 235, 235, 82, 82, 235, 235, 90, 128, 240, 128));
  const auto back = test::through<Frame>("i420_decode", Json::object(), std::vector{made});
  const auto values = test::values_of<std::uint8_t>((*back)[0]);
  for (std::size_t n = 0; n < rgb.size(); ++n) EXPECT_NEAR(values.at(n), rgb[n], 2) << n;
}

TEST(I420, WhatDoesNotFitIsRefused) {
  EXPECT_ERROR(
      test::through<Encoded>("i420_encode", Json::object(), std::vector{test::frame<std::uint8_t>(1, 2, {1, 2})}),
      ErrorCode::bad_input);
  EXPECT_ERROR(
      test::through<Encoded>("i420_encode", Json::object(), std::vector{test::frame<float>(2, 2, {1, 2, 3, 4})}),
      ErrorCode::bad_input);
  for (const bool grey : {true, false}) {
    EXPECT_ERROR(test::through<Frame>("i420_decode", Json::object(), std::vector{encoded({1, 2, 3, 4, 5}, 2, 2, grey)}),
                 ErrorCode::bad_input);
    EXPECT_ERROR(
        test::through<Frame>("i420_decode", Json::object(), std::vector{encoded({1, 2, 3}, 65534, 65534, grey)}),
        ErrorCode::bad_input);
    EXPECT_ERROR(test::through<Frame>("i420_decode", Json::object(), std::vector{encoded({1, 2, 3}, 2, 1, grey)}),
                 ErrorCode::bad_input);
  }
  Encoded other = encoded({1, 2, 3, 4, 5, 6}, 2, 2, true);
  other.codec = "H264";
  EXPECT_ERROR(test::through<Frame>("i420_decode", Json::object(), std::vector{other}), ErrorCode::unsupported);
}

}  // namespace
}  // namespace sagittal::stream
