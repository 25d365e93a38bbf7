#include "segment/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/bytes.h"
#include "base/json.h"
#include "expect_error.h"
#include "segment/sample_network.h"

namespace sagittal::segment {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::FloatNear;

Json vectors() {
  return parse_json(as_text(read_file(SAGITTAL_SOURCE_DIR "/tests/volume/nnunet_vectors.json", 1 << 20)),
                    "nnunet_vectors.json");
}

TEST(TileStarts, AreNnunets) {
  for (const Json& vector : vectors().at("steps")) {
    for (std::size_t axis = 0; axis < vector.at("image").size(); ++axis) {
      EXPECT_EQ(tile_starts(vector.at("image")[axis], vector.at("tile")[axis], vector.at("step")),
                vector.at("steps")[axis].get<std::vector<std::int64_t>>());
    }
  }
}

TEST(TileWeights, AreNnunets) {
  const Json vector = vectors().at("gaussian_8x10x12_scale10_fp16");
  const auto expected = vector.at("data").get<std::vector<float>>();
  const std::vector<float> weights = tile_weights({8, 10, 12});
  ASSERT_EQ(weights.size(), expected.size());
  for (std::size_t n = 0; n < weights.size(); ++n) EXPECT_EQ(weights[n], expected[n]) << n;
}

/// Puts rows together again and checks that each comes once, in order.
class Collector : public LogitSink {
 public:
  Collector(int heads, const Index3& shape) : heads_(heads), shape_(shape) {}
  void take(const LogitRows& rows) override {
    EXPECT_EQ(rows.first, taken);
    for (std::int64_t row = rows.first; row < rows.last; ++row) {
      for (int head = 0; head < heads_; ++head) {
        for (std::int64_t j = 0; j < shape_[1]; ++j) {
          const float* line = rows.line(row, head, j);
          values.insert(values.end(), line, line + shape_[2]);
        }
      }
    }
    taken = rows.last;
  }
  std::int64_t taken = 0;
  std::vector<float> values;  // [row][head][j][k]

 private:
  int heads_;
  Index3 shape_;
};

NetworkImage image_of(const Index3& shape, const std::function<float(std::int64_t)>& value) {
  NetworkImage image;
  image.channels.emplace_back(shape);
  for (std::int64_t n = 0; n < shape[0] * shape[1] * shape[2]; ++n) {
    image.channels[0].values()[static_cast<std::size_t>(n)] = value(n);
  }
  return image;
}

class Slide : public testing::Test {
 protected:
  std::vector<float> run(const SampleNetwork& network, const NetworkImage& image, const WindowOptions& options,
                         int folds = 1) {
    // The tests own the network; `slide` only borrows it.
    const std::shared_ptr<const nn::Network> shared(std::shared_ptr<void>(), &network);
    const std::vector<std::shared_ptr<const nn::Network>> networks(static_cast<std::size_t>(folds), shared);
    Collector collector(network.output_channels(), image.shape());
    slide(networks, image, options, collector, control_, pool_);
    EXPECT_EQ(collector.taken, image.shape()[0]);
    return collector.values;
  }
  static WindowOptions patch_of(const Index3& patch) {
    WindowOptions options;
    options.patch = patch;
    return options;
  }
  ThreadPool pool_{2};
  RunControl control_;
};

TEST_F(Slide, AnswersWithoutContextSurviveTheTiles) {
  const SampleNetwork network(1, 2, [](int head, float x) { return head == 0 ? -x : 2 * x; });
  for (const Index3& shape : {Index3{9, 10, 11}, Index3{3, 10, 2}, Index3{4, 4, 4}, Index3{1, 1, 1}}) {
    const NetworkImage image = image_of(shape, [](std::int64_t n) { return static_cast<float>(n % 13); });
    WindowOptions options = patch_of({4, 6, 4});
    options.mirror_axes = {0, 2};
    const std::vector<float> logits = run(network, image, options, 2);
    const std::int64_t plane = shape[1] * shape[2];
    ASSERT_EQ(logits.size(), static_cast<std::size_t>(2 * shape[0] * plane));
    for (std::int64_t n = 0; n < shape[0] * plane; ++n) {
      const std::int64_t row = n / plane, rest = n % plane;
      const auto x = static_cast<float>(n % 13);
      EXPECT_NEAR(logits[static_cast<std::size_t>(row * 2 * plane + rest)], -x, 1e-4);
      EXPECT_NEAR(logits[static_cast<std::size_t>((row * 2 + 1) * plane + rest)], 2 * x, 1e-4);
    }
  }
}

TEST_F(Slide, PaddingIsZero) {
  SampleNetwork network(1, 1, [](int, float x) { return x; });
  run(network, image_of({1, 2, 3}, [](std::int64_t) { return 5.0f; }), patch_of({2, 2, 6}));
  ASSERT_EQ(network.inputs.size(), 1U);
  EXPECT_THAT(network.inputs[0], ElementsAre(0, 5, 5, 5, 0, 0, 0, 5, 5, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST_F(Slide, MirroredPassesAreTurnedBack) {
  SampleNetwork network(1, 1, [](int, float x) { return x; });
  const NetworkImage image = image_of({1, 2, 2}, [](std::int64_t n) { return static_cast<float>(n); });
  WindowOptions options = patch_of({1, 2, 2});
  options.dimensions = 2;
  options.mirror_axes = {0, 1};
  EXPECT_THAT(run(network, image, options), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(network.inputs, ElementsAre(std::vector<float>{0, 1, 2, 3}, std::vector<float>{2, 3, 0, 1},
                                          std::vector<float>{1, 0, 3, 2}, std::vector<float>{3, 2, 1, 0}));
}

TEST_F(Slide, TwoDimensionsTakeEachSliceOnce) {
  SampleNetwork network(1, 1, [](int, float x) { return x; });
  WindowOptions options = patch_of({1, 2, 2});
  options.dimensions = 2;
  run(network, image_of({5, 2, 2}, [](std::int64_t) { return 1.0f; }), options);
  EXPECT_EQ(network.inputs.size(), 5U);
}

TEST_F(Slide, LabelsBeforeAreChannels) {
  SampleNetwork network(3, 1, [](int, float x) { return x; });
  NetworkImage image = image_of({1, 1, 2}, [](std::int64_t) { return 7.0f; });
  image.labels.emplace(Index3{1, 1, 2});
  image.labels->values()[0] = 2;
  image.labels->values()[1] = 1;
  WindowOptions options = patch_of({1, 1, 2});
  options.previous_labels = {1, 2};
  run(network, image, options);
  EXPECT_THAT(network.inputs[0], ElementsAre(7, 7, 0, 1, 1, 0));
}

TEST_F(Slide, WhatIsNotFiniteIsAnError) {
  const SampleNetwork network(1, 1, [](int, float) { return std::numeric_limits<float>::quiet_NaN(); });
  EXPECT_ERROR(run(network, image_of({2, 2, 2}, [](std::int64_t) { return 1.0f; }), patch_of({2, 2, 2})),
               ErrorCode::bad_input);
}

TEST_F(Slide, ReportsAndStops) {
  double last = -1;
  control_.sink = [&](const Progress& progress) {
    EXPECT_GT(progress.fraction, last);
    last = progress.fraction;
    if (progress.fraction > 0.5) control_.cancel.cancel();
  };
  SampleNetwork network(1, 1, [](int, float x) { return x; });
  EXPECT_ERROR(run(network, image_of({20, 2, 2}, [](std::int64_t) { return 1.0f; }), patch_of({2, 2, 2})),
               ErrorCode::cancelled);
  EXPECT_GT(last, 0.5);
  EXPECT_LT(last, 0.6);
}

}  // namespace
}  // namespace sagittal::segment
