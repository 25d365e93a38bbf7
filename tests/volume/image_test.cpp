#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/bytes.h"
#include "base/json.h"
#include "expect_error.h"
#include "volume/image_ops.h"
#include "volume/image_resize.h"
#include "volume/scan_conversion.h"

namespace sagittal {
namespace {

using Pixels = std::vector<std::uint8_t>;
using Values = std::vector<float>;

const Json& vectors() {
  static const Json read = parse_json(
      as_text(read_file(SAGITTAL_SOURCE_DIR "/tests/volume/image_vectors.json", 1 << 22)), "image_vectors.json");
  return read;
}

template <class T>
ImageView<T> view(std::vector<T>& pixels, std::int64_t width, std::int64_t channels = 1) {
  return {pixels.data(), width, static_cast<std::int64_t>(pixels.size()) / width / channels, channels};
}
template <class T>
ImageView<const T> view(const std::vector<T>& pixels, std::int64_t width, std::int64_t channels = 1) {
  return {pixels.data(), width, static_cast<std::int64_t>(pixels.size()) / width / channels, channels};
}

void expect_near(const Values& found, const Values& expected, float tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], tolerance) << i;
}

TEST(ImageResize, IsThatOfPyTorchPillowAndNumPy) {
  for (const Json& row : vectors().at("resize")) {
    const auto size = row.at("size").get<std::array<std::int64_t, 4>>();
    const auto image = row.at("image").get<Values>();
    SCOPED_TRACE(row.at("size").dump());
    for (const auto& [name, way] :
         {std::pair{"bilinear", ImageResizer::Way::bilinear}, std::pair{"area", ImageResizer::Way::area},
          std::pair{"nearest", ImageResizer::Way::nearest}}) {
      SCOPED_TRACE(name);
      ImageResizer resizer(way, size[1], size[0], size[3], size[2]);
      Values out(static_cast<std::size_t>(size[2] * size[3]));
      resizer.run(view(image, size[1]), view(out, size[3]));
      expect_near(out, row.at(name).get<Values>(), 1e-3F);
      const Pixels bytes(image.begin(), image.end());
      Pixels rounded(out.size());
      resizer.run(view(bytes, size[1]), view(rounded, size[3]));
      for (std::size_t i = 0; i < out.size(); ++i) EXPECT_LE(std::abs(static_cast<float>(rounded[i]) - out[i]), 0.501F);
      Values same(out.size());
      resizer.run(view(bytes, size[1]), view(same, size[3]));
      EXPECT_EQ(same, out) << "a second image, from bytes";
    }
  }
}

TEST(ImageResize, ChannelsStayApart) {
  ImageResizer resizer(ImageResizer::Way::area, 2, 2, 1, 1, 3);
  const Pixels image{1, 10, 100, 3, 20, 200, 1, 10, 100, 3, 20, 200};
  Pixels out(3);
  resizer.run(view(image, 2, 3), view(out, 1, 3));
  EXPECT_EQ(out, (Pixels{2, 15, 150}));
}

TEST(ImageResize, OtherSizesAreRefused) {
  ImageResizer resizer(ImageResizer::Way::nearest, 4, 4, 2, 2);
  Pixels image(16), out(4), other(9);
  EXPECT_ERROR(resizer.run(view(std::as_const(other), 3), view(out, 2)), ErrorCode::bad_input);
  EXPECT_ERROR(resizer.run(view(std::as_const(image), 4), view(other, 3)), ErrorCode::bad_input);
  EXPECT_ERROR(ImageResizer(ImageResizer::Way::nearest, 0, 4, 2, 2), ErrorCode::bad_input);
  EXPECT_ERROR(ImageResizer(ImageResizer::Way::nearest, 4, 4, 2, 70000), ErrorCode::bad_input);
  EXPECT_ERROR(ImageResizer(ImageResizer::Way::nearest, 4, 4, 2, 2, 5), ErrorCode::bad_input);
}

TEST(ScanConversion, IsThatOfSciPy) {
  const Json& row = vectors().at("scan");
  ScanGeometry g;
  g.width = row.at("width");
  g.height = row.at("height");
  g.centre_row = row.at("centre")[0];
  g.centre_column = row.at("centre")[1];
  g.angle_min_degrees = row.at("angles_degrees")[0];
  g.angle_max_degrees = row.at("angles_degrees")[1];
  g.radius_start = row.at("radii_px")[0];
  g.radius_end = row.at("radii_px")[1];
  g.radii = row.at("radii");
  g.angles = row.at("angles");
  const ScanConverter converter(g, true);
  const auto image = row.at("image").get<Values>();
  Values linear(static_cast<std::size_t>(g.radii * g.angles)), back(image.size());
  converter.to_linear(view(image, g.width), view(linear, g.angles));
  expect_near(linear, row.at("linear").get<Values>(), 1e-3F);
  converter.to_curvilinear(view(std::as_const(linear), g.angles), view(back, g.width));
  expect_near(back, row.at("back").get<Values>(), 1e-3F);
  EXPECT_ERROR(converter.to_linear(view(std::as_const(linear), g.angles), view(linear, g.angles)),
               ErrorCode::bad_input);
  g.angle_max_degrees = 300;
  EXPECT_ERROR(ScanConverter(g, true), ErrorCode::bad_input);
  g.angle_max_degrees = std::nan("");
  EXPECT_ERROR(ScanConverter(g, true), ErrorCode::bad_input);
}

TEST(ScanConversion, LabelsKeepTheirValues) {
  const ScanGeometry g{20, 20, -5, 9.5, -30, 30, 6, 24, 16, 16};
  const ScanConverter converter(g, false);
  Pixels labels(400), linear(256);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = i % 20 < 10 ? 1 : 7;
  converter.to_linear(view(std::as_const(labels), 20), view(linear, 16));
  for (std::size_t i = 0; i < linear.size(); ++i) EXPECT_EQ(linear[i], i % 16 < 8 ? 1 : 7) << i;
}

TEST(ImageOps, CropFlipAndChannels) {
  Pixels image{1, 2, 3, 4, 5, 6};
  Pixels part(2);
  crop(view(std::as_const(image), 3), 1, 1, view(part, 2));
  EXPECT_EQ(part, (Pixels{5, 6}));
  EXPECT_ERROR(crop(view(std::as_const(image), 3), 2, 1, view(part, 2)), ErrorCode::bad_input);
  EXPECT_ERROR(crop(view(std::as_const(image), 3), -1, 0, view(part, 2)), ErrorCode::bad_input);
  flip_vertically(view(image, 3));
  EXPECT_EQ(image, (Pixels{4, 5, 6, 1, 2, 3}));
  flip_horizontally(view(image, 3));
  EXPECT_EQ(image, (Pixels{6, 5, 4, 3, 2, 1}));
  flip_horizontally(view(image, 2, 3));
  EXPECT_EQ(image, (Pixels{3, 2, 1, 6, 5, 4}));
  Pixels bgr(8);
  reorder_channels(view(std::as_const(image), 2, 3), std::array{2, 1, 0, -1}, view(bgr, 2, 4));
  EXPECT_EQ(bgr, (Pixels{1, 2, 3, 0, 4, 5, 6, 0}));
  EXPECT_ERROR(reorder_channels(view(std::as_const(image), 2, 3), std::array{3, 1, 0, -1}, view(bgr, 2, 4)),
               ErrorCode::bad_input);
  const Pixels rgb{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
  Pixels grey(4);
  to_grey(view(rgb, 4, 3), view(grey, 4));
  EXPECT_EQ(grey, (Pixels{76, 150, 29, 255}));
}

TEST(ImageOps, ValuesAreScaled) {
  Values values{-1, 2, 4};
  divide_by_maximum(values);
  EXPECT_EQ(values, (Values{-0.25, 0.5, 1}));
  scale_and_shift(values, 2, 1);
  EXPECT_EQ(values, (Values{0.5, 2, 3}));
  Values black{0, 0};
  divide_by_maximum(black);
  EXPECT_EQ(black, (Values{0, 0}));
  divide_by_maximum({});
}

TEST(ImageOps, ProbabilitiesBecomeLabels) {
  Values logits{0, std::log(3.0F), 1000, 1000, -5, -80};
  softmax(view(logits, 3, 2));
  expect_near(logits, {0.25F, 0.75F, 0.5F, 0.5F, 1, 0}, 1e-6F);
  Pixels labels(3);
  threshold(view(std::as_const(logits), 3, 2), 1, 0.5F, view(labels, 3));
  EXPECT_EQ(labels, (Pixels{1, 0, 0}));
  argmax(view(std::as_const(logits), 3, 2), view(labels, 3));
  EXPECT_EQ(labels, (Pixels{1, 0, 0}));
  EXPECT_ERROR(threshold(view(std::as_const(logits), 3, 2), 2, 0.5F, view(labels, 3)), ErrorCode::bad_input);
}

TEST(ImageOps, LabelsAreSeenThrough) {
  const Pixels grey{100, 100, 100, 100}, labels{0, 1, 2, 3};
  Pixels out(12);
  overlay(view(grey, 4), view(labels, 4), std::array{OverlayColour{255, 0, 0, 255}, OverlayColour{200, 0, 50, 128}},
          view(out, 4, 3));
  EXPECT_EQ(out, (Pixels{100, 100, 100, 255, 0, 0, 150, 50, 75, 100, 100, 100}));
}

TEST(LargestComponent, IsThatOfSciPy) {
  const Json& row = vectors().at("component");
  auto mask = row.at("mask").get<Pixels>();
  LargestComponent largest;
  largest.keep(view(mask, row.at("width").get<std::int64_t>()));
  EXPECT_EQ(mask, row.at("largest").get<Pixels>());
  Pixels nothing(6);
  largest.keep(view(nothing, 3));
  EXPECT_EQ(nothing, Pixels(6));
  Pixels corner{1, 0, 0, 1};
  largest.keep(view(corner, 2));
  EXPECT_EQ(corner, (Pixels{1, 0, 0, 1})) << "pixels that touch at a corner hang together";
  Pixels apart{5, 0, 7, 7};
  largest.keep(view(apart, 4));
  EXPECT_EQ(apart, (Pixels{0, 0, 7, 7}));
}

double area_of(const std::vector<Point2>& line) {
  double twice = 0;
  for (std::size_t n = 0; n < line.size(); ++n) {
    const Point2 &a = line[n], &b = line[(n + 1) % line.size()];
    twice += a.x * b.y - b.x * a.y;
  }
  return twice / 2;
}

TEST(Contours, OnePixelIsADiamond) {
  const Pixels image{0, 0, 0, 0, 9, 0, 0, 0, 0};
  const auto lines = contours(view(image, 3), 9);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].size(), 4U);
  for (const Point2& point : lines[0]) EXPECT_EQ(std::abs(point.x - 1) + std::abs(point.y - 1), 0.5);
  EXPECT_DOUBLE_EQ(area_of(lines[0]), 0.5) << "clockwise as it is seen";
  EXPECT_TRUE(contours(view(image, 3), 8).empty());
}

TEST(Contours, GoAroundAtTheImagesEdgeAndInsideOfHoles) {
  const Pixels whole(12, 1);
  const auto edge = contours(view(whole, 4), 1);
  ASSERT_EQ(edge.size(), 1U);
  EXPECT_DOUBLE_EQ(area_of(edge[0]), 12 - 4 * 0.125);
  const Pixels ring{1, 1, 1, 1, 0, 1, 1, 1, 1};
  const auto lines = contours(view(ring, 3), 1);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_DOUBLE_EQ(area_of(lines[0]), 8.5);
  EXPECT_DOUBLE_EQ(area_of(lines[1]), -0.5);
}

TEST(Contours, PixelsThatTouchAtACornerAreApart) {
  const Pixels image{1, 0, 0, 1};
  EXPECT_EQ(contours(view(image, 2), 1).size(), 2U);
  const Pixels other{0, 1, 1, 0};
  EXPECT_EQ(contours(view(other, 2), 1).size(), 2U);
}

TEST(Contours, AreasAddUpToTheMarchingSquares) {
  const Json& row = vectors().at("component");
  const auto width = row.at("width").get<std::int64_t>(), height = row.at("height").get<std::int64_t>();
  const auto mask = row.at("mask").get<Pixels>();
  double sum = 0;
  for (const auto& line : contours(view(mask, width), 1)) sum += area_of(line);
  // of each block of 2 x 2 pixels: 1/8 for one inside or two apart (each), 1/2, 7/8, 1
  double expected = 0;
  const auto at = [&](std::int64_t x, std::int64_t y) {
    return x >= 0 && y >= 0 && x < width && y < height && mask[static_cast<std::size_t>(y * width + x)] != 0;
  };
  for (std::int64_t y = -1; y < height; ++y) {
    for (std::int64_t x = -1; x < width; ++x) {
      const int count = at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1);
      const bool apart = count == 2 && at(x, y) == at(x + 1, y + 1);
      expected += count == 1 ? 0.125 : apart ? 0.25 : count == 2 ? 0.5 : count == 3 ? 0.875 : count == 4 ? 1 : 0;
    }
  }
  EXPECT_DOUBLE_EQ(sum, expected);
}

}  // namespace
}  // namespace sagittal
