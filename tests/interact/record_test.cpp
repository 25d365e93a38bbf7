#include "interact/record.h"

#include <gtest/gtest.h>

#include <random>

#include "expect_error.h"
#include "interact/stub_network.h"

namespace sagittal::interact {
namespace {

constexpr Index3 kPatch{16, 16, 16};
constexpr Index3 kShape{40, 50, 70};

/// An answer that depends on every channel the network is shown, so that a voxel restored wrongly tells.
bool of_everything(const Seen& seen, const Index3& p) {
  float sum = seen.at(0, p) + 0.3f * seen.at(1, p);
  for (int channel = 2; channel < 8; ++channel) sum += (channel % 2 == 0 ? 3.0f : -3.0f) * seen.at(channel, p);
  return sum > 0.9f;
}

std::vector<float> noise() {
  std::mt19937 random(7);
  std::vector<float> image(static_cast<std::size_t>(whole(kShape).volume()));
  for (float& voxel : image) voxel = static_cast<float>(random() % 1000);
  return image;
}

struct Recorded : StubSession {
  explicit Recorded(const Capabilities& can = {}) : StubSession(kPatch, of_everything, can, 2, {.keep_record = true}) {
    network->remember = false;
    session.set_image(kShape, store(noise()));
  }
};

std::vector<std::uint8_t> mask_of(const Session& session) { return {session.mask().begin(), session.mask().end()}; }

class Player {
 public:
  explicit Player(unsigned seed) : random_(seed) {}

  /// One of everything a client can do.
  void play(Session& session) {
    const PromptOptions options{random_() % 4 != 0, random_() % 3 != 0, {}};
    switch (random_() % 12) {
      case 0:
        session.undo();
        break;
      case 1:
        session.redo();
        break;
      case 2:
        random_() % 2 == 0 ? session.reset() : session.forget_history();
        break;
      case 3: {
        std::vector<std::uint8_t> mask(static_cast<std::size_t>(whole(kShape).volume()));
        const std::size_t begin = random_() % mask.size(), length = random_() % 20000;
        for (std::size_t v = begin; v < std::min(mask.size(), begin + length); ++v) mask[v] = 1;
        session.add_initial_mask(mask, options);
        break;
      }
      case 4:
        if (session.segment_count() < 3) session.add_segment();
        break;
      case 5:
        session.select_segment(static_cast<int>(random_() % static_cast<unsigned>(session.segment_count())));
        break;
      case 6:
        session.predict(random_() % 2 == 0, {});
        break;
      case 7: {
        const Box box = any_box();
        session.add_box({double(box.lo[0]), double(box.lo[1]), double(box.lo[2])},
                        {double(box.lo[0] + 1), double(box.hi[1]), double(box.hi[2])}, options);
        break;
      }
      case 8:
      case 9: {
        const Box box = any_box();
        std::vector<std::uint8_t> mask(static_cast<std::size_t>(box.volume()));
        for (auto& voxel : mask) voxel = random_() % 3 == 0;
        random_() % 2 == 0 ? session.add_scribble(box, mask, options) : session.add_lasso(box, mask, options);
        break;
      }
      default:
        session.add_point({double(random_() % 40), double(random_() % 50), double(random_() % 70)}, options);
    }
  }

 private:
  Box any_box() {
    Box box;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      box.lo[axis] = static_cast<std::int64_t>(random_() % static_cast<unsigned>(kShape[axis] - 12));
      box.hi[axis] = box.lo[axis] + 2 + static_cast<std::int64_t>(random_() % 10);
    }
    return box;
  }
  std::mt19937 random_;
};

void expect_equal(Session& a, Session& b) {
  ASSERT_EQ(a.segment_count(), b.segment_count());
  ASSERT_EQ(a.active_segment(), b.active_segment());
  ASSERT_EQ(a.can_undo(), b.can_undo());
  ASSERT_EQ(a.can_redo(), b.can_redo());
  ASSERT_EQ(mask_of(a), mask_of(b));
}

TEST(Record, ARestoredSessionGoesOnAsTheOriginalDoes) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Recorded original, restored;
    Player first(seed);
    std::vector<Bytes> records;
    for (int n = 0; n < 25; ++n) {
      first.play(original.session);
      records.push_back(original.session.take_record());
    }
    for (const Bytes& record : records) restored.session.replay(record);
    EXPECT_TRUE(restored.session.take_record().empty()) << "a replay is not recorded again";
    expect_equal(original.session, restored.session);
    Player one(seed + 100), other(seed + 100);
    for (int n = 0; n < 25; ++n) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", prompt " << n);
      one.play(original.session);
      other.play(restored.session);
      expect_equal(original.session, restored.session);
      EXPECT_EQ(original.session.take_record(), restored.session.take_record());
    }
    while (original.session.can_undo()) {
      original.session.undo(), restored.session.undo();
      expect_equal(original.session, restored.session);
    }
    while (original.session.can_redo()) {
      original.session.redo(), restored.session.redo();
      expect_equal(original.session, restored.session);
    }
  }
}

TEST(Record, ASnapshotIsThePresentWithoutItsHistory) {
  for (unsigned seed = 0; seed < 5; ++seed) {
    Recorded original, restored;
    Player first(seed);
    for (int n = 0; n < 20; ++n) first.play(original.session);
    restored.session.replay(original.session.snapshot());
    EXPECT_FALSE(restored.session.can_undo());
    for (int n = 0; n < original.session.segment_count(); ++n) {
      original.session.select_segment(n);
      original.session.forget_history();
    }
    original.session.select_segment(restored.session.active_segment());
    Player one(seed + 100), other(seed + 100);
    for (int n = 0; n < 20; ++n) {
      one.play(original.session);
      other.play(restored.session);
      ASSERT_EQ(mask_of(original.session), mask_of(restored.session)) << "seed " << seed << ", prompt " << n;
    }
  }
}

TEST(Record, StrengthsThatWereScaledDownComeBack) {
  Capabilities can;
  can.interaction_decay = 0.5;
  Recorded original(can), restored(can);
  for (int n = 0; n < 40; ++n) original.session.add_point({double(n), 20, 20}, {true, false, {}});
  restored.session.replay(original.session.take_record());
  original.session.add_point({12, 16, 16}, {});
  restored.session.add_point({12, 16, 16}, {});
  EXPECT_EQ(mask_of(original.session), mask_of(restored.session));
}

TEST(Record, IsSmallForAClick) {
  Recorded stub;
  stub.session.add_point({20, 20, 20}, {true, false, {}});
  EXPECT_LT(stub.session.take_record().size(), 10'000u);
}

TEST(Record, IsEmptyWhereNobodyAskedForOne) {
  StubSession stub(kPatch, of_everything);
  stub.session.set_image(kShape, store(noise()));
  stub.session.add_point({20, 20, 20}, {});
  EXPECT_TRUE(stub.session.take_record().empty());
}

TEST(Record, WhatFailedIsNotInIt) {
  Recorded stub;
  EXPECT_ERROR(stub.session.add_point({-5, 0, 0}, {}), ErrorCode::bad_input);
  stub.session.undo();
  EXPECT_TRUE(stub.session.take_record().empty());
}

TEST(Record, OfAnotherModelIsRefused) {
  Recorded original;
  original.session.add_point({20, 20, 20}, {});
  Capabilities other;
  other.num_interaction_channels = 9;
  Recorded restored(other);
  EXPECT_ERROR(restored.session.replay(original.session.take_record()), ErrorCode::bad_input);
}

TEST(Record, ForgedBytesAreRefusedOrHarmless) {
  Recorded original;
  Player player(3);
  for (int n = 0; n < 12; ++n) player.play(original.session);
  const Bytes record = original.session.take_record();
  std::mt19937 random(5);
  for (int n = 0; n < 300; ++n) {
    Bytes forged = record;
    if (n % 3 == 0) forged.resize(random() % forged.size());
    for (int flips = n % 5; flips > 0; --flips)
      forged[random() % std::min<std::size_t>(forged.size(), 4000)] ^= static_cast<std::uint8_t>(random());
    Recorded victim;
    try {
      victim.session.replay(forged);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_input);
    }
    victim.session.mask();
  }
}

TEST(Record, LiesAreNamed) {
  const auto refused = [](const Bytes& record) {
    Recorded victim;
    EXPECT_ERROR(victim.session.replay(record), ErrorCode::bad_input);
  };
  refused({0});
  refused({99});
  refused({2});              // nothing to undo
  refused({6, 1, 0, 0, 0});  // no such segment
  refused({7, 2});           // no such flag
  Bytes step{1};
  append(step, std::uint32_t{7});
  append(step, 0.5);  // a strength below 1
  refused(step);
  step.resize(5);
  append(step, 1.0);
  append(step, std::uint32_t{1});
  append(step, std::uint32_t{1'000'000});  // no such cell
  refused(step);
  step.resize(17);
  append(step, std::uint32_t{0});
  step.push_back(0);
  append(step, Half{0x7c00});  // infinite
  refused(step);
}

}  // namespace
}  // namespace sagittal::interact
