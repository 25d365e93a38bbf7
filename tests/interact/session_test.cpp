#include "interact/session.h"

#include <gtest/gtest.h>

#include "base/half.h"
#include "expect_error.h"
#include "interact/stub_network.h"

namespace sagittal::interact {
namespace {

PromptOptions only_record(bool include = true) { return {include, false, {}}; }

TEST(Session, APointSegmentsTheObjectAroundIt) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  const Outcome outcome = stub.session.add_point({12, 12, 12}, {});
  EXPECT_TRUE(outcome.ran_prediction);
  EXPECT_EQ(outcome.zoom, 1);
  EXPECT_EQ(outcome.passes, 1);
  EXPECT_EQ(outcome.changed, (Box{{4, 4, 4}, {20, 20, 20}}));
  EXPECT_EQ(outcome.difference, kObject);
  EXPECT_EQ(stub.mask(), painted({32, 32, 32}, kObject));
}

TEST(Session, ThePatchIsClippedToTheImage) {
  StubSession stub(kPatch, bright);
  stub.set_image({20, 20, 20}, {{0, 0, 0}, {3, 3, 3}});
  EXPECT_EQ(stub.session.add_point({1, 1, 1}, {}).changed, (Box{{0, 0, 0}, {9, 9, 9}}));
  EXPECT_EQ(stub.mask_count(), 27);
  EXPECT_EQ(stub.network->seen(0, kPatch).at(0, {0, 0, 0}), 0);  // outside the image
}

TEST(Session, PromptsFadeAgainstTheNewest) {
  StubSession stub(kPatch, nowhere);
  stub.set_image({32, 32, 32});
  stub.session.add_point({8, 8, 8}, only_record());
  stub.session.add_point({16, 16, 16}, {});
  const Seen seen = stub.network->seen(0, kPatch);
  EXPECT_FLOAT_EQ(seen.at(1 + 3, {8, 8, 8}), 1);  // the newest
  EXPECT_NEAR(seen.at(1 + 3, {0, 0, 0}), 0.98, 0.0006);
  EXPECT_NEAR(seen.at(1 + 3, {9, 8, 8}), 0.766965, 0.0005);
  EXPECT_EQ(seen.at(1 + 4, {8, 8, 8}), 0);
}

TEST(Session, WithoutDecayPromptsKeepTheirStrength) {
  Capabilities can;
  can.interaction_decay.reset();
  StubSession stub(kPatch, nowhere, can);
  stub.set_image({32, 32, 32});
  stub.session.add_point({8, 8, 8}, only_record(false));
  stub.session.add_point({16, 16, 16}, {});
  const Seen seen = stub.network->seen(0, kPatch);
  EXPECT_EQ(seen.at(1 + 4, {0, 0, 0}), 1);
  EXPECT_EQ(seen.at(1 + 3, {8, 8, 8}), 1);
}

TEST(Session, HundredsOfPromptsStayInTheRangeOfHalf) {
  Capabilities can;
  can.interaction_decay = 0.5;  // leaves the range at the 17th prompt
  StubSession stub(kPatch, nowhere, can);
  stub.set_image({32, 32, 32});
  for (int n = 0; n < 40; ++n) stub.session.add_point({16, 16, 16}, only_record());
  stub.session.add_point({12, 16, 16}, {});
  const Seen seen = stub.network->seen(0, kPatch);
  EXPECT_NEAR(seen.at(1 + 3, {8, 8, 8}), 1, 0.001);
  EXPECT_NEAR(seen.at(1 + 3, {12, 8, 8}), 0.5, 0.001);
}

TEST(Session, BoxesOverwriteAndMasksRaise) {
  StubSession stub(kPatch, nowhere);
  stub.set_image({32, 32, 32});
  const Box whole_box{{8, 8, 16}, {24, 24, 17}};
  std::vector<std::uint8_t> all(16 * 16, 1);
  stub.session.add_lasso(whole_box, all, only_record());
  stub.session.add_box({10, 10, 16}, {12, 12, 17}, {});  // the same channel
  const Seen seen = stub.network->seen(0, kPatch);       // centre (11, 11, 16)
  EXPECT_EQ(seen.at(2, {7, 7, 8}), 1);
  EXPECT_NEAR(seen.at(2, {12, 12, 8}), 0.98, 0.0006);
  stub.session.add_scribble({{10, 10, 16}, {11, 11, 17}}, std::vector<std::uint8_t>{1}, {});
  EXPECT_EQ(stub.network->seen(1, kPatch).at(1 + 5, {8, 8, 8}), 1);
}

TEST(Session, NegativePromptsUseTheSecondChannelOfTheirPair) {
  StubSession stub(kPatch, nowhere);
  stub.set_image({32, 32, 32});
  const PromptOptions negative = only_record(false);
  const std::vector<std::uint8_t> one{1};
  stub.session.add_scribble({{16, 16, 16}, {17, 17, 17}}, one, negative);
  stub.session.add_lasso({{16, 16, 17}, {17, 17, 18}}, one, negative);
  stub.session.add_box({16, 16, 18}, {17, 17, 19}, negative);
  stub.session.add_point({16, 16, 16}, {false, true, {}});
  const Seen seen = stub.network->seen(0, kPatch);
  EXPECT_GT(seen.at(1 + 6, {8, 8, 8}), 0.9);
  EXPECT_GT(seen.at(1 + 2, {8, 8, 9}), 0.9);
  EXPECT_GT(seen.at(1 + 2, {8, 8, 10}), 0.9);
  EXPECT_EQ(seen.at(1 + 4, {8, 8, 8}), 1);
  for (const int positive : {1, 3, 5}) EXPECT_EQ(seen.at(1 + positive, {8, 8, 8}), 0);
}

TEST(Session, TheAnswerIsThePreviousSegmentationOfTheNextPass) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  stub.session.add_point({12, 12, 12}, {});
  EXPECT_EQ(stub.network->seen(0, kPatch).at(1, {8, 8, 8}), 0);
  EXPECT_EQ(stub.network->seen(1, kPatch).at(1, {8, 8, 8}), 1);
}

TEST(Session, AnEmptyScribblePredictsOnlyWhatIsPending) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  const Box bounds{{0, 0, 0}, {2, 2, 2}};
  const std::vector<std::uint8_t> nothing(8);
  EXPECT_FALSE(stub.session.add_scribble(bounds, nothing, {}).ran_prediction);
  stub.session.add_point({12, 12, 12}, only_record());
  EXPECT_TRUE(stub.session.add_scribble(bounds, nothing, {}).ran_prediction);
  EXPECT_FALSE(stub.session.add_scribble(bounds, nothing, {}).ran_prediction);
}

TEST(Session, AnInitialMaskStartsOver) {
  StubSession stub(kPatch, nowhere);
  stub.set_image({32, 32, 32});
  stub.session.add_point({16, 16, 16}, only_record());
  const auto mask = painted({32, 32, 32}, kObject);
  const Outcome outcome = stub.session.add_initial_mask(mask, only_record());
  EXPECT_FALSE(outcome.ran_prediction);
  EXPECT_EQ(outcome.difference, kObject);
  EXPECT_EQ(stub.mask(), mask);
  stub.session.add_point({12, 12, 12}, {});
  const Seen seen = stub.network->seen(0, kPatch);
  EXPECT_EQ(seen.at(1, {8, 8, 8}), 1);
  EXPECT_EQ(seen.at(1 + 3, {12, 12, 12}), 0) << "the earlier point is gone";
  EXPECT_EQ(seen.at(1 + 3, {8, 8, 8}), 1) << "the intensity started over";
}

TEST(Session, ResetEmptiesTheSegmentAndCanBeUndone) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.reset();
  EXPECT_FALSE(stub.session.can_undo()) << "nothing to reset";
  stub.session.add_point({12, 12, 12}, {});
  const auto before = stub.mask();
  stub.session.reset();
  EXPECT_EQ(stub.mask_count(), 0);
  EXPECT_EQ(stub.session.undo().difference, kObject);
  EXPECT_EQ(stub.mask(), before);
}

TEST(Session, AnotherModelStartsOverOnTheSameImage) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  stub.session.set_auto_zoom(false);
  const auto network = std::make_shared<StubNetwork>(8, bright);
  Session other = stub.session.with_model(StubSession::make_model(kPatch, network, {}, "other"));
  EXPECT_EQ(other.model().name, "other");
  EXPECT_FALSE(other.auto_zoom());
  EXPECT_FALSE(other.can_undo());
  EXPECT_EQ(other.describe_segment(0).voxels, 0);
  other.add_point({12, 12, 12}, {});
  EXPECT_FALSE(network->inputs.empty());
  EXPECT_EQ(stub.mask_count(), other.describe_segment(0).voxels);
}

// ---- AutoZoom and refinement

TEST(Session, AnObjectBeyondThePatchIsLookedAtFromFartherAway) {
  StubSession stub(kPatch, bright);
  const Box object{{8, 8, 8}, {40, 40, 40}};
  stub.set_image({48, 48, 48}, object);
  const Outcome outcome = stub.session.add_point({24, 24, 24}, {});
  EXPECT_EQ(outcome.zoom, 2.25) << "36 voxels show the object of 32, 24 do not";
  EXPECT_EQ(stub.mask(), painted({48, 48, 48}, object));
  EXPECT_GT(outcome.passes, 3);
}

TEST(Session, WithoutAutoZoomThereIsOnePass) {
  StubSession stub(kPatch, bright);
  stub.set_image({48, 48, 48}, {{8, 8, 8}, {40, 40, 40}});
  stub.session.set_auto_zoom(false);
  const Outcome outcome = stub.session.add_point({24, 24, 24}, {});
  EXPECT_EQ(outcome.zoom, 1);
  EXPECT_EQ(outcome.passes, 1);
  EXPECT_EQ(stub.mask_count(), 16 * 16 * 16);
}

TEST(Session, AtTheLargestZoomTheLoopEnds) {
  StubSession stub(kPatch, [](const Seen&, const Index3&) { return true; });
  stub.set_image({80, 80, 80});
  const Outcome outcome = stub.session.add_point({40, 40, 40}, {});
  EXPECT_EQ(outcome.zoom, 4);
  EXPECT_GE(outcome.changed.volume(), 64 * 64 * 64);
}

TEST(Session, ALargeBoxStartsAtItsZoom) {
  StubSession stub(kPatch, nowhere);
  stub.set_image({40, 40, 40});
  const Outcome outcome = stub.session.add_box({4, 4, 20}, {15, 31, 21}, {});
  EXPECT_EQ(outcome.zoom, (27 + 5) / 16.0);
}

TEST(Session, BetweenRefinedPatchesTheRulesDiffer) {
  // Two far objects are refined. What lies between them is too thin to be planned for, though the coarse pass drops it.
  const Box first{{4, 4, 4}, {12, 12, 12}}, second{{50, 50, 50}, {58, 58, 58}}, between{{30, 30, 30}, {33, 33, 33}};
  const Index3 shape{64, 64, 64};
  std::vector<float> voxels(64 * 64 * 64);
  const auto a = painted(shape, first), b = painted(shape, second), thin = painted(shape, between);
  for (const Rules rules : {Rules::v2_5, Rules::v2_6}) {
    StubSession stub(kPatch, bright, {}, 2, {{}, rules});
    auto expected = thin;
    for (std::size_t v = 0; v < voxels.size(); ++v) {
      voxels[v] = a[v] || b[v] ? 10.0f : 0.45f + 0.1f * static_cast<float>(v % 2);
      expected[v] = a[v] || b[v] || (rules == Rules::v2_6 && thin[v]);
    }
    stub.session.set_image(shape, store(voxels));
    stub.session.add_initial_mask(thin, only_record());
    const Outcome outcome = stub.session.add_box({2, 2, 32}, {62, 62, 33}, {});
    EXPECT_EQ(outcome.zoom, 4);
    EXPECT_EQ(stub.mask(), expected);
    EXPECT_EQ(outcome.difference, hull(first, second));
  }
}

TEST(Session, WithoutAnyChangeThePatchAroundThePromptIsRefined) {
  StubSession stub(kPatch, nowhere);
  stub.set_image({64, 64, 64});
  const Outcome outcome = stub.session.add_box({2, 2, 32}, {62, 62, 33}, {});
  EXPECT_EQ(outcome.passes, 2);
  EXPECT_EQ(outcome.changed, (Box{{24, 24, 24}, {40, 40, 40}}));
}

TEST(Session, AnInitialMaskCanBeRefinedAsAWhole) {
  StubSession stub(kPatch, bright);
  const Index3 shape{48, 48, 48};
  const Box object{{4, 4, 4}, {44, 44, 44}};
  stub.set_image(shape, object);
  const Outcome outcome = stub.session.add_initial_mask(painted(shape, object), {});
  EXPECT_GT(outcome.zoom, 1);
  EXPECT_GE(outcome.passes, 1 + 4 * 4 * 4) << "the inner parts of patches, 12 voxels wide, cover 40 voxels";
  EXPECT_EQ(stub.mask(), painted(shape, object));
}

// ---- undo and redo

TEST(Session, UndoAndRedoGoAnyDistance) {
  StubSession stub(kPatch, [](const Seen& seen, const Index3& at) { return seen.at(1 + 3, at) > 0.5f; });
  stub.set_image({64, 64, 64});
  std::vector<std::vector<std::uint8_t>> masks{stub.mask()};
  for (int n = 0; n < 60; ++n) {
    stub.session.add_point({double(n), double((n * 37) % 64), double((n * 11) % 64)}, {n % 5 != 0, true, {}});
    masks.push_back(stub.mask());
  }
  for (int n = 59; n >= 0; --n) {
    EXPECT_TRUE(stub.session.undo().ran_prediction);
    ASSERT_EQ(stub.mask(), masks[static_cast<std::size_t>(n)]);
  }
  EXPECT_FALSE(stub.session.can_undo());
  EXPECT_FALSE(stub.session.undo().ran_prediction);
  for (int n = 1; n <= 60; ++n) {
    EXPECT_TRUE(stub.session.redo().ran_prediction);
    ASSERT_EQ(stub.mask(), masks[static_cast<std::size_t>(n)]);
  }
  EXPECT_FALSE(stub.session.can_redo());
}

TEST(Session, AfterUndoTheNetworkSeesWhatItSawBefore) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  stub.session.add_point({13, 12, 11}, {});
  stub.session.undo();
  stub.session.add_point({13, 12, 11}, {});
  EXPECT_EQ(stub.network->inputs[1], stub.network->inputs[2]);
}

TEST(Session, ANewPromptForgetsWhatWasUndone) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  stub.session.undo();
  EXPECT_TRUE(stub.session.can_redo());
  stub.session.add_point({13, 12, 12}, {});
  EXPECT_FALSE(stub.session.can_redo());
}

TEST(Session, APromptCostsOnlyTheBlocksItTouches) {
  StubSession stub(kPatch, bright);
  stub.set_image({256, 256, 256}, kObject);
  const auto before = stub.session.memory_bytes();
  for (int n = 0; n < 100; ++n) stub.session.add_point({12, 12, 12}, {});
  EXPECT_LT(stub.session.memory_bytes() - before, 100u * 80 * 1024) << "a block of points is 64 KiB";
}

// ---- segments

TEST(Session, SegmentsAreIndependent) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  const auto first = stub.mask();
  EXPECT_EQ(stub.session.add_segment(), 1);
  EXPECT_EQ(stub.session.active_segment(), 1);
  EXPECT_EQ(stub.mask_count(), 0);
  EXPECT_FALSE(stub.session.can_undo());
  stub.session.add_point({12, 12, 8}, {});
  EXPECT_EQ(stub.network->inputs[1].size(), stub.network->inputs[0].size());
  EXPECT_EQ(stub.network->seen(1, kPatch).at(1, {8, 8, 12}), 0) << "no previous segmentation from the first";
  stub.session.reset();
  stub.session.select_segment(0);
  EXPECT_EQ(stub.mask(), first);
  std::vector<std::uint8_t> copied(static_cast<std::size_t>(kObject.volume()));
  stub.session.copy_mask(0, kObject, copied);
  EXPECT_EQ(std::count(copied.begin(), copied.end(), 1), kObject.volume());
  stub.session.copy_mask(1, kObject, copied);
  EXPECT_EQ(std::count(copied.begin(), copied.end(), 1), 0);
  EXPECT_ERROR(stub.session.select_segment(2), ErrorCode::not_found);
  EXPECT_ERROR(stub.session.select_segment(-1), ErrorCode::not_found);
}

// ---- refusals and cancellation leave the session as it was

/// The masks and the next input of a session, to compare before and after.
std::vector<float> fingerprint(StubSession& stub) {
  stub.session.add_point({12, 12, 12}, {});
  std::vector<float> seen = stub.network->inputs.back();
  stub.session.undo();
  return seen;
}

TEST(Session, BadPromptsAreRefusedAndChangeNothing) {
  StubSession stub(kPatch, bright);
  EXPECT_ERROR(stub.session.add_point({0, 0, 0}, {}), ErrorCode::conflict);
  EXPECT_ERROR(stub.session.mask(), ErrorCode::conflict);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  const auto mask = stub.mask();
  const auto before = fingerprint(stub);
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {-0.51, 31.5, 1e300, -1e300, nan, inf, -inf}) {
    EXPECT_ERROR(stub.session.add_point({1, bad, 1}, {}), ErrorCode::bad_input);
  }
  using Corner = std::array<double, 3>;
  const std::vector<std::pair<Corner, Corner>> boxes{
      {{1, 1, 1}, {3, 3, 1}},    // no thickness
      {{1, 1, 1}, {3, 3, 3}},    // 3D
      {{3, 1, 1}, {1, 3, 2}},    // inverted
      {{40, 1, 1}, {44, 3, 2}},  // behind the image
      {{-9, 1, 1}, {-3, 3, 2}},  // before the image
      {{nan, 1, 1}, {3, 3, 2}}, {{1, 1, 1}, {3, nan, 2}},
  };
  for (const auto& [lo, hi] : boxes) EXPECT_ERROR(stub.session.add_box(lo, hi, {}), ErrorCode::bad_input);
  const std::vector<std::uint8_t> one{1};
  EXPECT_ERROR(stub.session.add_scribble({{0, 0, 32}, {1, 1, 33}}, one, {}), ErrorCode::bad_input);
  EXPECT_ERROR(stub.session.add_scribble({{-1, 0, 0}, {0, 1, 1}}, one, {}), ErrorCode::bad_input);
  EXPECT_ERROR(stub.session.add_lasso({{0, 0, 0}, {1, 1, 2}}, one, {}), ErrorCode::bad_input);
  EXPECT_ERROR(stub.session.add_lasso({{0, 0, 0}, {0, 1, 1}}, {}, {}), ErrorCode::bad_input);
  EXPECT_ERROR(stub.session.add_initial_mask(one, {}), ErrorCode::bad_input);
  EXPECT_EQ(stub.mask(), mask);
  EXPECT_EQ(fingerprint(stub), before);
}

TEST(Session, UnsupportedPromptsAreRefused) {
  Capabilities can;
  can.supports_points = can.supports_scribble = can.supports_lasso = can.supports_initial_label = false;
  can.supports_bbox2d = false;
  StubSession stub(kPatch, bright, can);
  stub.set_image({32, 32, 32});
  const std::vector<std::uint8_t> one{1};
  const Box voxel{{0, 0, 0}, {1, 1, 1}};
  EXPECT_ERROR(stub.session.add_point({1, 1, 1}, {}), ErrorCode::unsupported);
  EXPECT_ERROR(stub.session.add_scribble(voxel, one, {}), ErrorCode::unsupported);
  EXPECT_ERROR(stub.session.add_lasso(voxel, one, {}), ErrorCode::unsupported);
  EXPECT_ERROR(stub.session.add_box({0, 0, 0}, {1, 2, 2}, {}), ErrorCode::unsupported);
  EXPECT_ERROR(stub.session.add_initial_mask(std::vector<std::uint8_t>(32 * 32 * 32), {}), ErrorCode::unsupported);
  EXPECT_FALSE(stub.session.can_undo());
}

TEST(Session, CancellingWhileZoomingOrRefiningChangesNothing) {
  StubSession stub(kPatch, bright);
  stub.set_image({48, 48, 48}, {{8, 8, 8}, {40, 40, 40}});
  const int passes = stub.session.add_point({24, 24, 24}, {}).passes;
  stub.session.undo();
  stub.session.add_point({12, 12, 12}, {true, false, {}});
  const auto mask = stub.mask();
  for (const int n : {0, 1, 2, passes / 2, passes - 1}) {
    PromptOptions options;
    stub.network->inputs.clear();
    stub.network->before_run = [&](int pass) {
      if (pass == n) options.control.cancel.cancel();
    };
    EXPECT_ERROR(stub.session.add_point({24, 24, 24}, options), ErrorCode::cancelled);
    EXPECT_EQ(stub.network->inputs.size(), static_cast<std::size_t>(n));
    EXPECT_EQ(stub.mask(), mask);
  }
  stub.network->before_run = nullptr;
  stub.session.undo();
  EXPECT_FALSE(stub.session.can_undo()) << "the cancelled prompts left no step";
  const Outcome outcome = stub.session.add_point({24, 24, 24}, {});
  EXPECT_EQ(outcome.passes, passes);
}

TEST(Session, AFailingNetworkChangesNothing) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.network->before_run = [](int) { throw Error(ErrorCode::internal, "no memory"); };
  EXPECT_ERROR(stub.session.add_point({12, 12, 12}, {}), ErrorCode::internal);
  EXPECT_EQ(stub.mask_count(), 0);
  EXPECT_FALSE(stub.session.can_undo());
}

TEST(Session, ProgressRisesWithinEachStage) {
  StubSession stub(kPatch, bright);
  stub.set_image({48, 48, 48}, {{8, 8, 8}, {40, 40, 40}});
  std::vector<std::pair<std::string, double>> reports;
  PromptOptions options;
  options.control.sink = [&](const Progress& p) { reports.emplace_back(p.stage, p.fraction); };
  stub.session.add_point({24, 24, 24}, options);
  ASSERT_GT(reports.size(), 8u);
  EXPECT_EQ(reports.front().first, "zooming");
  EXPECT_EQ(reports.back().first, "refining");
  for (std::size_t n = 1; n < reports.size(); ++n) {
    if (reports[n].first == reports[n - 1].first) {
      EXPECT_GE(reports[n].second, reports[n - 1].second);
    }
    EXPECT_LE(reports[n].second, 1);
  }
}

TEST(Session, TheMaskDoesNotDependOnTheThreads) {
  std::vector<std::uint8_t> masks[2];
  for (const int threads : {1, 4}) {
    StubSession stub(kPatch, bright, {}, threads);
    stub.set_image({70, 50, 60}, {{6, 6, 6}, {60, 41, 53}});
    stub.session.add_point({30, 24, 24}, {});
    masks[threads == 4] = stub.mask();
  }
  EXPECT_EQ(masks[0], masks[1]);
}

TEST(Session, ANewImageDropsEverything) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  stub.session.add_segment();
  stub.set_image({20, 24, 28});
  EXPECT_EQ(stub.session.shape(), (Index3{20, 24, 28}));
  EXPECT_EQ(stub.session.segment_count(), 1);
  EXPECT_EQ(stub.mask_count(), 0);
  EXPECT_FALSE(stub.session.can_undo());
}

TEST(Session, BadImagesAreRefusedAndKeepTheOldOne) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({12, 12, 12}, {});
  const auto mask = stub.mask();
  std::vector<float> voxels(8, 0.0f);
  EXPECT_ERROR(stub.session.set_image({2, 2, 2}, store(voxels)), ErrorCode::bad_input);  // all zero
  voxels.assign(8, 3.0f);
  EXPECT_ERROR(stub.session.set_image({2, 2, 2}, store(voxels)), ErrorCode::bad_input);  // constant
  voxels[3] = std::numeric_limits<float>::infinity();
  EXPECT_ERROR(stub.session.set_image({2, 2, 2}, store(voxels)), ErrorCode::bad_input);
  voxels[3] = 1;
  EXPECT_ERROR(stub.session.set_image({2, 2, 3}, store(voxels)), ErrorCode::bad_input);
  EXPECT_ERROR(stub.session.set_image({0, 2, 2}, store(voxels)), ErrorCode::bad_input);
  const std::int64_t huge = std::int64_t{1} << 32;
  EXPECT_ERROR(stub.session.set_image({huge, huge, huge}, store(voxels)), ErrorCode::bad_input);
  EXPECT_EQ(stub.mask(), mask);
}

TEST(Session, PromptsThatWereOnlyRecordedArePredictedOnRequest) {
  StubSession stub(kPatch, bright), direct(kPatch, bright);
  for (StubSession* each : {&stub, &direct}) each->set_image({32, 32, 32}, kObject);
  EXPECT_FALSE(stub.session.predict(false, {}).ran_prediction) << "nothing is recorded";
  stub.session.add_point({16, 16, 16}, only_record());
  const Outcome outcome = stub.session.predict(false, {});
  EXPECT_TRUE(outcome.ran_prediction);
  direct.session.add_point({16, 16, 16}, {});
  EXPECT_EQ(stub.mask(), direct.mask());
  EXPECT_GT(stub.mask_count(), 0);
  EXPECT_FALSE(stub.session.predict(false, {}).ran_prediction) << "all is predicted";
}

TEST(Session, ForgottenHistoryCannotBeUndone) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  stub.session.add_point({16, 16, 16}, {});
  stub.session.add_point({17, 16, 16}, {});
  stub.session.undo();
  const auto mask = stub.mask();
  stub.session.forget_history();
  EXPECT_FALSE(stub.session.can_undo());
  EXPECT_FALSE(stub.session.can_redo());
  EXPECT_FALSE(stub.session.undo().ran_prediction);
  EXPECT_EQ(stub.mask(), mask);
}

}  // namespace
}  // namespace sagittal::interact
