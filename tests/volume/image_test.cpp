#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/bytes.h"
#include "base/json.h"
#include "expect_error.h"
#include "volume/contours.h"
#include "volume/resampler.h"
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

template <class T>
Values resized(const std::vector<T>& image, const std::array<std::int64_t, 4>& size, Filter filter, int channels = 1) {
  Resampler resampler;
  resampler.prepare(size[1], size[0], size[3], size[2], filter);
  Values out;
  resampler.rows(image.data(), channels,
                 [&](std::size_t, std::span<const float> row) { out.insert(out.end(), row.begin(), row.end()); });
  return out;
}

TEST(Resampler, IsThatOfPyTorchPillowAndNumPy) {
  for (const Json& row : vectors().at("resize")) {
    const auto size = row.at("size").get<std::array<std::int64_t, 4>>();
    const auto image = row.at("image").get<Values>();
    SCOPED_TRACE(row.at("size").dump());
    for (const char* name : {"bilinear", "area", "nearest"}) {
      SCOPED_TRACE(name);
      const bool shrinks = size[2] <= size[0] && size[3] <= size[1], grows = size[2] >= size[0] && size[3] >= size[1];
      const bool is_area = std::string_view(name) == "area";
      if (is_area && !shrinks && !grows) continue;
      const char* expected = is_area && !shrinks ? "bilinear" : name;
      const Values out = resized(image, size, filter_from(name));
      expect_near(out, row.at(expected).get<Values>(), 1e-3F);
      EXPECT_EQ(resized(Pixels(image.begin(), image.end()), size, filter_from(name)), out) << "from bytes";
    }
  }
  EXPECT_ERROR(filter_from("cubic"), ErrorCode::bad_input);
}

TEST(Resampler, ChannelsStayApart) {
  const Pixels image{1, 10, 100, 3, 20, 200, 1, 10, 100, 3, 20, 200};
  EXPECT_EQ(resized(image, {2, 2, 1, 1}, Filter::area, 3), (Values{2, 15, 150}));
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
