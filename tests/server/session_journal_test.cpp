#include "server/state/session_journal.h"

#include <optional>
#include <vector>

#include "expect_error.h"
#include "interact/stub_network.h"
#include "scratch.h"
#include "server/state/leases.h"

namespace sagittal::server {
namespace {

using std::chrono::hours, std::chrono::seconds;

constexpr Index3 kShape{20, 20, 20};

/// A server that can be started anew on the same folder.
class SessionJournalTest : public testing::Test {
 protected:
  struct Running {
    Running(const std::filesystem::path& folder, const std::vector<std::string>& names, ThreadPool& pool,
            const SessionLimits& limits, Sessions::Clock clock, const LogSink& log)
        : store(folder, log),
          journal(store, pool, log),
          sessions(make_models(names), pool, limits, clock, &journal),
          leases(sessions, {.max_leases = 2, .kind = "v2"}, clock) {
      store.volumes().set_make_room([this](std::uint64_t bytes) { sessions.make_disk_room(bytes); });
    }
    static Models make_models(const std::vector<std::string>& names) {
      std::vector<Models::Model> models;
      for (const std::string& name : names) {
        const auto network = std::make_shared<interact::StubNetwork>(8, interact::bright);
        models.push_back(interact::StubSession::make_model({8, 8, 8}, network, {}, name));
      }
      return Models(std::move(models));
    }
    durable::Store store;
    SessionJournal journal;
    Sessions sessions;
    Leases leases;
  };

  void start() {
    running_.reset();
    running_.emplace(
        scratch_ / "data", models_, pool_, limits_, [this] { return now_; },
        [this](LogLevel, std::string_view message) { log_ += message; });
  }
  void start(std::vector<std::string> models) {
    models_ = std::move(models);
    start();
  }
  Sessions& sessions() { return running_->sessions; }
  Leases& leases() { return running_->leases; }

  void upload(const std::string& key) { upload(key, image_); }
  void upload(const std::string& key, const std::vector<float>& image) {
    Turn turn = sessions().begin(key, seconds(10), sessions().model());
    sessions().reserve_image(key, image.size() * sizeof(float));
    const StoredVoxels voxels = store(image);
    turn.put_image(ImageEncoding::voxels, ScalarType::f32, kShape, voxels.bytes);
    turn->session.set_image(kShape, voxels);
    turn.keep();
  }
  void click(const std::string& key) {
    Turn turn = sessions().begin(key);
    turn->session.add_point({10, 10, 10}, {});
    turn.keep();
  }
  std::vector<std::uint8_t> mask(const std::string& key) {
    Turn turn = sessions().begin(key);
    return mask(turn);
  }
  static std::vector<std::uint8_t> mask(Turn& turn) {
    if (!turn->session.has_image()) return {};
    return {turn->session.mask().begin(), turn->session.mask().end()};
  }

  static std::vector<float> scan() {
    std::vector<float> image(static_cast<std::size_t>(whole(kShape).volume()));
    for (std::size_t v = 0; v < image.size(); ++v) image[v] = static_cast<float>(v * 37 % 101);
    return image;
  }

  Scratch scratch_;
  std::vector<std::string> models_{"stub"};
  ThreadPool pool_{1};
  std::chrono::steady_clock::time_point now_{};
  const std::vector<float> image_ = scan();
  std::string log_;
  SessionLimits limits_;
  std::optional<Running> running_;
};

TEST_F(SessionJournalTest, AMaskIsThereAfterAStart) {
  start();
  upload("a");
  click("a");
  const auto before = mask("a");
  start();
  EXPECT_EQ(mask("a"), before);
  EXPECT_TRUE(sessions().begin("a")->session.can_undo());
  EXPECT_TRUE(mask("b").empty());
}

TEST_F(SessionJournalTest, WhatWasNotKeptIsTakenBack) {
  start();
  upload("a");
  const auto before = mask("a");
  { sessions().begin("a")->session.add_point({10, 10, 10}, {}); }
  EXPECT_EQ(mask("a"), before);
  EXPECT_FALSE(sessions().begin("a")->session.can_undo());
}

TEST_F(SessionJournalTest, AnImageThatIsRefusedLeavesTheOneBefore) {
  start();
  upload("a");
  click("a");
  const auto before = mask("a");
  {
    Turn turn = sessions().begin("a");
    const std::vector<float> constant(image_.size(), 1);
    const StoredVoxels voxels = store(constant);
    turn.put_image(ImageEncoding::voxels, ScalarType::f32, kShape, voxels.bytes);
    EXPECT_ERROR(turn->session.set_image(kShape, voxels), ErrorCode::bad_input);
  }
  EXPECT_EQ(mask("a"), before);
  EXPECT_EQ(running_->store.volumes().names().size(), 1u) << "the refused one is gone";
}

TEST_F(SessionJournalTest, ADiskThatFailsLeavesTheSessionAsItWas) {
  start();
  upload("a");
  click("a");
  const auto before = mask("a");
  running_.reset();
  durable::Database(scratch_ / "data" / "state.db")
      .run("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT raise(ABORT, 'no'); END");
  start();
  {
    Turn turn = sessions().begin("a");
    turn->session.reset();
    EXPECT_ERROR(turn.keep(), ErrorCode::io);
  }
  EXPECT_EQ(mask("a"), before);
}

TEST_F(SessionJournalTest, TheUnusedAreUnloadedThenForgotten) {
  start();
  upload("a");
  click("a");
  const auto before = mask("a");
  EXPECT_EQ(sessions().count(), 1u);
  now_ += seconds(700);
  sessions().sweep();
  EXPECT_EQ(sessions().count(), 0u);
  EXPECT_EQ(mask("a"), before);
  running_->store.touch("client", {{"a", running_->store.now_ms() - 2 * 86'400'000, 0}});
  now_ += seconds(700);
  { Turn turn = sessions().begin("b"); }
  now_ += hours(25);
  sessions().sweep();
  running_->store.touch("client", {{"a", running_->store.now_ms() - 2 * 86'400'000, 0}});
  sessions().sweep();
  EXPECT_TRUE(mask("a").empty());
  EXPECT_TRUE(running_->store.volumes().names().empty());
}

TEST_F(SessionJournalTest, ADroppedSessionIsNotWrittenAgain) {
  start();
  upload("a");
  {
    Turn turn = sessions().begin("a");
    sessions().drop("a");
    turn->session.add_point({10, 10, 10}, {});
    turn.keep();
  }
  EXPECT_TRUE(running_->store.entries().empty());
}

TEST_F(SessionJournalTest, AForgedHeadCostsOnlyItsSession) {
  start();
  for (const char* key : {"a", "b"}) upload(key);
  const std::string volume = running_->store.find("a")->volume;
  for (const char* head :
       {"", "[]", "{", R"({"image":5})", R"({"image":{"encoding":"x","type":"float32","shape":[1,1,1]}})",
        R"({"image":{"encoding":"voxels","type":"float32","shape":[1,-1,1]}})",
        R"({"image":{"encoding":"voxels","type":"float32","shape":[4611686018427387904,4,4]}})",
        R"({"image":{"encoding":"nnia","type":"float32","shape":[20,20,20]}})",
        R"({"image":{"encoding":"gzip","type":"float32","shape":[20,20,20]}})",
        R"({"image":{"encoding":"voxels","type":"uint8","shape":[20,20,20]}})"}) {
    running_->store.write({.name = "a", .kind = "client", .head = head, .volume = volume},
                          durable::Store::Records::keep, {});
    start();
    EXPECT_TRUE(mask("a").empty()) << head;
    EXPECT_FALSE(mask("b").empty());
    EXPECT_NE(log_.find("is lost"), std::string::npos) << head;
    log_.clear();
  }
}

TEST_F(SessionJournalTest, ForgedRecordsCostOnlyTheirSession) {
  start();
  upload("a");
  for (const char* record : {"no frame", "\x28\xb5\x2f\xfd\x24\x01\x09"}) {
    upload("a");
    const auto entry = running_->store.find("a");
    running_->store.write(*entry, durable::Store::Records::keep, as_bytes(record));
    start();
    EXPECT_TRUE(mask("a").empty());
  }
}

TEST_F(SessionJournalTest, LeasesGoOnWithWhatTheyKnow) {
  start();
  const std::string token = leases().claim("alice");
  const std::string key = leases().use(token, "alice")->session_key;
  upload(key);
  {
    const auto lease = leases().use(token, "alice");
    lease->had_image = true;
    lease->target_type = ScalarType::i16;
    Turn turn = sessions().begin(key);
    turn.keep(Leases::describe(*lease));
  }
  start();
  EXPECT_ERROR(leases().use(token), ErrorCode::gone);
  EXPECT_GT(leases().peek(token, "alice"), 500);
  const auto lease = leases().use(token, "alice");
  EXPECT_TRUE(lease->had_image);
  EXPECT_EQ(lease->target_type, ScalarType::i16);
  EXPECT_FALSE(mask(lease->session_key).empty());
  leases().release(token, "alice");
  start();
  EXPECT_ERROR(leases().use(token, "alice"), ErrorCode::gone);
}

TEST_F(SessionJournalTest, ALeaseThatIsOverCostsNoPlace) {
  start();
  const std::string a = leases().claim(), b = leases().claim();
  EXPECT_ERROR(leases().claim(), ErrorCode::unavailable);
  now_ += seconds(3600);
  leases().claim();
  EXPECT_NO_THROW(leases().use(a));
  EXPECT_NO_THROW(leases().use(b));
}

TEST_F(SessionJournalTest, AFullDataFolderMakesRoomAtTheLongestUnused) {
  const auto image = [this](float value) {
    std::vector<float> other = image_;
    other.front() = value;
    return other;
  };
  start();
  upload("a", image(1000));
  now_ += hours(1);
  upload("b", image(1001));
  now_ += hours(1);
  upload("c", image(1002));
  sessions().sweep();
  limits_.max_data_bytes = running_->store.bytes() + image_.size();  // a quarter of an image more
  start();
  sessions().sweep();
  upload("d", image(1003));
  EXPECT_TRUE(mask("a").empty());
  for (const char* kept : {"b", "c", "d"}) EXPECT_FALSE(mask(kept).empty()) << kept;
  EXPECT_LE(running_->store.bytes(), limits_.max_data_bytes);

  EXPECT_ERROR(upload("e", image(1004)), ErrorCode::unavailable);
  EXPECT_TRUE(mask("e").empty());
  for (const char* kept : {"b", "c", "d"}) EXPECT_FALSE(mask(kept).empty()) << "in use now";
  EXPECT_ERROR(sessions().make_disk_room(limits_.max_data_bytes + 1), ErrorCode::too_large);
}

TEST_F(SessionJournalTest, WhatElseLiesInTheDataFolderCounts) {
  start();
  upload("a");
  now_ += hours(1);
  sessions().sweep();
  limits_.max_data_bytes = running_->store.bytes() + 1000;
  start();
  std::uint64_t labels = 0;
  sessions().count_too([&labels] { return labels; });
  sessions().make_disk_room(500);
  EXPECT_FALSE(mask("a").empty());
  labels = limits_.max_data_bytes;
  EXPECT_ERROR(sessions().make_disk_room(500), ErrorCode::unavailable);
}

// ---- models

TEST_F(SessionJournalTest, ASessionIsNotResumedWithAnotherModel) {
  start({"a", "b"});
  upload("x");
  click("x");
  const auto before = mask("x");
  start({"b"});
  EXPECT_ERROR(sessions().begin("x"), ErrorCode::conflict);
  EXPECT_ERROR(sessions().begin("x"), ErrorCode::conflict);  // it is still there
  EXPECT_TRUE(log_.empty()) << log_;
  start({"b", "a"});
  EXPECT_EQ(mask("x"), before);
  EXPECT_EQ(sessions().begin("x")->session.model().name, "a");
  EXPECT_TRUE(sessions().begin("x")->session.can_undo());
}

TEST_F(SessionJournalTest, ASessionWhoseModelWasNotWrittenGoesOnWithTheDefault) {
  start({"a"});
  upload("x");
  click("x");
  const auto before = mask("x");
  auto entry = *running_->store.find("x");
  Json head = parse_head(entry.head);
  ASSERT_EQ(head.at("model"), "a");
  head.erase("model");
  entry.head = head.dump();
  running_->store.write(entry, durable::Store::Records::keep, {});
  start({"b", "a"});
  EXPECT_EQ(mask("x"), before);
  EXPECT_EQ(sessions().begin("x")->session.model().name, "b");
  click("x");
  start({"a"});
  EXPECT_ERROR(sessions().begin("x"), ErrorCode::conflict);  // its model is known since the click
}

TEST_F(SessionJournalTest, ANewImageIsOneOfTheDefaultModel) {
  start({"a"});
  upload("x");
  click("x");
  start({"b"});
  upload("x");
  EXPECT_EQ(sessions().begin("x")->session.model().name, "b");
  EXPECT_EQ(mask("x"), std::vector<std::uint8_t>(image_.size()));
  start({"b"});
  EXPECT_EQ(mask("x"), std::vector<std::uint8_t>(image_.size())) << "the other model's records are gone";
}

TEST_F(SessionJournalTest, AnImageMayStartOverWithAnotherModel) {
  start({"a", "b"});
  upload("x");
  click("x");
  const auto before = mask("x");
  const std::vector<std::uint8_t> nothing(image_.size());
  const auto switched = [this] { return sessions().begin("x", seconds(10), sessions().models().find("b")); };
  for (const bool in_memory : {true, false}) {
    if (!in_memory) start();
    {
      Turn turn = switched();
      EXPECT_TRUE(turn.changed_model());
      EXPECT_EQ(mask(turn), nothing);
    }
    EXPECT_EQ(mask("x"), before) << "that was not kept";
    EXPECT_EQ(sessions().begin("x")->session.model().name, "a");
  }
  switched().keep();
  EXPECT_FALSE(switched().changed_model());
  start({"b"});
  EXPECT_EQ(mask("x"), nothing);
  EXPECT_EQ(running_->store.volumes().names().size(), 1u);
}

TEST_F(SessionJournalTest, AnUploadThatNeverEndedIsNotTheImageOfTheClient) {
  start();
  upload("a");
  sessions().note_upload_begins("a");
  start();
  EXPECT_FALSE(sessions().begin("a")->has_image());
}

}  // namespace
}  // namespace sagittal::server
