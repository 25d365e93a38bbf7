#include "stream/igtl/image.h"

#include <gtest/gtest.h>

#include <cmath>

#include "expect_error.h"
#include "vectors.h"

namespace sagittal::igtl {
namespace {

Bytes content(const char* type) {
  const Received message = take_apart(vectors().at({type, 1}));
  return {message.content.begin(), message.content.end()};
}

Bytes whole(const Image& image) {
  Bytes out = write_image_head(image);
  out.insert(out.end(), image.voxels.begin(), image.voxels.end());
  return out;
}

TEST(IgtlImage, TheLibrarysImageIsRead) {
  const Bytes bytes = content("IMAGE");
  const Image image = read_image(bytes);
  EXPECT_EQ(image.scalar, Scalar::int16);
  EXPECT_EQ(image.frame.size, (Size3{4, 3, 2}));
  EXPECT_EQ(image.frame.part_offset, (Size3{1, 0, 1}));
  EXPECT_EQ(image.frame.part_size, (Size3{2, 3, 1}));
  EXPECT_EQ(image.voxels.size(), 12u);
  EXPECT_EQ(static_cast<std::int16_t>(image.voxels[2] | image.voxels[3] << 8), -1500);
  EXPECT_EQ(whole(image), bytes);
}

TEST(IgtlImage, ThePositionIsTheCentre) {
  const Bytes bytes = content("IMAGE");
  const Geometry geometry = geometry_of(read_image(bytes).frame);
  EXPECT_NEAR(geometry.spacing_mm[0], 0.5, 1e-6);
  EXPECT_NEAR(geometry.spacing_mm[1], 2, 1e-6);
  // In RAS: i grows to A, j to L, centre (10, 20, 30); the corner is half the grid before it.
  EXPECT_NEAR(geometry.direction[1][0], -1, 1e-6);
  EXPECT_NEAR(geometry.direction[0][1], 1, 1e-6);
  EXPECT_NEAR(geometry.origin_mm[0], -(10 + 2), 1e-5);
  EXPECT_NEAR(geometry.origin_mm[1], -(20 - 0.75), 1e-5);
  EXPECT_NEAR(geometry.origin_mm[2], 30 - 1.5, 1e-5);
}

TEST(IgtlImage, AGridSurvivesTheWay) {
  Geometry geometry;
  geometry.size = {64, 48, 5};
  geometry.spacing_mm = {0.5, 0.75, 3};
  geometry.origin_mm = {-100.25, 37.5, 12};
  geometry.direction = {{{0, 1, 0}, {0.6, 0, -0.8}, {-0.8, 0, -0.6}}};
  ImageFrame frame = frame_of(geometry);
  EXPECT_TRUE(same_grid(geometry_of(frame), geometry));
  frame.coordinates = Coordinates::lps;  // the same numbers, meant otherwise
  EXPECT_NEAR(geometry_of(frame).origin_mm[0], -geometry.origin_mm[0], 1e-4);
  geometry.size[0] = 65536;
  EXPECT_ERROR(frame_of(geometry), ErrorCode::bad_input);
}

TEST(IgtlImage, AxesThatWereForgottenStandUpright) {
  ImageFrame frame;
  frame.size = {4, 4, 1};
  frame.matrix = {0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3};
  const Geometry geometry = geometry_of(frame);
  EXPECT_NEAR(geometry.spacing_mm[2], 1, 1e-6);
  EXPECT_NEAR(std::abs(geometry.direction[0][2]), 1, 1e-6);
  frame.matrix = {};
  EXPECT_NEAR(std::abs(determinant(geometry_of(frame).direction)), 1, 1e-6);
  for (const float odd : {std::nanf(""), INFINITY}) {
    frame.matrix[4] = odd;
    EXPECT_ERROR(geometry_of(frame), ErrorCode::bad_input);
  }
}

TEST(IgtlImage, ForgedOnesAreRefused) {
  const Bytes good = content("IMAGE");
  const auto forged = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return read_image(bytes).voxels.size();
  };
  EXPECT_ERROR(forged(1, 2), ErrorCode::bad_input);  // format
  EXPECT_ERROR(forged(2, 0), ErrorCode::bad_input);  // components
  EXPECT_ERROR(forged(2, 2), ErrorCode::bad_input);
  EXPECT_ERROR(forged(3, 8), ErrorCode::bad_input);   // numbers
  EXPECT_ERROR(forged(4, 3), ErrorCode::bad_input);   // byte order
  EXPECT_ERROR(forged(5, 0), ErrorCode::bad_input);   // coordinates
  EXPECT_ERROR(forged(7, 0), ErrorCode::bad_input);   // size
  EXPECT_ERROR(forged(61, 3), ErrorCode::bad_input);  // part
  EXPECT_ERROR(forged(66, 0xFF), ErrorCode::bad_input);
  EXPECT_ERROR(forged(67, 1), ErrorCode::bad_input);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_ERROR(read_image(ByteView(good).first(size)), ErrorCode::bad_input);
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_ERROR(read_image(longer), ErrorCode::bad_input);
}

TEST(IgtlVideo, TheLibrarysFrameIsRead) {
  const Bytes bytes = content("VIDEO");
  const Video video = read_video(bytes);
  EXPECT_EQ(video.codec, "I420");
  EXPECT_TRUE(video.is_grey);
  EXPECT_EQ(video.frame_kind, 2);
  EXPECT_EQ(video.frame.size, (Size3{4, 2, 1}));
  ASSERT_EQ(video.stream.size(), 12u);
  EXPECT_EQ(video.stream[11], 11);
  Bytes again = write_video_head(video);
  again.insert(again.end(), video.stream.begin(), video.stream.end());
  EXPECT_EQ(again, bytes);
  for (std::size_t size = 0; size < 76; ++size) {
    EXPECT_ERROR(read_video(ByteView(bytes).first(size)), ErrorCode::bad_input);
  }
}

}  // namespace
}  // namespace sagittal::igtl
