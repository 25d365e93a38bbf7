#include "volume/pose.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "expect_error.h"
#include "volume/transforms.h"

namespace sagittal {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

/// Turned about z.
Affine turned(double degrees, const Vec3& offset = {0, 0, 0}) {
  const double c = std::cos(degrees * kDegree), s = std::sin(degrees * kDegree);
  return {{{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}}, offset};
}

void expect_near(const Affine& a, const Affine& b, double tolerance = 1e-12) {
  for (std::size_t r = 0; r < 3; ++r) {
    EXPECT_NEAR(a.offset[r], b.offset[r], tolerance) << r;
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(a.matrix[r][c], b.matrix[r][c], tolerance) << r << c;
  }
}

TEST(Affine, ProductIsTheRightOneFirst) {
  const Affine shift{{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {10, 0, 0}};
  const Vec3 y = (turned(90) * shift)({1, 0, 0});
  EXPECT_NEAR(y[0], 0, 1e-12);
  EXPECT_NEAR(y[1], 11, 1e-12);
}

TEST(Affine, InverseLeadsBack) {
  const Affine a{{{{0.0008, 0.0854, 0.0009}, {-0.0854, 0.0008, 0.0023}, {0.0023, -0.0009, 0.0854}}}, {12, 50, -0.5}};
  expect_near(a * inverse(a), Affine{}, 1e-10);
  expect_near(inverse(a) * a, Affine{}, 1e-10);
  EXPECT_ERROR(inverse(Affine{{{{1, 0, 0}, {0, 0, 0}, {0, 0, 1}}}, {}}), ErrorCode::bad_input);
}

TEST(Affine, SixteenNumbersComeBack) {
  const Affine a = turned(30, {1, 2, 3});
  EXPECT_EQ(affine_from_rows(rows_of(a)), a);
  auto rows = rows_of(a);
  rows[13] = 1;
  EXPECT_ERROR(affine_from_rows(rows), ErrorCode::bad_input);
  rows = rows_of(a);
  rows[5] = std::nan("");
  EXPECT_ERROR(affine_from_rows(rows), ErrorCode::bad_input);
  EXPECT_ERROR(affine_from_rows(std::span(rows).first(12)), ErrorCode::bad_input);
}

TEST(Pose, HalfOfAQuarterTurnIsAnEighth) {
  expect_near(interpolate(turned(0, {0, 0, 0}), turned(90, {10, 20, -30}), 0.5), turned(45, {5, 10, -15}));
  expect_near(interpolate(turned(10), turned(11), 0.25), turned(10.25));
}

TEST(Pose, TheShorterWayIsTaken) {
  expect_near(interpolate(turned(170), turned(-170), 0.5), turned(180));
  expect_near(interpolate(turned(-100), turned(100), 0.25), turned(-140));
}

TEST(Pose, EveryAxisTurnsAsItShould) {
  // half turns about x, y and z have a trace of -1
  for (std::size_t axis = 0; axis < 3; ++axis) {
    Affine half;
    for (std::size_t r = 0; r < 3; ++r) half.matrix[r][r] = r == axis ? 1 : -1;
    expect_near(interpolate(half, half, 0.3), half);
  }
}

TEST(Pose, EndsAreTheGivenOnes) {
  const Affine a = turned(20, {1, 2, 3}), b = turned(80, {4, 5, 6});
  expect_near(interpolate(a, b, 0), a);
  expect_near(interpolate(a, b, 1), b);
  expect_near(interpolate(a, a, 0.7), a);
}

TEST(PoseBuffer, GivesWhatWasMeasuredAndWhatLiesBetween) {
  PoseBuffer buffer(10, 0.2);
  EXPECT_EQ(buffer.at(0).status, PoseStatus::unknown);
  EXPECT_TRUE(buffer.add(1.0, turned(0), true));
  EXPECT_TRUE(buffer.add(1.1, turned(10), true));
  EXPECT_EQ(buffer.at(1.05).status, PoseStatus::ok);
  expect_near(buffer.at(1.05).pose, turned(5), 1e-9);
  expect_near(buffer.at(1.1).pose, turned(10));
  EXPECT_EQ(buffer.at(0.99).status, PoseStatus::unknown);
  EXPECT_EQ(buffer.at(1.11).status, PoseStatus::unknown);
  EXPECT_EQ(buffer.at(std::nan("")).status, PoseStatus::unknown);
  EXPECT_EQ(buffer.latest_s(), 1.1);
}

TEST(PoseBuffer, NothingIsInventedInAGapOrBesideAnInvalidPose) {
  PoseBuffer buffer(10, 0.2);
  buffer.add(1.0, turned(0), true);
  buffer.add(1.5, turned(10), true);
  buffer.add(1.6, turned(20), false);
  buffer.add(1.7, turned(30), true);
  EXPECT_EQ(buffer.at(1.2).status, PoseStatus::gap);
  EXPECT_EQ(buffer.at(1.5).status, PoseStatus::ok);
  EXPECT_EQ(buffer.at(1.55).status, PoseStatus::invalid);
  EXPECT_EQ(buffer.at(1.6).status, PoseStatus::invalid);
  EXPECT_EQ(buffer.at(1.65).status, PoseStatus::invalid);
  EXPECT_EQ(buffer.at(1.7).status, PoseStatus::ok);
}

TEST(PoseBuffer, TimesOnlyGrow) {
  PoseBuffer buffer(10, 1);
  EXPECT_TRUE(buffer.add(2, turned(0), true));
  EXPECT_FALSE(buffer.add(2, turned(1), true));
  EXPECT_FALSE(buffer.add(1, turned(1), true));
  EXPECT_FALSE(buffer.add(std::nan(""), turned(1), true));
  EXPECT_FALSE(buffer.add(std::numeric_limits<double>::infinity(), turned(1), true));
  EXPECT_EQ(buffer.size(), 1U);
}

TEST(PoseBuffer, TheOldestGoWhenItIsFull) {
  PoseBuffer buffer(3, 1);
  for (int n = 0; n < 10; ++n) buffer.add(n, turned(n), true);
  EXPECT_EQ(buffer.size(), 3U);
  EXPECT_EQ(buffer.at(6).status, PoseStatus::unknown);
  EXPECT_EQ(buffer.at(7).status, PoseStatus::ok);
}

TEST(PoseBuffer, WhatIsNoRotationCountsAsInvalid) {
  PoseBuffer buffer(10, 1);
  buffer.add(1, Affine{{{{2, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {}}, true);
  buffer.add(2, Affine{{{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {}}, true);
  buffer.add(3, Affine{{{{std::nan(""), 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {}}, true);
  for (const double time : {1.0, 2.0, 3.0}) EXPECT_EQ(buffer.at(time).status, PoseStatus::invalid) << time;
}

TEST(TransformName, IsSplitAtItsTo) {
  const TransformName name = parse_transform_name("ProbeToTracker");
  EXPECT_EQ(name.from, "Probe");
  EXPECT_EQ(name.to, "Tracker");
  EXPECT_EQ(name.text(), "ProbeToTracker");
  EXPECT_EQ(parse_transform_name("StylusTipToStylus").from, "StylusTip");
  EXPECT_EQ(parse_transform_name("TorsoToTool2").from, "Torso") << "\"To\" before a small letter is part of a name";
  for (const char* bad : {"", "Probe", "To", "ToTracker", "ProbeTo", "Probeto", "AToBToC", "probetotracker"}) {
    SCOPED_TRACE(bad);
    EXPECT_ERROR(parse_transform_name(bad), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_transform_name(std::string(400, 'a') + "ToB"), ErrorCode::bad_input);
}

TEST(Transforms, AreJoinedAlongTheWay) {
  TransformRepository known;
  const Affine probe = turned(30, {1, 2, 3}), reference = turned(-50, {7, 8, 9}), image = turned(5, {0, 1, 0});
  known.set({"Image", "Probe"}, image);
  known.set({"Probe", "Tracker"}, probe);
  known.set({"Reference", "Tracker"}, reference);
  known.set({"Stylus", "Tracker"}, turned(80));
  const auto found = known.get({"Image", "Reference"});
  EXPECT_TRUE(found.valid);
  expect_near(found.affine, inverse(reference) * probe * image, 1e-12);
  expect_near(known.get({"Reference", "Image"}).affine, inverse(found.affine), 1e-12);
  EXPECT_EQ(known.get({"Image", "Image"}).affine, Affine{});
  EXPECT_ERROR(known.get({"Image", "Moon"}), ErrorCode::not_found);
  EXPECT_ERROR(known.get({"Moon", "Image"}), ErrorCode::not_found);
}

TEST(Transforms, OneInvalidStepMakesTheWayInvalid) {
  TransformRepository known;
  known.set({"Image", "Probe"}, turned(1));
  known.set({"Probe", "Tracker"}, Affine{{}, {}}, false);
  EXPECT_FALSE(known.get({"Image", "Tracker"}).valid);
  EXPECT_FALSE(known.get({"Tracker", "Image"}).valid);
  EXPECT_TRUE(known.get({"Image", "Probe"}).valid);
  known.set({"Probe", "Tracker"}, turned(2));
  EXPECT_TRUE(known.get({"Tracker", "Image"}).valid);
}

TEST(Transforms, TheShortestWayIsTakenAndTheLatestValueCounts) {
  TransformRepository known;
  known.set({"A", "B"}, turned(1));
  known.set({"B", "C"}, turned(1));
  known.set({"A", "C"}, turned(40));
  expect_near(known.get({"A", "C"}).affine, turned(40));
  known.set({"C", "A"}, turned(-50));
  expect_near(known.get({"A", "C"}).affine, turned(50));
}

TEST(Transforms, NonsenseIsRefused) {
  TransformRepository known;
  EXPECT_ERROR(known.set({"A", "A"}, turned(1)), ErrorCode::bad_input);
  EXPECT_ERROR(known.set({"A", "B"}, Affine{{}, {}}), ErrorCode::bad_input);
  for (int n = 0; n < 1024; ++n) known.set({"A", std::to_string(n)}, turned(1));
  EXPECT_ERROR(known.set({"A", "x"}, turned(1)), ErrorCode::too_large);
  EXPECT_NO_THROW(known.set({"7", "A"}, turned(1)));
}

}  // namespace
}  // namespace sagittal
