#include "interact/prompts.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "expect_error.h"
#include "interact/stub_network.h"
#include "volume/bits.h"

namespace sagittal::interact {
namespace {

Prompt parse(const std::string& text) { return parse_prompt(parse_json(text, "test")); }

TEST(Prompts, EveryTypeSurvivesTheWayToTextAndBack) {
  const std::vector<Prompt> prompts{
      PointPrompt{{1, 2.5, 3}, false},
      BoxPrompt{{1, 2, 3}, {4, 5, 4}, true},
      PaintPrompt{PaintKind::scribble, {{1, 2, 3}, {3, 4, 6}}, Bytes{0xaa, 0xb0}, true},
      PaintPrompt{PaintKind::lasso, {{0, 0, 0}, {8, 1, 1}}, Bytes{0x01}, false},
      InitPrompt{Bytes{1, 2, 3}},
      UndoPrompt{},
  };
  EXPECT_EQ(parse_prompts_file(format_prompts_file(prompts)), prompts);
}

TEST(Prompts, IncludeMayBeLeftOut) {
  EXPECT_EQ(parse(R"({"type": "point", "ijk": [1, 2, 3]})"), Prompt(PointPrompt{{1, 2, 3}, true}));
}

TEST(Prompts, RefusesWhatIsMalformed) {
  for (const char* bad : {
           R"(3)",
           R"({})",
           R"({"type": 3})",
           R"({"type": "circle"})",
           R"({"type": "point"})",
           R"({"type": "point", "ijk": [1, 2]})",
           R"({"type": "point", "ijk": [1, 2, "3"]})",
           R"({"type": "point", "ijk": [1, 2, 3], "include": 1})",
           R"({"type": "box", "ijk0": [1, 2, 3]})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2]], "mask": "gA=="})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2], [0, 2, 3]], "mask": "gA=="})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2], [0.5, 2]], "mask": "gA=="})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2], [2, 2]], "mask": "gA=="})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2], [-1, 2]], "mask": "gA=="})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2], [0, 2]]})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2], [0, 2]], "mask": "gA"})",
           R"({"type": "scribble", "bounds": [[0, 2], [0, 2], [0, 2]], "mask": "gAA="})",
           R"({"type": "lasso", "bounds": [[0, 4294967296], [0, 4294967296], [0, 4294967296]], "mask": "gA=="})",
           R"({"type": "lasso", "bounds": [[0, 18446744073709551615], [0, 1], [0, 1]], "mask": "gA=="})",
           R"({"type": "init"})",
           R"({"type": "init", "mask": 7})",
       }) {
    EXPECT_ERROR(parse(bad), ErrorCode::bad_input);
  }
  for (const char* bad : {R"([])", R"({"version": 1})", R"({"version": 2, "prompts": []})", R"({"prompts": []})",
                          R"({"version": 1, "prompts": {}})", R"({"version": 1, "prompts": [3]})", "{"}) {
    EXPECT_ERROR(parse_prompts_file(bad), ErrorCode::bad_input);
  }
}

TEST(Prompts, AnErrorNamesThePrompt) {
  try {
    parse_prompts_file(R"({"version": 1, "prompts": [{"type": "undo"}, {"type": "point", "ijk": [1]}]})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("number 2"), std::string::npos) << error.what();
  }
}

TEST(Prompts, IndicesAreTurnedIntoArrayOrder) {
  StubSession stub({16, 16, 16}, nowhere);
  stub.set_image({20, 30, 40});  // k, j, i
  const Outcome outcome = apply(stub.session, PointPrompt{{35, 20, 5}, true});
  EXPECT_EQ(outcome.changed, (Box{{0, 12, 27}, {13, 28, 40}}));
  apply(stub.session, BoxPrompt{{30, 20, 5}, {34, 22, 6}, false});
  const Seen box = stub.network->seen(1, {16, 16, 16});  // centre (k, j, i) = (6, 21, 32)
  EXPECT_EQ(box.at(1 + 2, {7, 7, 6}), 1);                // half to even: 5.5 -> 6
  EXPECT_EQ(box.at(1 + 2, {7, 8, 9}), 1);
  EXPECT_EQ(box.at(1 + 2, {7, 8, 10}), 0);
  // a line along i, of which every second voxel is painted
  apply(stub.session, PaintPrompt{PaintKind::scribble, {{10, 4, 3}, {16, 5, 4}}, Bytes{0b10101000}, true});
  const Seen line = stub.network->seen(2, {16, 16, 16});  // painted 10, 12, 14: centre (4, 4, 12)
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(line.at(1 + 5, {7, 8, 6 + i}), i % 2 == 0 ? 1 : 0);
}

TEST(Prompts, AnInitialMaskCoversTheWholeImage) {
  StubSession stub({16, 16, 16}, nowhere);
  stub.set_image({20, 20, 20});
  std::vector<std::uint8_t> mask(8000);
  mask[123] = 1;
  EXPECT_FALSE(apply(stub.session, InitPrompt{pack_bits(mask)}).ran_prediction);
  EXPECT_EQ(stub.mask(), mask);
  EXPECT_TRUE(apply(stub.session, UndoPrompt{}).ran_prediction);
  EXPECT_EQ(stub.mask_count(), 0);
  EXPECT_ERROR(apply(stub.session, InitPrompt{Bytes(999)}), ErrorCode::bad_input);
  EXPECT_TRUE(apply(stub.session, InitPrompt{pack_bits(mask)}, {}, true).ran_prediction);
}

TEST(Prompts, PaintThatLeavesTheImageIsRefused) {
  StubSession stub({16, 16, 16}, nowhere);
  stub.set_image({20, 20, 20});
  EXPECT_ERROR(apply(stub.session, PaintPrompt{PaintKind::lasso, {{0, 0, 13}, {1, 1, 21}}, Bytes{0xff}, true}),
               ErrorCode::bad_input);
  EXPECT_FALSE(stub.session.can_undo());
}

}  // namespace
}  // namespace sagittal::interact
