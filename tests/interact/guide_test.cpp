#include "interact/guide.h"

#include <cmath>
#include <filesystem>
#include <numeric>

#include <gtest/gtest.h>

#include "expect_error.h"
#include "interact/stub_network.h"

namespace sagittal::interact {
namespace {

constexpr Index3 kShape{40, 60, 50};
constexpr Box kObject{{10, 20, 12}, {26, 44, 32}};
constexpr int kFirstWalk = 3, kPositive = 9;

/// The first random walk is the answer.
bool likely(const Seen& seen, const Index3& p) { return seen.at(kFirstWalk, p) > 0.5F; }
bool everywhere(const Seen&, const Index3&) { return true; }

struct GuidedSession {
  explicit GuidedSession(StubNetwork::Rule rule, int threads = 2, const Index3& side = {32, 32, 32})
      : pool(threads), guide(std::make_shared<StubNetwork>(kGuideChannels, std::move(rule))) {
    auto model =
        std::make_shared<Model>(*StubSession::make_model({16, 16, 16}, std::make_shared<StubNetwork>(8, nowhere), {}));
    model->guide = {guide, side, {8, 8, 8}};
    session = std::make_unique<Session>(model, pool, SessionOptions{.keep_record = true});
    set_image(*session);
  }

  static void set_image(Session& session) {
    std::vector<float> voxels(static_cast<std::size_t>(whole(kShape).volume()));
    for (std::size_t v = 0; v < voxels.size(); ++v) {
      const auto n = static_cast<std::int64_t>(v);
      const Index3 p{n / (kShape[1] * kShape[2]), n / kShape[2] % kShape[1], n % kShape[2]};
      const Box here{p, {p[0] + 1, p[1] + 1, p[2] + 1}};
      voxels[v] = (intersect(here, kObject) == here ? 100.F : 20.F) + static_cast<float>(n * 7919 % 11);
    }
    session.set_image(kShape, store(voxels));
  }

  std::vector<std::uint8_t> mask() const { return {session->mask().begin(), session->mask().end()}; }

  static std::vector<std::uint8_t> one_voxel(const Index3& p) {
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(whole(kShape).volume()));
    mask[static_cast<std::size_t>((p[0] * kShape[1] + p[1]) * kShape[2] + p[2])] = 1;
    return mask;
  }

  double dice() const { return dice(*session); }

  static double dice(const Session& session) {
    const auto mask = session.mask();
    std::int64_t shared = 0, found = 0;
    for (std::size_t v = 0; v < mask.size(); ++v) {
      const auto n = static_cast<std::int64_t>(v);
      const Index3 p{n / (kShape[1] * kShape[2]), n / kShape[2] % kShape[1], n % kShape[2]};
      const bool inside = !intersect(Box{p, {p[0] + 1, p[1] + 1, p[2] + 1}}, kObject).empty();
      found += mask[v];
      shared += mask[v] != 0 && inside;
    }
    return 2.0 * static_cast<double>(shared) / static_cast<double>(found + kObject.volume());
  }

  ThreadPool pool;
  std::shared_ptr<StubNetwork> guide;
  std::unique_ptr<Session> session;
};

TEST(GuideView, HasAtLeastItsSideAndStaysInTheImage) {
  const GuideView view = fit_view({{2, 30, 40}, {4, 31, 45}}, kShape, {32, 32, 32});
  EXPECT_EQ(view.box, (Box{{0, 15, 18}, {32, 47, 50}}));
  EXPECT_EQ(view.step, (Index3{1, 1, 1}));
}

TEST(GuideView, IsThinnedWhereItIsLong) {
  const GuideView view = fit_view({{-5, 0, 0}, {90, 60, 33}}, kShape, {32, 32, 32});
  EXPECT_EQ(view.box, (Box{{0, 0, 0}, {40, 60, 33}}));
  EXPECT_EQ(view.step, (Index3{2, 2, 2}));
  EXPECT_EQ(view.size(), (Index3{20, 30, 17}));
}

TEST(GuideView, AnAnswerReachesOnlyFacesBeyondWhichTheImageGoesOn) {
  const GuideView view{{{0, 8, 8}, {8, 16, 16}}, {1, 1, 1}};
  const Field all({8, 8, 8}, 1);
  const auto reached = reached_faces(all, view, {40, 40, 16});
  EXPECT_FALSE(reached[0][0]);
  EXPECT_TRUE(reached[0][1]);
  EXPECT_TRUE(reached[1][0]);
  EXPECT_FALSE(reached[2][1]);
}

TEST(GuideView, AnAnswerIsEnlargedBetweenTheMiddlesOfBlocks) {
  Field answer({1, 1, 3}, -1);
  answer[1] = 1;
  ThreadPool pool(2);
  const BitVolume out = enlarge(answer, {{{0, 0, 0}, {2, 1, 12}}, {2, 1, 4}}, pool);
  for (std::int64_t k = 0; k < 12; ++k) EXPECT_EQ(out.at(1, 0, k), k >= 4 && k < 8) << k;
}

TEST(GuideScene, HoldsMeansOfTheImageAndTheStrongestPrompts) {
  std::vector<float> voxels(4 * 4 * 6);
  std::iota(voxels.begin(), voxels.end(), 1.F);
  ThreadPool pool(2);
  const NormalisedImage image({4, 4, 6}, store(voxels), pool);
  Layers layers({4, 4, 6}, 7);
  layers.prompts[3].assign({{1, 1, 4}, {2, 2, 5}}, to_half(1));
  layers.prompts[3].assign({{1, 1, 5}, {2, 2, 6}}, to_half(0.25F));
  BitVolume set({2, 4, 3});
  set.fill(whole(set.shape()), true);
  layers.previous.paste(set, {{0, 0, 0}, {2, 4, 3}}, pool);
  const GuideView view{{{0, 0, 0}, {4, 4, 6}}, {2, 2, 4}};
  const GuideScene scene = scan_scene(image, layers, {}, view, pool);
  ASSERT_EQ(scene.image.size, (Index3{2, 2, 2}));
  EXPECT_FLOAT_EQ(scene.positive[1], 1);
  EXPECT_EQ(scene.positive[0], 0);
  EXPECT_EQ(scene.core, (std::vector<std::uint8_t>{0, 1, 0, 0, 0, 0, 0, 0}));
  EXPECT_FLOAT_EQ(scene.previous[0], 0.75F);
  EXPECT_FLOAT_EQ(scene.previous[1], 0);
  std::vector<float> corner(6);
  double sum = 0;
  for (const Index3& row : {Index3{0, 0, 0}, Index3{0, 1, 0}, Index3{1, 0, 0}, Index3{1, 1, 0}}) {
    image.read(row, 6, corner.data());
    sum += corner[4] + corner[5];
  }
  EXPECT_NEAR(scene.image[1], sum / 8, 1e-5);
}

TEST(GuideFeatures, AreZeroOutsideTheSceneAndDoNotDependOnTheThreads) {
  GuideScene scene;
  scene.image = Field({5, 9, 7});
  for (std::size_t n = 0; n < scene.image.count(); ++n) scene.image[n] = static_cast<float>(n * 7919 % 101);
  scene.previous = scene.positive = scene.negative = scene.inside = scene.outside = Field(scene.image.size);
  scene.core.assign(scene.image.count(), 0);
  scene.core[150] = 1;
  scene.positive[150] = 1;
  const Index3 padded{8, 16, 8};
  const auto voxels = static_cast<std::size_t>(whole(padded).volume());
  std::vector<float> one(kGuideChannels * voxels), three = one;
  ThreadPool single(1), several(3);
  guide_features(scene, padded, single, {}, one);
  guide_features(scene, padded, several, {}, three);
  EXPECT_EQ(one, three);
  for (std::size_t channel = 0; channel < kGuideChannels; ++channel) {
    for (std::size_t v = 0; v < voxels; ++v) {
      const auto n = static_cast<std::int64_t>(v);
      EXPECT_TRUE(std::isfinite(one[channel * voxels + v]));
      if (n / 128 >= 5 || n / 8 % 16 >= 9 || n % 8 >= 7) {
        EXPECT_EQ(one[channel * voxels + v], 0);
      }
    }
  }
}

TEST(Guide, APointFindsTheObjectAroundIt) {
  GuidedSession guided(likely);
  const Outcome outcome = guided.session->add_point({18, 30, 22}, {});
  EXPECT_TRUE(outcome.ran_prediction);
  EXPECT_GT(guided.dice(), 0.75);
}

TEST(Guide, ABoxShowsHowLargeTheObjectIs) {
  GuidedSession guided(likely);
  guided.session->add_box({18, 20, 12}, {19, 44, 32}, {});
  EXPECT_GT(guided.dice(), 0.75);
}

TEST(Guide, ANegativePromptTakesAway) {
  GuidedSession guided(likely);
  guided.session->add_point({18, 30, 22}, {});
  PromptOptions negative;
  negative.include = false;
  guided.session->add_point({18, 30, 25}, negative);
  EXPECT_EQ(guided.session->mask()[(18 * 60 + 30) * 50 + 25], 0);
  EXPECT_EQ(guided.session->mask()[(18 * 60 + 30) * 50 + 22], 1);
}

TEST(Guide, LooksFromFurtherAwayUntilTheImageEnds) {
  GuidedSession guided(everywhere, 2, {16, 16, 16});
  const Outcome outcome = guided.session->add_point({20, 30, 25}, {});
  EXPECT_EQ(outcome.changed, whole(kShape));
  EXPECT_GT(outcome.passes, 1);
  guided.session->undo();
  guided.session->set_auto_zoom(false);
  EXPECT_EQ(guided.session->add_point({20, 30, 25}, {}).passes, 1);
}

TEST(Guide, ShowsWhatItFindsBeforeItLooksFurther) {
  GuidedSession guided(everywhere, 2, {16, 16, 16});
  PromptOptions options;
  options.run_prediction = false;
  guided.session->add_initial_mask(guided.one_voxel({20, 30, 25}), options);
  std::vector<Box> seen;
  options.run_prediction = true;
  options.preview = [&](const Preview& preview) {
    seen.push_back(preview.box);
    EXPECT_EQ(preview.mask.count(whole(preview.mask.shape())), preview.box.volume());
  };
  const Outcome outcome = guided.session->add_point({20, 30, 25}, options);
  ASSERT_EQ(static_cast<int>(seen.size()), outcome.passes - 1);
  ASSERT_FALSE(seen.empty());
  seen.push_back(outcome.changed);
  for (std::size_t n = 1; n < seen.size(); ++n) EXPECT_EQ(hull(seen[n - 1], seen[n]), seen[n]);
}

TEST(Guide, ShowsItsFirstLookAtOnce) {
  GuidedSession guided(likely, 2, {16, 16, 16});
  std::vector<Box> seen;
  PromptOptions options;
  options.preview = [&](const Preview& preview) {
    if (seen.empty()) {
      EXPECT_EQ(guided.guide->inputs.size(), 1U);
    }
    seen.push_back(preview.box);
  };
  const Outcome outcome = guided.session->add_point({18, 30, 22}, options);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(hull(seen.front(), outcome.changed), outcome.changed);
}

TEST(GuideAnswer, TrustsAClearAnswerMoreThanAVagueOne) {
  Field clear({2, 2, 2}, -8), vague({2, 2, 2}, -0.5F);
  clear[0] = 8;
  vague[0] = 0.5F;
  EXPECT_GT(expected_dice(clear), 0.99);
  EXPECT_LT(expected_dice(vague), 0.5);
  EXPECT_EQ(expected_dice(Field({2, 2, 2}, -200)), 0);
}

TEST(GuideAnswer, OnlyTheNewestPromptChangesWhatWasAccepted) {
  GuideScene scene;
  scene.image = scene.previous = scene.positive = scene.negative = scene.inside = scene.outside = Field({1, 1, 8});
  scene.core.assign(8, 0);
  scene.previous[7] = 1;
  scene.positive[1] = 1;
  scene.negative[6] = 0.9F;
  Field answer({1, 1, 8}, -1);
  for (const std::size_t n : {0U, 1U, 2U, 4U}) answer[n] = 1;
  answer[5] = 3;
  keep_what_was_accepted(answer, scene);
  std::vector<bool> object;
  for (const float value : answer.values) object.push_back(value > 0);
  EXPECT_EQ(object, (std::vector<bool>{true, true, true, false, false, true, false, true}));
}

TEST(GuideAnswer, ObeysTheMiddleOfAPrompt) {
  GuideScene scene;
  scene.core = {0, 1, 2};
  Field answer({1, 1, 3}, -1);
  answer[2] = 5;
  obey_prompts(answer, scene);
  EXPECT_LT(answer[0], 0);
  EXPECT_GT(answer[1], 0);
  EXPECT_LT(answer[2], 0);
}

TEST(Guide, TheAnswerDoesNotDependOnTheThreads) {
  GuidedSession one(likely, 1), three(likely, 3);
  for (GuidedSession* guided : {&one, &three}) {
    guided->session->add_point({18, 30, 22}, {});
    guided->session->add_box({12, 10, 8}, {13, 50, 40}, {});
  }
  EXPECT_EQ(one.mask(), three.mask());
}

TEST(Guide, AStoppedPredictionChangesNothing) {
  GuidedSession guided(likely);
  guided.session->add_point({18, 30, 22}, {});
  const auto before = guided.mask();
  PromptOptions options;
  guided.guide->before_run = [&](int) { options.control.cancel.cancel(); };
  EXPECT_ERROR(guided.session->add_point({2, 2, 2}, options), ErrorCode::cancelled);
  EXPECT_EQ(guided.mask(), before);
}

TEST(Guide, UndoAndReplayNeedNoGuide) {
  GuidedSession guided(likely), other(nowhere);
  guided.session->add_point({18, 30, 22}, {});
  const auto first = guided.mask();
  guided.session->add_scribble({{18, 22, 15}, {19, 23, 20}}, std::vector<std::uint8_t>(5, 1), {});
  const auto second = guided.mask();
  guided.session->undo();
  EXPECT_EQ(guided.mask(), first);
  guided.session->redo();
  other.session->replay(guided.session->take_record());
  EXPECT_EQ(other.mask(), second);
  EXPECT_TRUE(other.guide->inputs.empty());
}

TEST(Guide, RefinesAnInitialMaskWithoutAnyPrompt) {
  GuidedSession guided(likely);
  std::vector<std::uint8_t> initial(static_cast<std::size_t>(whole(kShape).volume()));
  for (std::int64_t i = 14; i < 22; ++i) {
    for (std::int64_t j = 26; j < 38; ++j) std::fill_n(initial.begin() + (i * 60 + j) * 50 + 16, 12, std::uint8_t{1});
  }
  guided.session->add_initial_mask(initial, {});
  EXPECT_EQ(guided.session->mask()[(18 * 60 + 30) * 50 + 22], 1);
}

TEST(Guide, ShowsTheNetworkTheNewestPromptStrongest) {
  GuidedSession guided(nowhere);
  PromptOptions waiting;
  waiting.run_prediction = false;
  guided.session->add_point({10, 20, 12}, waiting);
  guided.session->add_point({20, 30, 20}, {});
  const Seen seen{{32, 32, 32}, guided.guide->inputs.front()};
  float newest = 0, older = 0;
  for (const float value : seen.channel(kPositive)) {
    if (value > newest) newest = value;
    if (value > older && value < 0.9F) older = value;
  }
  EXPECT_FLOAT_EQ(newest, 1);
  EXPECT_NEAR(older, std::pow(0.98, 8), 5e-3);
}

TEST(GuideModel, MustFitItsNetwork) {
  const auto with = [](int channels, const Index3& side) {
    return GuideModel{std::make_shared<StubNetwork>(channels, nowhere), side, {8, 8, 8}};
  };
  EXPECT_NO_THROW(check_guide(with(kGuideChannels, {48, 48, 48}), "m"));
  EXPECT_ERROR(check_guide(with(8, {48, 48, 48}), "m"), ErrorCode::bad_input);
  EXPECT_ERROR(check_guide(with(kGuideChannels, {48, 48, 44}), "m"), ErrorCode::bad_input);
  EXPECT_ERROR(check_guide(with(kGuideChannels, {48, 0, 48}), "m"), ErrorCode::bad_input);
  EXPECT_ERROR(check_guide(with(kGuideChannels, {48, 1 << 20, 48}), "m"), ErrorCode::bad_input);
}

TEST(GuideModel, TheModelInTheBoxFindsAPlainObject) {
  LoadOptions options;
  options.threads = 2;
  const auto model = load_model(std::filesystem::path(SAGITTAL_SOURCE_DIR) / "models/sagittal-small", options);
  ASSERT_TRUE(model->guide);
  ThreadPool pool(2);
  Session session(model, pool);
  GuidedSession::set_image(session);
  session.add_point({18, 30, 22}, {});
  EXPECT_GT(GuidedSession::dice(session), 0.7);
}

TEST(GuideModel, OnlyAPlainFolderNameIsDeclared) {
  const auto parse = [](const char* text) { return parse_declaration(parse_json(text, "test")); };
  EXPECT_EQ(parse("{}").guide_folder, "");
  EXPECT_EQ(parse(R"({"guide": {"folder": "guide"}})").guide_folder, "guide");
  for (const char* text :
       {"[]", "3", R"({"guide": 1})", R"({"guide": {}})", R"({"guide": {"folder": ""}})",
        R"({"guide": {"folder": "../x"}})", R"({"guide": {"folder": "a/b"}})", R"({"guide": {"folder": "."}})",
        R"({"guide": {"folder": ["x"]}})", R"({"guide": {"folder": "x", "y": 1}})", R"({"other": {}})"}) {
    EXPECT_ERROR(parse(text), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_declaration(Json{{"guide", {{"folder", std::string(65, 'a')}}}}), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::interact
