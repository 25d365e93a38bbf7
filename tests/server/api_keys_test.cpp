#include "server/access/api_keys.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ApiKeyTest : public testing::Test {
 protected:
  std::string text() const { return std::string(as_text(read_file(path_, 1 << 20))); }
  void write(std::string_view content) { std::ofstream(path_) << content; }

  Scratch scratch_;
  std::filesystem::path path_ = scratch_.path() / "new" / "keys.json";
  ApiKeyFile file_{path_};
};

TEST_F(ApiKeyTest, AKeyIsLongRandomAndFitForAnAddress) {
  std::set<std::string> keys;
  for (int i = 0; i < 20; ++i) keys.insert(file_.add("user" + std::to_string(i)));
  EXPECT_EQ(keys.size(), 20u);
  for (const std::string& key : keys) {
    EXPECT_EQ(key.size(), 47u);
    EXPECT_EQ(key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), key.npos);
  }
}

TEST_F(ApiKeyTest, TheFileHoldsNoKeyAndIsItsOwnersAlone) {
  const std::string key = file_.add("alice");
  EXPECT_THAT(text(), Not(HasSubstr(key)));
  EXPECT_THAT(text(), Not(HasSubstr(key.substr(4))));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(ApiKeyTest, KeysTellTheirOwners) {
  const std::string alice = file_.add("alice"), bob = file_.add("bob@lab");
  ApiKeys keys(path_);
  EXPECT_EQ(keys.owner_of(alice), "alice");
  EXPECT_EQ(keys.owner_of(bob), "bob@lab");
  for (const std::string& wrong : {std::string(), std::string("sgt_"), alice + "x", alice.substr(1), alice + bob}) {
    EXPECT_EQ(keys.owner_of(wrong), std::nullopt) << wrong;
  }
}

TEST_F(ApiKeyTest, ARunningServerFollowsTheFile) {
  const std::string alice = file_.add("alice");
  ApiKeys keys(path_);
  const std::string bob = file_.add("bob");
  file_.revoke("alice");
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  EXPECT_EQ(keys.owner_of(bob), "bob");
  EXPECT_EQ(keys.owner_of(alice), std::nullopt);
}

TEST_F(ApiKeyTest, NobodyComesInWhileTheFileIsBroken) {
  const std::string alice = file_.add("alice");
  std::string logged;
  ApiKeys keys(path_, [&](LogLevel, std::string_view message) { logged = message; });
  EXPECT_EQ(keys.owner_of(alice), "alice");
  const std::string good = text();
  write("{");
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  EXPECT_EQ(keys.owner_of(alice), std::nullopt);
  EXPECT_THAT(logged, HasSubstr("nobody is let in"));
  write(good);
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  EXPECT_EQ(keys.owner_of(alice), "alice");
}

TEST_F(ApiKeyTest, ANameHasOneKeyUntilItIsRevoked) {
  file_.add("alice");
  EXPECT_ERROR(file_.add("alice"), ErrorCode::conflict);
  file_.revoke("alice");
  EXPECT_ERROR(file_.revoke("alice"), ErrorCode::not_found);
  file_.add("alice");
  EXPECT_EQ(file_.read().size(), 1u);
}

TEST_F(ApiKeyTest, NamesAreOneWord) {
  for (const char* name : {"", "a b", "a/b", "a:b", "ä", "a\n"}) EXPECT_ERROR(file_.add(name), ErrorCode::bad_input);
  EXPECT_ERROR(file_.add(std::string(65, 'a')), ErrorCode::bad_input);
}

TEST_F(ApiKeyTest, ManyWritersLoseNothing) {
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      ApiKeyFile own(path_);
      for (int i = 0; i < 10; ++i) own.add("w" + std::to_string(w) + "-" + std::to_string(i));
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(file_.read().size(), 40u);
}

TEST_F(ApiKeyTest, AMissingFileSaysHowToMakeIt) {
  try {
    ApiKeys keys(path_);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("sagittal key add NAME --api-key-file"));
  }
}

TEST_F(ApiKeyTest, AFileThatOthersMayWriteIsNotTrusted) {
  file_.add("alice");
  ASSERT_EQ(::chmod(path_.c_str(), 0620), 0);
  EXPECT_ERROR(file_.read(), ErrorCode::io);
}

TEST_F(ApiKeyTest, ForgedFilesAreRefused) {
  std::filesystem::create_directories(path_.parent_path());
  const std::string digest(64, 'a');
  for (const std::string& forged :
       {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"version":2,"keys":[]})"),
        std::string(R"({"version":1,"keys":[1]})"), std::string(R"({"version":1,"keys":[{"name":"a"}]})"),
        R"({"version":1,"keys":[{"name":"a b","created":"","sha256":")" + digest + R"("}]})",
        R"({"version":1,"keys":[{"name":"a","created":"","sha256":"g)" + digest.substr(1) + R"("}]})",
        R"({"version":1,"keys":[{"name":"a","created":"","sha256":")" + digest + R"(a"}]})"}) {
    write(forged);
    ::chmod(path_.c_str(), 0600);
    EXPECT_ERROR(file_.read(), ErrorCode::bad_input);
  }
}

}  // namespace
}  // namespace sagittal::server
