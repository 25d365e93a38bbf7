#include "store/schema.h"

#include <sys/stat.h>

#include <array>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "scratch.h"

namespace sagittal::durable {
namespace {

constexpr std::array<const char*, 3> kSteps{
    "CREATE TABLE click (id INTEGER PRIMARY KEY, place TEXT NOT NULL)",
    "ALTER TABLE click ADD COLUMN polarity INTEGER NOT NULL DEFAULT 1; CREATE INDEX click_place ON click (place)",
    "UPDATE click SET place = 'at ' || place"};

class SchemaTest : public testing::Test {
 protected:
  SchemaTest() {
    Database first(file_);
    bring_up_to_date(first, file_, SchemaSteps(kSteps).first(1));
    first.run("INSERT INTO click (place) VALUES ('1,2,3')");
  }
  void bring(SchemaSteps steps) {
    Database database(file_);
    bring_up_to_date(database, file_, steps, [this](LogLevel, std::string_view text) { log_ += text; });
  }
  static std::string text_of(const std::filesystem::path& file, const char* question) {
    Database database(file);
    Statement row(database, question);
    row.step();
    return row.text(0);
  }
  std::filesystem::path kept() const { return file_.string() + ".version-1"; }

  Scratch scratch_;
  std::filesystem::path file_ = scratch_ / "state.db";
  std::string log_;
};

TEST_F(SchemaTest, AnOlderDatabaseGetsTheStepsThatItLacks) {
  bring(kSteps);
  EXPECT_EQ(text_of(file_, "SELECT place || ' ' || polarity FROM click"), "at 1,2,3 1");
  EXPECT_EQ(text_of(file_, "PRAGMA user_version"), "3");
  EXPECT_NE(log_.find(kept().string()), std::string::npos);
  bring(kSteps);  // nothing is done twice
  EXPECT_EQ(text_of(file_, "SELECT place FROM click"), "at 1,2,3");
}

TEST_F(SchemaTest, ACopyOfWhatItWasIsKeptForItsOwnerOnly) {
  bring(kSteps);
  EXPECT_EQ(text_of(kept(), "SELECT place FROM click"), "1,2,3");
  EXPECT_EQ(text_of(kept(), "PRAGMA user_version"), "1");
  struct stat status {};
  ASSERT_EQ(::stat(kept().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SchemaTest, ANewOneHasNoCopy) {
  const auto fresh = scratch_ / "fresh.db";
  Database database(fresh);
  bring_up_to_date(database, fresh, kSteps);
  for (const auto& entry : std::filesystem::directory_iterator(scratch_ / ".")) {
    EXPECT_EQ(entry.path().string().find("fresh.db.version"), std::string::npos);
  }
}

TEST_F(SchemaTest, WhereAStepFailsNothingIsChanged) {
  const std::array<const char*, 3> broken{kSteps[0], kSteps[1], "UPDATE nothing SET place = 1"};
  EXPECT_THROW(bring(broken), Error);
  EXPECT_EQ(text_of(file_, "PRAGMA user_version"), "1");
  EXPECT_EQ(text_of(file_, "SELECT count(*) FROM pragma_table_info('click')"), "2");
  bring(kSteps);
  EXPECT_EQ(text_of(file_, "SELECT place FROM click"), "at 1,2,3");
}

TEST_F(SchemaTest, WhereThereCanBeNoCopyNothingIsChanged) {
  std::filesystem::create_directory(kept());
  std::filesystem::create_directory(kept() / "in the way");
  EXPECT_THROW(bring(kSteps), std::exception);
  EXPECT_EQ(text_of(file_, "PRAGMA user_version"), "1");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch_ / "."), {}), 2);  // no part of a copy either
}

TEST_F(SchemaTest, ANewerOneIsRefusedAndStaysAsItIs) {
  bring(kSteps);
  EXPECT_ERROR(bring(SchemaSteps(kSteps).first(2)), ErrorCode::unsupported);
  EXPECT_EQ(text_of(file_, "SELECT place FROM click"), "at 1,2,3");
  EXPECT_EQ(text_of(file_, "PRAGMA user_version"), "3");
}

TEST_F(SchemaTest, SeveralProcessesMayBringItUpToDateAtOnce) {
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n)
    threads.emplace_back([this] {
      Database database(file_);
      bring_up_to_date(database, file_, kSteps);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(text_of(file_, "SELECT place FROM click"), "at 1,2,3");
  EXPECT_EQ(text_of(kept(), "SELECT place FROM click"), "1,2,3");
}

}  // namespace
}  // namespace sagittal::durable
