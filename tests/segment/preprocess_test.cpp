#include "segment/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/bytes.h"
#include "expect_error.h"
#include "segment/normalise.h"
#include "segment/sample_plan.h"

namespace sagittal::segment {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

/// [k, j, i] values as a volume.
Volume volume_of(const Index3& shape_kji, const std::vector<float>& values, const Vec3& spacing_kji = {1, 1, 1}) {
  Geometry geometry;
  geometry.size = {shape_kji[2], shape_kji[1], shape_kji[0]};
  geometry.spacing_mm = {spacing_kji[2], spacing_kji[1], spacing_kji[0]};
  return make_volume<float>(geometry, values);
}

std::vector<float> counted(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

std::vector<float> list(const Array3<float>& array) { return {array.values().begin(), array.values().end()}; }

class Preprocess : public testing::Test {
 protected:
  NetworkImage run(const Volume& volume, const Plan& plan, const Volume* previous = nullptr) {
    return preprocess(std::span(&volume, 1), previous, plan, {}, pool_);
  }
  ThreadPool pool_{2};
};

TEST_F(Preprocess, SlicesOfTheirOwnAreNnunets) {
  const Json vectors = parse_json(as_text(read_file(SAGITTAL_SOURCE_DIR "/tests/volume/nnunet_vectors.json", 1 << 20)),
                                  "nnunet_vectors.json");
  const auto values = vectors.at("vol_4x5x6").at("data").get<std::vector<float>>();
  SampleModel model;
  model.configuration["spacing"] = {8.0 * 4 / 7, 5.0 / 4, 6.0 / 9};
  const NetworkImage image = run(volume_of({4, 5, 6}, values, {8, 1, 1}), model.plan());
  EXPECT_THAT(image.shape(), ElementsAre(7, 4, 9));
  const auto expected = vectors.at("sepz_axis0_o3_oz0_to_7x4x9").at("data").get<std::vector<float>>();
  EXPECT_THAT(list(image.channels[0]), Pointwise(FloatNear(4e-5f), expected));
}

TEST_F(Preprocess, KeepsWhatIsNotZero) {
  std::vector<float> values(4 * 5 * 6, 0.0f);
  values[(1 * 5 + 2) * 6 + 3] = -4;
  values[(2 * 5 + 2) * 6 + 5] = 8;
  const NetworkImage image = run(volume_of({4, 5, 6}, values), SampleModel().plan());
  EXPECT_EQ(image.crop, (Box{{1, 2, 3}, {3, 3, 6}}));
  EXPECT_THAT(list(image.channels[0]), ElementsAre(-4, 0, 0, 0, 0, 8));
}

TEST_F(Preprocess, AnEmptyImageStaysWhole) {
  const NetworkImage image = run(volume_of({2, 3, 4}, std::vector<float>(24, 0.0f)), SampleModel().plan());
  EXPECT_EQ(image.crop, whole({2, 3, 4}));
}

TEST_F(Preprocess, TransposesDataAndSpacing) {
  SampleModel model;
  model.plans["transpose_forward"] = {2, 0, 1};
  model.plans["transpose_backward"] = {1, 2, 0};
  model.configuration["spacing"] = {3, 1, 2};
  const NetworkImage image = run(volume_of({2, 3, 4}, counted(24), {1, 2, 3}), model.plan());
  EXPECT_THAT(image.shape(), ElementsAre(4, 2, 3));
  EXPECT_THAT(image.spacing_mm, ElementsAre(3, 1, 2));
  EXPECT_EQ(*image.channels[0].row(1, 0), 2);   // k = 0, j = 0, i = 1
  EXPECT_EQ(*image.channels[0].row(0, 1), 13);  // k = 1, j = 0, i = 0
}

TEST_F(Preprocess, TurnsToRas) {
  SampleModel model;
  model.plans["image_reader_writer"] = "NibabelIOWithReorient";
  Geometry geometry;
  geometry.size = {2, 1, 2};
  geometry.direction = {{{0, 0, 1}, {0, -1, 0}, {-1, 0, 0}}};  // i to the feet, j to the front, k to the left
  const Volume volume = make_volume<float>(geometry, std::vector<float>{1, 2, 3, 4});
  const NetworkImage image = run(volume, model.plan());
  // Axes S, A, R: from the feet up (i backwards), from left to right (k backwards).
  EXPECT_THAT(list(image.channels[0]), ElementsAre(4, 2, 3, 1));
}

TEST_F(Preprocess, LabelsOfTheStageBeforeComeAlong) {
  std::vector<float> labels(8, 0.0f);
  labels[7] = 2;
  const Volume previous = volume_of({2, 2, 2}, labels);
  const NetworkImage image = run(volume_of({2, 2, 2}, counted(8)), SampleModel().plan(), &previous);
  EXPECT_EQ(image.labels->values()[7], 2);
  labels[0] = -1;
  const Volume negative = volume_of({2, 2, 2}, labels);
  EXPECT_ERROR(run(volume_of({2, 2, 2}, counted(8)), SampleModel().plan(), &negative), ErrorCode::bad_input);
}

TEST_F(Preprocess, OtherImagesAreRefused) {
  const std::vector<Volume> two{volume_of({2, 2, 2}, counted(8)), volume_of({2, 2, 2}, counted(8))};
  EXPECT_ERROR(preprocess(two, nullptr, SampleModel().plan(), {}, pool_), ErrorCode::bad_input);
  const Volume other = volume_of({2, 2, 1}, counted(4));
  EXPECT_ERROR(run(two[0], SampleModel().plan(), &other), ErrorCode::bad_input);
}

TEST_F(Preprocess, CanBeCancelled) {
  RunControl control;
  control.cancel.cancel();
  const Volume volume = volume_of({2, 2, 2}, counted(8));
  EXPECT_ERROR(preprocess(std::span(&volume, 1), nullptr, SampleModel().plan(), control, pool_), ErrorCode::cancelled);
}

TEST_F(Preprocess, AMaskedScoreCountsTheInsideAlone) {
  // A cube of content with a hole in it; the hole belongs to the inside.
  std::vector<float> values(7 * 7 * 7, 0.0f);
  double sum = 0, squares = 0;
  for (int i = 1; i < 6; ++i) {
    for (int j = 1; j < 6; ++j) {
      for (int k = 1; k < 6; ++k) {
        const bool hole = i == 3 && j == 3 && k == 3;
        const float value = hole ? 0.0f : static_cast<float>(i + j + k);
        values[static_cast<std::size_t>((i * 7 + j) * 7 + k)] = value;
        sum += static_cast<double>(value);
        squares += static_cast<double>(value) * static_cast<double>(value);
      }
    }
  }
  values[0] = 1;  // far away, so that there is an outside in the box
  sum += 1;
  squares += 1;
  SampleModel model;
  model.configuration["normalization_schemes"] = {"ZScoreNormalization"};
  model.configuration["use_mask_for_norm"] = {true};
  const NetworkImage image = run(volume_of({7, 7, 7}, values), model.plan());
  const double mean = sum / 126, deviation = std::sqrt(squares / 126 - mean * mean);
  EXPECT_NEAR(image.channels[0].row(3, 3)[3], -mean / deviation, 1e-5);
  EXPECT_NEAR(image.channels[0].row(0, 0)[0], (1 - mean) / deviation, 1e-5);
  EXPECT_EQ(image.channels[0].row(0, 0)[1], 0);
}

TEST(Normalise, EachSchemeDoesWhatItSays) {
  ThreadPool pool(2);
  const auto normalised = [&](Normalisation scheme, std::vector<float> values) {
    ChannelPlan plan;
    plan.normalisation = scheme;
    plan.intensity = {10, 5, -20, 30};
    normalise(values, plan, {}, pool);
    return values;
  };
  EXPECT_THAT(normalised(Normalisation::ct, {-100, 0, 100}), ElementsAre(-6, -2, 4));
  EXPECT_THAT(normalised(Normalisation::none, {-100, 5}), ElementsAre(-100, 5));
  EXPECT_THAT(normalised(Normalisation::zero_to_one, {-2, 0, 6}), ElementsAre(0, 0.25f, 1));
  EXPECT_THAT(normalised(Normalisation::rgb, {0, 51, 255}), ElementsAre(0, 0.2f, 1));
  EXPECT_THAT(normalised(Normalisation::z_score, {1, 3}), ElementsAre(-1, 1));
  EXPECT_THAT(normalised(Normalisation::z_score, {3, 3}), ElementsAre(0, 0));
  EXPECT_ERROR(normalised(Normalisation::rgb, {0, 256}), ErrorCode::bad_input);
}

TEST(Normalise, DoesNotDependOnTheThreads) {
  std::vector<float> one(300000), four;
  for (std::size_t n = 0; n < one.size(); ++n) one[n] = static_cast<float>(n * 2654435761u % 1000) / 7;
  four = one;
  ChannelPlan plan;
  plan.normalisation = Normalisation::z_score;
  ThreadPool single(1), several(4);
  normalise(one, plan, {}, single);
  normalise(four, plan, {}, several);
  EXPECT_EQ(one, four);
}

}  // namespace
}  // namespace sagittal::segment
