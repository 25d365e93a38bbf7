#include "store/store.h"

#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <thread>

#include "expect_error.h"
#include "scratch.h"
#include "store/folder_lock.h"

namespace sagittal::durable {
namespace {

using Records = Store::Records;

class StoreTest : public testing::Test {
 protected:
  void open() {
    store_.reset();
    store_.emplace(folder(), [this](LogLevel, std::string_view message) { log_ += message; });
  }
  std::filesystem::path folder() const { return scratch_ / "data"; }
  static Entry entry(const std::string& name) { return {.name = name, .kind = "client", .head = "{}"}; }
  std::vector<std::string> records(const std::string& name) const {
    std::vector<std::string> texts;
    for (const Bytes& record : store_->records(name)) texts.emplace_back(as_text(record));
    return texts;
  }
  void edit(const char* sql) {
    store_.reset();
    Database(folder() / "state.db").run(sql);
    open();
  }

  Scratch scratch_;
  std::string log_;
  std::optional<Store> store_;
};

TEST_F(StoreTest, EntriesAndRecordsComeBackInOrder) {
  open();
  const auto pin = store_->volumes().put(as_bytes("scan"));
  Entry mine = entry("mine");
  mine.note = "note";
  mine.volume = *pin;
  mine.used_ms = 7;
  mine.active_ms = 5;
  store_->write(mine, Records::keep, as_bytes("one"));
  store_->write(entry("other"), Records::keep, as_bytes("else"));
  store_->write(mine, Records::keep, as_bytes("two"));
  open();
  EXPECT_EQ(records("mine"), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(records("nobody"), std::vector<std::string>());
  const auto found = store_->find("mine");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind + found->head + found->note + found->volume, "client{}note" + *pin);
  EXPECT_EQ(found->used_ms, 7);
  EXPECT_EQ(found->active_ms, 5);
  EXPECT_FALSE(store_->find("nobody"));
  EXPECT_EQ(store_->entries().size(), 2u);
  EXPECT_NO_THROW(store_->volumes().get(*pin, 100));
}

TEST_F(StoreTest, RecordsCanStartOver) {
  open();
  store_->write(entry("a"), Records::keep, as_bytes("one"));
  store_->write(entry("a"), Records::replace, as_bytes("base"));
  store_->write(entry("a"), Records::keep, as_bytes("next"));
  EXPECT_EQ(records("a"), (std::vector<std::string>{"base", "next"}));
  store_->write(entry("a"), Records::replace, {});
  EXPECT_TRUE(records("a").empty());
}

TEST_F(StoreTest, AVolumeGoesWithItsLastEntry) {
  open();
  Entry a = entry("a"), b = entry("b");
  a.volume = b.volume = *store_->volumes().put(as_bytes("scan"));
  const std::string name = a.volume;
  store_->write(a, Records::keep, {});
  store_->write(b, Records::keep, {});
  store_->erase("a");
  EXPECT_NO_THROW(store_->volumes().get(name, 100));
  b.volume.clear();
  store_->write(b, Records::replace, {});
  EXPECT_ERROR(store_->volumes().get(name, 100), ErrorCode::not_found);
}

TEST_F(StoreTest, AVolumeOfNothingIsRemovedAtTheStart) {
  open();
  const std::string name = *store_->volumes().put(as_bytes("an upload that was not finished"));
  open();
  EXPECT_TRUE(store_->volumes().names().empty());
}

TEST_F(StoreTest, ErasedMeansErased) {
  open();
  store_->write(entry("a"), Records::keep, as_bytes("one"));
  store_->erase("a");
  store_->erase("a");
  store_->set_note("a", "note");
  store_->touch("client", {{"a", 1, 1}});
  EXPECT_TRUE(store_->entries().empty());
  store_->write(entry("a"), Records::keep, {});
  EXPECT_TRUE(records("a").empty());
}

TEST_F(StoreTest, ANoteChangesAlone) {
  open();
  store_->write(entry("a"), Records::keep, as_bytes("one"));
  store_->set_note("a", "uploading");
  open();
  EXPECT_EQ(store_->find("a")->note, "uploading");
  EXPECT_EQ(records("a").size(), 1u);
}

TEST_F(StoreTest, TheUnusedAreFoundByKind) {
  open();
  for (const char* name : {"old", "new"}) store_->write(entry(name), Records::keep, {});
  store_->touch("client", {{"old", 100, 100}, {"new", 300, 300}});
  EXPECT_EQ(store_->unused_since("client", 200), std::vector<std::string>{"old"});
  EXPECT_TRUE(store_->unused_since("v2", 200).empty());
}

TEST_F(StoreTest, TheClockStandsStillWhileNobodyIsThere) {
  open();
  store_->write(entry("a"), Records::keep, {});
  store_->touch("client", {{"a", 1'000'000, 0}});
  open();
  const std::int64_t then = store_->now_ms();
  EXPECT_GE(then, 1'000'000);
  store_.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  open();
  EXPECT_LT(store_->now_ms(), 1'000'000 + 50);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const std::int64_t later = store_->now_ms();
  store_->tick();
  open();
  EXPECT_GE(store_->now_ms(), later);
}

TEST_F(StoreTest, AFolderHasOneOwnerWhoIsNamed) {
  open();
  try {
    Store second(folder());
    FAIL() << "two owners";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::conflict);
    EXPECT_NE(std::string(error.what()).find(std::to_string(::getpid())), std::string::npos) << error.what();
  }
  store_.reset();
  EXPECT_NO_THROW(open());
}

TEST_F(StoreTest, OnlyTheOwnerMayLook) {
  open();
  store_->write(entry("a"), Records::keep, as_bytes("one"));
  struct stat status {};
  ASSERT_EQ(::stat(folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  for (const auto& file : std::filesystem::directory_iterator(folder())) {
    ::stat(file.path().c_str(), &status);
    EXPECT_EQ(status.st_mode & 0077, 0u) << file.path();
  }
}

TEST_F(StoreTest, ADamagedRecordCostsOnlyItsOwnEntry) {
  open();
  store_->write(entry("a"), Records::keep, as_bytes("one"));
  store_->write(entry("b"), Records::keep, as_bytes("two"));
  edit("UPDATE record SET bytes = x'6f6e66' WHERE entry = (SELECT id FROM entry WHERE name = 'a')");
  EXPECT_ERROR(store_->records("a"), ErrorCode::bad_input);
  EXPECT_EQ(records("b"), std::vector<std::string>{"two"});
}

TEST_F(StoreTest, ADatabaseThatIsNoneIsPutAside) {
  std::filesystem::create_directories(folder());
  std::ofstream(folder() / "state.db") << std::string(100000, 'x');
  open();
  EXPECT_NE(log_.find("damaged"), std::string::npos) << log_;
  store_->write(entry("a"), Records::keep, {});
  EXPECT_EQ(store_->entries().size(), 1u);
  bool kept = false;
  for (const auto& file : std::filesystem::directory_iterator(folder())) {
    kept = kept || file.path().filename().string().starts_with("state.db.damaged-");
  }
  EXPECT_TRUE(kept);
}

TEST_F(StoreTest, ATornWriteAheadLogLosesNothingThatWasThereBefore) {
  open();
  store_->write(entry("a"), Records::keep, as_bytes("one"));
  store_.reset();
  std::ofstream(folder() / "state.db-wal", std::ios::binary) << std::string(5000, '\x37');
  open();
  EXPECT_EQ(records("a"), std::vector<std::string>{"one"});
}

TEST_F(StoreTest, ANewerFormatIsNotTouched) {
  open();
  store_.reset();
  Database(folder() / "state.db").run("PRAGMA user_version=99");
  EXPECT_ERROR(open(), ErrorCode::unsupported);
}

TEST_F(StoreTest, AWriteThatFailsDidNotHappen) {
  open();
  store_->write(entry("a"), Records::keep, as_bytes("one"));
  edit("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT raise(ABORT, 'no'); END");
  Entry changed = entry("a");
  changed.head = "changed";
  EXPECT_ERROR(store_->write(changed, Records::replace, as_bytes("two")), ErrorCode::io);
  EXPECT_EQ(store_->find("a")->head, "{}");
  EXPECT_EQ(records("a"), std::vector<std::string>{"one"});
}

TEST(FolderLock, NobodyElseEntersWhatItMakes) {
  const Scratch scratch;
  const FolderLock lock(scratch / "data/jobs/holder");
  for (const char* made : {"data", "data/jobs", "data/jobs/holder"}) {
    EXPECT_EQ(std::filesystem::status(scratch / made).permissions(), std::filesystem::perms::owner_all) << made;
  }
}

}  // namespace
}  // namespace sagittal::durable
