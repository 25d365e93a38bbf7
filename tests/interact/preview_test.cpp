#include "interact/preview.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "interact/stub_network.h"

namespace sagittal::interact {
namespace {

/// What a sink was shown, with the mask as it would be drawn.
struct Shown {
  Box box, difference;
  std::vector<std::uint8_t> mask;
};

PromptOptions showing(const StubSession& stub, std::vector<Shown>& shown) {
  PromptOptions options;
  options.preview = [&](const Preview& preview) {
    Shown now{preview.box, preview.difference, stub.mask()};
    const Index3& shape = stub.session.shape();
    const Index3 size = preview.box.size();
    EXPECT_EQ(preview.mask.shape(), size);
    for (std::int64_t i = 0; i < size[0]; ++i) {
      for (std::int64_t j = 0; j < size[1]; ++j) {
        for (std::int64_t k = 0; k < size[2]; ++k) {
          const Index3 at{preview.box.lo[0] + i, preview.box.lo[1] + j, preview.box.lo[2] + k};
          now.mask[static_cast<std::size_t>((at[0] * shape[1] + at[1]) * shape[2] + at[2])] = preview.mask.at(i, j, k);
        }
      }
    }
    shown.push_back(std::move(now));
  };
  return options;
}

TEST(Preview, EachPassFromAfarIsShownBeforeTheRefinement) {
  constexpr Box object{{8, 8, 8}, {40, 40, 40}};
  StubSession stub(kPatch, bright), quiet(kPatch, bright);
  for (StubSession* one : {&stub, &quiet}) {
    one->set_image({48, 48, 48}, object);
    one->session.add_point({12, 12, 12}, {true, false, {}});
  }
  std::vector<Shown> shown;
  const Outcome outcome = stub.session.add_point({24, 24, 24}, showing(stub, shown));
  ASSERT_EQ(shown.size(), 3u) << "at 1, 1.5 and 2.25";
  EXPECT_EQ(shown[0].box, (Box{{16, 16, 16}, {32, 32, 32}})) << "the first pass fills its patch";
  EXPECT_EQ(shown[0].difference, shown[0].box);
  EXPECT_EQ(shown[0].mask, painted({48, 48, 48}, shown[0].box));
  for (std::size_t n = 1; n < shown.size(); ++n) EXPECT_EQ(hull(shown[n].box, shown[n - 1].box), shown[n].box);
  EXPECT_EQ(shown[2].box, (Box{{6, 6, 6}, {42, 42, 42}}));
  EXPECT_EQ(hull(shown[2].difference, shown[2].box), shown[2].box);
  EXPECT_GT(std::count(shown[2].mask.begin(), shown[2].mask.end(), 1), object.volume() / 2);

  const Outcome unseen = quiet.session.add_point({24, 24, 24}, {});
  EXPECT_EQ(stub.mask(), quiet.mask()) << "showing changes nothing";
  EXPECT_EQ(outcome.passes, unseen.passes);
  EXPECT_EQ(stub.network->inputs, quiet.network->inputs);
}

TEST(Preview, WhatOnePassShowsIsTheAnswerAndNoPreview) {
  StubSession stub(kPatch, bright);
  stub.set_image({32, 32, 32}, kObject);
  std::vector<Shown> shown;
  EXPECT_EQ(stub.session.add_point({12, 12, 12}, showing(stub, shown)).passes, 1);
  EXPECT_TRUE(shown.empty());
}

TEST(Preview, APreviewTellsWhereItDiffersFromTheMask) {
  Capabilities can;
  can.supports_bbox3d = true;
  StubSession stub(kPatch, bright, can);
  stub.set_image({48, 48, 48}, {{8, 8, 8}, {40, 40, 40}});
  stub.session.add_point({24, 24, 24}, {});
  std::vector<Shown> shown;
  stub.session.set_auto_zoom(false);
  stub.session.add_box({4, 4, 4}, {44, 44, 44}, showing(stub, shown));
  ASSERT_EQ(shown.size(), 1u);
  stub.session.undo();
  const std::vector<std::uint8_t> before = stub.mask();
  const Index3& shape = stub.session.shape();
  Box differing{shape, {0, 0, 0}};
  for (std::int64_t v = 0; v < whole(shape).volume(); ++v) {
    if (before[static_cast<std::size_t>(v)] == shown[0].mask[static_cast<std::size_t>(v)]) continue;
    const Index3 at{v / (shape[1] * shape[2]), v / shape[2] % shape[1], v % shape[2]};
    differing = hull(differing, {at, {at[0] + 1, at[1] + 1, at[2] + 1}});
  }
  EXPECT_EQ(shown[0].difference, differing.empty() ? Box{} : differing);
}

TEST(Preview, CancellingAtThePreviewChangesNothing) {
  StubSession stub(kPatch, bright);
  stub.set_image({48, 48, 48}, {{8, 8, 8}, {40, 40, 40}});
  PromptOptions options;
  options.preview = [&](const Preview&) { options.control.cancel.cancel(); };
  EXPECT_ERROR(stub.session.add_point({24, 24, 24}, options), ErrorCode::cancelled);
  EXPECT_EQ(stub.network->inputs.size(), 1u) << "not one pass more";
  EXPECT_EQ(stub.mask_count(), 0);
  EXPECT_FALSE(stub.session.can_undo());
  options.control = {};
  options.preview = [](const Preview&) { throw Error(ErrorCode::io, "nobody looks"); };
  EXPECT_ERROR(stub.session.add_point({24, 24, 24}, options), ErrorCode::io);
  EXPECT_FALSE(stub.session.can_undo());
}

}  // namespace
}  // namespace sagittal::interact
