#include "hub/environment/environment_lock.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/error.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

const std::string kHash(64, 'a');

std::string package(const std::string& source, const std::string& files) {
  return "version = 1\n[[package]]\nname = \"six\"\nversion = \"1.0\"\nsource = { " + source + " }\n" + files;
}

std::string wheel(const std::string& more) {
  return "wheels = [ { url = \"https://pypi.org/six.whl\"" + more + " } ]\n";
}

const std::string kRegistry = "registry = \"https://pypi.org/simple\"";
const std::string kHashed = ", hash = \"sha256:" + kHash + "\"";

TEST(UvLock, WithAHashForEachFileIsTaken) {
  EXPECT_NO_THROW(check_uv_lock(package(kRegistry, wheel(kHashed)), false));
  EXPECT_NO_THROW(check_uv_lock(package("virtual = \".\"", ""), false)) << "the model itself";
  EXPECT_NO_THROW(check_uv_lock("version = 1\n", false));
}

TEST(UvLock, WithoutAHashIsRefused) {
  EXPECT_ERROR(check_uv_lock(package(kRegistry, wheel("")), false), ErrorCode::bad_input);
  EXPECT_ERROR(check_uv_lock(package(kRegistry, wheel(", hash = \"md5:" + kHash + "\"")), false), ErrorCode::bad_input);
  EXPECT_ERROR(check_uv_lock(package(kRegistry, wheel(", hash = \"sha256:abc\"")), false), ErrorCode::bad_input);
  EXPECT_ERROR(
      check_uv_lock(package(kRegistry, wheel(kHashed) + "sdist = { url = \"https://pypi.org/six.tgz\" }\n"), true),
      ErrorCode::bad_input);
}

TEST(UvLock, KnowsPublishedPackagesOnly) {
  EXPECT_ERROR(check_uv_lock(package("git = \"https://github.com/a/b?rev=1#2\"", wheel(kHashed)), false),
               ErrorCode::bad_input);
  EXPECT_ERROR(check_uv_lock(package("editable = \"../other\"", ""), false), ErrorCode::bad_input);
  EXPECT_ERROR(check_uv_lock(package("registry = \"/home/me/wheels\"", wheel(kHashed)), false), ErrorCode::bad_input);
  EXPECT_ERROR(check_uv_lock(package(kRegistry, "wheels = [ { path = \"/etc/passwd\"" + kHashed + " } ]\n"), false),
               ErrorCode::bad_input);
}

TEST(UvLock, BuildsOnlyWhereThatIsAllowed) {
  const std::string built =
      package(kRegistry, "sdist = { url = \"https://pypi.org/six.tgz\", hash = \"sha256:" + kHash + "\" }\n");
  EXPECT_ERROR(check_uv_lock(built, false), ErrorCode::bad_input);
  EXPECT_NO_THROW(check_uv_lock(built, true));
}

TEST(UvLock, ThatIsForgedIsRefused) {
  for (const char* text :
       {"", "version = 2", "version = 1e99", "version = 1\npackage = 3", "version = 1\npackage = [1]",
        "version = 1\n[[package]]\nname = 1", "version = 1\n[[package]]\nname = \"a\"\nsource = 1",
        "version = 1\n[[package]]\nname = \"a\"", "\xff\xfe", "version = 1\npackage = [[[["}) {
    SCOPED_TRACE(text);
    EXPECT_ERROR(check_uv_lock(text, false), ErrorCode::bad_input);
  }
  EXPECT_ERROR(check_uv_lock(package(kRegistry, "wheels = 3\n"), false), ErrorCode::bad_input);
  EXPECT_ERROR(check_uv_lock(package(kRegistry, "wheels = [3]\n"), false), ErrorCode::bad_input);
  EXPECT_ERROR(check_uv_lock(package(kRegistry, ""), true), ErrorCode::bad_input);
}

TEST(Requirements, PinnedAndHashedAreTaken) {
  EXPECT_NO_THROW(check_requirements(
      "# made by uv\n--index-url https://pypi.org/simple\nsix==1.16.0 \\\n    --hash=sha256:" + kHash +
      " \\\n    --hash=sha256:" + kHash +
      "\n    # via model\ntorch[gpu]==2.0 ; python_version < '3.12' --hash sha256:" + kHash));
}

TEST(Requirements, OthersAreRefused) {
  const std::string hash = " --hash=sha256:" + kHash;
  for (const std::string& line :
       {std::string("six==1.16.0"), std::string("six==1.16.0 --hash=md5:abc"), "six>=1.16" + hash,
        "six @ https://a/b==1.whl" + hash, "../six==1" + hash, "six==1 # --hash=sha256:" + kHash,
        "six==1" + hash + " --global-option=x", std::string("-r other.txt"), std::string("-e ."),
        std::string("--find-links /home/me"), std::string("--find-links="), std::string("--trusted-host"),
        "a\rsix==1" + hash}) {
    SCOPED_TRACE(line);
    EXPECT_ERROR(check_requirements(line), ErrorCode::bad_input);
  }
}

class LockFolder : public testing::Test {
 protected:
  void put(const char* name, const std::string& text) const { std::ofstream(folder / name) << text; }
  EnvironmentLock read() const { return read_environment_lock(folder.path(), false); }
  const Scratch folder;
};

TEST_F(LockFolder, NeedsALock) {
  EXPECT_ERROR(read(), ErrorCode::not_found);
  put("uv.lock", package(kRegistry, wheel(kHashed)));
  EXPECT_ERROR(read(), ErrorCode::bad_input);
}

TEST_F(LockFolder, HasAKeyOfAllThatItSays) {
  put("requirements.txt", "six==1 --hash=sha256:" + kHash + "\n");
  const std::string key = read().key;
  EXPECT_EQ(key.size(), 64U);
  EXPECT_EQ(read().key, key);
  EXPECT_NE(read_environment_lock(folder.path(), true).key, key);
  put(".python-version", "3.12\n");
  EXPECT_NE(read().key, key);
  put("uv.lock", package(kRegistry, wheel(kHashed)));
  put("pyproject.toml", "[project]\nname = 'm'\n");
  EXPECT_EQ(read().kind, EnvironmentLock::Kind::uv);
}

}  // namespace
}  // namespace sagittal::hub
