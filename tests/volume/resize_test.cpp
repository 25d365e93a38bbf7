#include "volume/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/bytes.h"
#include "base/json.h"

namespace sagittal {
namespace {

/// What scikit-image, SciPy and nnU-Net make of small arrays.
const Json& vectors() {
  static const Json json = parse_json(
      as_text(read_file(SAGITTAL_SOURCE_DIR "/tests/volume/nnunet_vectors.json", 1 << 20)), "nnunet_vectors.json");
  return json;
}

Index3 shape_of(const Json& vector) { return vector.at("shape").get<Index3>(); }

template <class T>
Array3<T> array_of(const Json& vector) {
  const auto values = vector.at("data").get<std::vector<double>>();
  Array3<T> out(shape_of(vector));
  for (std::size_t n = 0; n < values.size(); ++n) out.values()[n] = static_cast<T>(values[n]);
  return out;
}

std::array<Interpolation, 3> all(Interpolation interpolation) { return {interpolation, interpolation, interpolation}; }

/// Splines are compared after the clipping that the vectors went through, slice by slice where `axis` is one.
void expect_like(const char* name, Array3<float> result, double low = -1e9, double high = 1e9) {
  const auto expected = vectors().at(name).at("data").get<std::vector<double>>();
  ASSERT_EQ(result.shape(), shape_of(vectors().at(name)));
  constexpr double tolerance = 4e-5;  // of values up to 200, kept as float32 between the axes
  for (std::size_t n = 0; n < expected.size(); ++n) {
    const double value = std::clamp(static_cast<double>(result.values()[n]), low, high);
    ASSERT_NEAR(value, expected[n], tolerance) << name << " at " << n;
  }
}

class Resize : public testing::TestWithParam<int> {
 protected:
  Array3<float> image() const { return array_of<float>(vectors().at("vol_4x5x6")); }
  Array3<float> to(const char* name, const std::array<Interpolation, 3>& how, Alignment alignment = Alignment::edges) {
    return resize(image(), shape_of(vectors().at(name)), how, pool_, alignment);
  }
  double lowest() const {
    const Array3<float> values = image();
    return static_cast<double>(*std::min_element(values.values().begin(), values.values().end()));
  }
  double highest() const {
    const Array3<float> values = image();
    return static_cast<double>(*std::max_element(values.values().begin(), values.values().end()));
  }
  ThreadPool pool_{GetParam()};
};

TEST_P(Resize, LinearIsScikitImages) {
  for (const char* name : {"resize_order1_to_7x4x9", "resize_order1_to_3x8x5"}) {
    expect_like(name, to(name, all(Interpolation::linear)));
  }
}

TEST_P(Resize, CubicIsScikitImages) {
  for (const char* name : {"resize_order3_to_7x4x9", "resize_order3_to_3x8x5"}) {
    expect_like(name, to(name, all(Interpolation::cubic)), lowest(), highest());
  }
}

TEST_P(Resize, SlicesOfTheirOwn) {
  const char* name = "sepz_axis0_o1_oz0_to_3x8x5";
  expect_like(name, to(name, {Interpolation::nearest, Interpolation::linear, Interpolation::linear}));
}

TEST_P(Resize, CornersAreScipysZoom) {
  for (const auto& [name, how] : {std::pair("ndzoom_order0_1.3_0.77_1.5", Interpolation::nearest),
                                  std::pair("ndzoom_order1_1.3_0.77_1.5", Interpolation::linear),
                                  std::pair("ndzoom_order3_1.3_0.77_1.5", Interpolation::cubic)}) {
    expect_like(name, to(name, all(how), Alignment::corners));
  }
}

TEST_P(Resize, LabelsAreNnunets) {
  const Json& expected = vectors().at("seg_resize_order1_to_5x6x7");
  const Array3<std::uint16_t> labels = array_of<std::uint16_t>(vectors().at("seg_3x4x5"));
  const Array3<std::uint16_t> result = resize_labels(labels, shape_of(expected), -1, LabelRule::at_least_half, pool_);
  const auto values = expected.at("data").get<std::vector<std::uint16_t>>();
  EXPECT_THAT(std::vector(result.values().begin(), result.values().end()), testing::ElementsAreArray(values));
}

TEST_P(Resize, AnAxisThatStaysIsNotTouched) {
  const Array3<float> before = image();
  const Array3<float> after = resize(image(), before.shape(), all(Interpolation::cubic), pool_);
  EXPECT_THAT(std::vector(after.values().begin(), after.values().end()),
              testing::ElementsAreArray(before.values().begin(), before.values().end()));
}

TEST_P(Resize, OneVoxelFillsAnything) {
  Array3<float> one({1, 1, 1});
  one.values()[0] = 7;
  const Array3<float> result = resize(std::move(one), {3, 2, 40}, all(Interpolation::cubic), pool_);
  EXPECT_THAT(std::vector(result.values().begin(), result.values().end()), testing::Each(testing::FloatNear(7, 1e-5f)));
}

INSTANTIATE_TEST_SUITE_P(Threads, Resize, testing::Values(1, 2));

TEST(ResizeLabels, TheLargestShareTakesTheLowerOfEquals) {
  ThreadPool pool(1);
  Array3<std::uint16_t> labels({1, 1, 2});
  labels.values()[0] = 5;
  labels.values()[1] = 3;
  const auto shares = [&](LabelRule rule) {
    const Array3<std::uint16_t> out = resize_labels(labels, {1, 1, 3}, -1, rule, pool);
    return std::vector(out.values().begin(), out.values().end());
  };
  EXPECT_THAT(shares(LabelRule::largest_share), testing::ElementsAre(5, 3, 3));
  EXPECT_THAT(shares(LabelRule::at_least_half), testing::ElementsAre(5, 5, 3));
}

}  // namespace
}  // namespace sagittal
