#include "interact/random_walker.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::interact {
namespace {

Field noise(const Index3& size, unsigned seed) {
  std::mt19937 random(seed);
  Field field(size);
  for (float& value : field.values) value = static_cast<float>(random() % 1000) / 1000;
  return field;
}

TEST(Field, SmoothingKeepsWhatIsEven) {
  const Field out = smooth(Field({5, 1, 9}, 3), 1.5);
  for (const float value : out.values) EXPECT_NEAR(value, 3, 1e-5);
}

TEST(Field, SmoothingSpreadsAPointEvenly) {
  Field point({9, 9, 9});
  point[364] = 1;
  const Field out = smooth(point, 1);
  EXPECT_NEAR(out[364], std::pow(0.3995F, 3), 1e-3);
  EXPECT_FLOAT_EQ(out[363], out[365]);
  EXPECT_FLOAT_EQ(out[363], out[364 + 81]);
}

TEST(Field, DistancesAreTheExactOnes) {
  const Index3 size{7, 5, 11};
  Field marks = noise(size, 3);
  for (float& value : marks.values) value = value > 0.97F ? 1 : 0;
  const Field found = squared_distance(marks);
  const auto place = [&](std::size_t n) {
    const auto v = static_cast<std::int64_t>(n);
    return Index3{v / 55, v / 11 % 5, v % 11};
  };
  for (std::size_t n = 0; n < marks.count(); ++n) {
    float nearest = kFar;
    for (std::size_t m = 0; m < marks.count(); ++m) {
      if (marks[m] == 0) continue;
      float apart = 0;
      for (int axis = 0; axis < 3; ++axis) {
        const auto d = static_cast<float>(place(n)[axis] - place(m)[axis]);
        apart += d * d;
      }
      nearest = std::min(nearest, apart);
    }
    EXPECT_EQ(found[n], nearest);
  }
}

TEST(Field, WithoutMarksEverythingIsFar) {
  for (const float value : squared_distance(Field({3, 4, 5})).values) EXPECT_EQ(value, kFar);
}

struct Line {
  Field zero{{1, 1, 5}};
  ThreadPool pool{1};
  Conductance edges = conductance(Field({1, 1, 5}), {1, 1, 1}, 0, pool);
  std::vector<Seed> seeds = std::vector<Seed>(5, Seed::open);
};

TEST(RandomWalker, BetweenSeedsTheChanceFallsEvenly) {
  Line line;
  line.seeds.front() = Seed::object;
  line.seeds.back() = Seed::background;
  ThreadPool pool(1);
  const Field out = walk(line.edges, line.seeds, line.zero, line.zero, line.zero, {100, 1e-6}, pool, {});
  for (std::size_t n = 0; n < 5; ++n) EXPECT_NEAR(out[n], 1 - 0.25 * static_cast<double>(n), 1e-4);
}

TEST(RandomWalker, StopsAtAnEdge) {
  Field image({1, 1, 6});
  for (std::size_t n = 3; n < 6; ++n) image[n] = 1;
  std::vector<Seed> seeds(6, Seed::open);
  seeds.front() = Seed::object;
  seeds.back() = Seed::background;
  const Field zero(image.size);
  ThreadPool pool(1);
  const Field out = walk(conductance(image, {9, 9, 9}, 0, pool), seeds, zero, zero, zero, {100, 1e-6}, pool, {});
  EXPECT_GT(out[2], 0.99);
  EXPECT_LT(out[3], 0.01);
}

TEST(RandomWalker, FollowsThePriorWhereThereIsNoSeed) {
  Line line;
  ThreadPool pool(1);
  const Field out =
      walk(line.edges, line.seeds, Field({1, 1, 5}, 0.7F), Field({1, 1, 5}, 1), line.zero, {100, 1e-6}, pool, {});
  for (const float value : out.values) EXPECT_NEAR(value, 0.7, 1e-4);
}

TEST(RandomWalker, DoesNotDependOnTheThreads) {
  const Index3 size{13, 17, 11};
  const Field image = noise(size, 1), prior = noise(size, 2);
  std::vector<Seed> seeds(image.count(), Seed::open);
  seeds[5] = Seed::object;
  seeds[2000] = Seed::background;
  ThreadPool one(1), three(3);
  const Conductance edges = conductance(image, {3, 3, 3}, 1e-3F, one);
  EXPECT_EQ(edges[0].values, conductance(image, {3, 3, 3}, 1e-3F, three)[0].values);
  const Field weight(size, 0.02F);
  EXPECT_EQ(walk(edges, seeds, prior, weight, prior, {}, one, {}).values,
            walk(edges, seeds, prior, weight, prior, {}, three, {}).values);
}

TEST(RandomWalker, CanBeStopped) {
  Line line;
  line.seeds.front() = Seed::object;
  RunControl control;
  control.cancel.cancel();
  ThreadPool pool(1);
  const Field weight({1, 1, 5}, 0.5F);
  EXPECT_ERROR(walk(line.edges, line.seeds, line.zero, weight, line.zero, {}, pool, control), ErrorCode::cancelled);
}

}  // namespace
}  // namespace sagittal::interact
