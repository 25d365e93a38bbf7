#include "hub/environment/environment_runner.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "expect_error.h"
#include "stranger.h"

namespace sagittal::hub {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
namespace fs = std::filesystem;

/// A folder of a model's code, a cache, and bubblewrap.
class Environments : public testing::Test {
 protected:
  void SetUp() override {
    bubblewrap = find_program("bwrap");
    if (!bubblewrap) GTEST_SKIP() << "bubblewrap is not installed";
    if (!fs::exists("/usr/bin/python3")) GTEST_SKIP() << "python3 is not installed";
    const ProcessEnd end = run_process(
        {{bubblewrap->string(), "--unshare-all", "--ro-bind", "/", "/", "/bin/true"}, std::nullopt}, {}, {});
    if (end.status != 0) GTEST_SKIP() << "this machine allows no namespaces";
    fs::create_directories(model());
    lock("");
  }
  fs::path model() const { return stranger.folder() / "model"; }
  fs::path cache() const { return stranger.folder() / "cache"; }
  void lock(const std::string& lines) const { std::ofstream(model() / "requirements.txt") << "# none\n" << lines; }
  EnvironmentRunner runner(const fs::path& uv) const {
    return EnvironmentRunner({.bubblewrap = *bubblewrap, .uv = uv, .cache = cache()});
  }
  /// A program in the place of uv, run where uv would be.
  EnvironmentRunner fake(const std::string& script) const {
    const auto uv = stranger.folder() / "uv";
    std::ofstream(uv) << "#!/bin/sh\n" << script;
    fs::permissions(uv, fs::perms::owner_all);
    return runner(uv);
  }
  std::size_t kept() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(cache())) count += fs::exists(entry.path() / "environment.json");
    return count;
  }

  const Stranger stranger{"test-environment"};
  std::optional<fs::path> bubblewrap;
};

const std::string kFakeVenv =
    "mkdir -p /opt/environment/venv/bin /opt/environment/venv/lib; "
    "[ $1 != venv ] || ln -s /usr/bin/python3 /opt/environment/venv/bin/python; ";

TEST_F(Environments, AreMadeOnceAndWhole) {
  const std::string calls = kFakeVenv + "echo \"$*\" >>/opt/environment/calls";
  EXPECT_EQ(fake(calls).made(model().string()), std::nullopt);
  EXPECT_EQ(fake(calls).pin(model().string(), {}), fs::canonical(model()).string());
  const auto made = fake(calls).made(model().string());
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->filename().string(), read_environment_lock(model(), false).key);
  fake("exit 1").pin(model().string(), {});
  std::ifstream said(*made / "files/calls");
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(said)), {}),
            "venv venv\npip sync --require-hashes --python venv/bin/python /opt/project/requirements.txt\n");
}

TEST_F(Environments, ThatFailSayWhyAndGoOnFromTheirDownloads) {
  try {
    fake("mkdir -p /opt/environment/downloads; echo half >/opt/environment/downloads/a; echo no such host; exit 2")
        .pin(model().string(), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(error.what(), HasSubstr("no such host"));
  }
  EXPECT_EQ(kept(), 0U);
  fake("[ -e /opt/environment/downloads/a ] || exit 3; " + kFakeVenv).pin(model().string(), {});
  EXPECT_EQ(kept(), 1U);
}

TEST_F(Environments, AreMadeWhereNothingOfTheHostIsSeen) {
  const std::string secret = (stranger.folder() / "secret").string();
  std::ofstream(model() / "notes") << "of the model\n";
  fake("cat " + secret +
       " && exit 7; ls /home /root /var /opt/model && exit 8; [ ! -e /etc/shadow ] || exit 9; echo x >/usr/new && exit "
       "10; " +
       kFakeVenv)
      .pin(model().string(), {});
  EXPECT_EQ(kept(), 1U);
}

TEST_F(Environments, DoNotFollowLinksOutOfTheirFolder) {
  const fs::path target = stranger.folder() / "in";
  try {
    fake("cd /opt/environment; rm -rf venv downloads; ln -s " + target.string() + " venv; ln -s " + target.string() +
         " downloads; exit 1")
        .pin(model().string(), {});
  } catch (const Error&) {
  }
  fake(kFakeVenv).pin(model().string(), {});
  EXPECT_TRUE(fs::exists(target / "scan"));
  EXPECT_FALSE(fs::exists(target / "bin"));
}

TEST_F(Environments, AreMadeByOneOfSeveralWhoAsk) {
  const EnvironmentRunner slow = fake(kFakeVenv + "echo x >>/opt/environment/times; sleep 0.3");
  std::thread other([&] { slow.pin(model().string(), {}); });
  slow.pin(model().string(), {});
  other.join();
  EXPECT_EQ(fs::file_size(*slow.made(model().string()) / "files/times"), 4U) << "two calls of uv";
}

TEST_F(Environments, StopOnRequest) {
  RunControl control;
  control.cancel.cancel();
  EXPECT_ERROR(fake("sleep 60").pin(model().string(), control), ErrorCode::cancelled);
}

TEST_F(Environments, RunTheModelsOwnProgram) {
  std::ofstream(model() / "mhub.run") << "#!/usr/bin/env python\nimport sys\nprint(sys.argv[1:])\n";
  fs::permissions(model() / "mhub.run", fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  const EnvironmentRunner runner = fake(kFakeVenv);
  runner.pin(model().string(), {});
  EXPECT_EQ(stranger.run(runner, stranger.job(model().string(), "mhub.run --workflow default")).said,
            "['--workflow', 'default']");
}

TEST_F(Environments, NeedUvOnlyToBeMade) {
  const EnvironmentRunner without({.bubblewrap = *bubblewrap, .cache = cache()});
  EXPECT_ERROR(without.pin(model().string(), {}), ErrorCode::not_found);
  fake(kFakeVenv).pin(model().string(), {});
  EXPECT_NO_THROW(without.pin(model().string(), {}));
  EXPECT_EQ(stranger.run(without, stranger.job(model().string(), "python -c 'print(6 * 7)'")).said, "42");
}

TEST_F(Environments, MustBeMadeBeforeARun) {
  EXPECT_ERROR(stranger.run(fake("exit 1"), stranger.job(model().string(), "true")), ErrorCode::not_found);
  lock("six==1\n");
  EXPECT_ERROR(fake("exit 0").pin(model().string(), {}), ErrorCode::bad_input);
}

TEST_F(Environments, KeepEveryPromise) {
  const EnvironmentRunner made = fake(kFakeVenv);
  expect_promises(made, made.pin(model().string(), {}), stranger);
  const auto run = stranger.run(
      made, stranger.job(model().string(),
                         "echo x >>/opt/environment/new && echo ENVIRONMENT; echo x >>/opt/model/new && "
                         "echo MODEL; ls -A /home /root /var /run /mnt; cat /etc/shadow /etc/hostname; "
                         "python -c 'import getpass, socket; print(socket.if_nameindex(), getpass.getuser())'"));
  EXPECT_THAT(run.said, testing::Not(HasSubstr("ENVIRONMENT")));
  EXPECT_THAT(run.said, testing::Not(HasSubstr("MODEL")));
  EXPECT_THAT(run.said, HasSubstr("[(1, 'lo')] model"));
  EXPECT_THAT(run.said, HasSubstr("cannot access '/home'"));
}

/// uv itself, with packages from a web server of this machine: nothing needs the internet.
class RealEnvironments : public Environments {
 protected:
  void SetUp() override {
    Environments::SetUp();
    if (IsSkipped()) return;
    uv = find_program("uv");
    if (!uv) GTEST_SKIP() << "uv is not installed; make test-engines installs it";
  }
  std::string python(const std::string& code) const {
    return output_of({{"/usr/bin/python3", "-c", code, stranger.folder().string()}, std::nullopt}, seconds(60), {});
  }
  std::optional<fs::path> uv;
};

/// Makes a wheel "greeting", an index of it, and prints its SHA-256.
constexpr const char* kMakeWheel = R"(
import hashlib, os, sys, zipfile
root = sys.argv[1] + '/index'
os.makedirs(root + '/simple/greeting')
name = 'greeting-1.0-py3-none-any.whl'
with zipfile.ZipFile(f'{root}/{name}', 'w') as wheel:
    wheel.writestr('greeting.py', "def text(): return 'hello from a wheel'\n")
    wheel.writestr('greeting-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n')
    wheel.writestr('greeting-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr('greeting-1.0.dist-info/RECORD', '')
digest = hashlib.sha256(open(f'{root}/{name}', 'rb').read()).hexdigest()
open(root + '/simple/greeting/index.html', 'w').write(f'<a href="/{name}#sha256={digest}">{name}</a>')
print(digest)
)";

/// Python's web server on a port of its own, which it prints.
constexpr const char* kServe = R"(
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1] + '/index')
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
print('port', server.server_port, flush=True)
server.serve_forever()
)";

class Index {
 public:
  explicit Index(const fs::path& folder)
      : thread_([this, folder] {
          ProcessOptions options;
          options.on_line = [this](std::string_view line) {
            if (line.starts_with("port ")) port_ = std::stoi(std::string(line.substr(5)));
          };
          try {
            run_process({{"/usr/bin/python3", "-c", kServe, folder.string()}, std::nullopt}, options, stop_);
          } catch (const Error&) {
          }
        }) {}
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  ~Index() {
    stop_.cancel();
    thread_.join();
  }
  std::string address() const {
    for (int n = 0; n < 200 && port_ == 0; ++n) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return "http://127.0.0.1:" + std::to_string(port_);
  }

 private:
  const CancelToken stop_;
  std::atomic<int> port_ = 0;
  std::thread thread_;
};

TEST_F(RealEnvironments, AreInstalledFromALockFile) {
  std::string digest = python(kMakeWheel);
  digest.pop_back();
  const Index index(stranger.folder());
  fs::remove(model() / "requirements.txt");
  std::ofstream(model() / "pyproject.toml") << "[project]\nname = 'model'\nversion = '1'\nrequires-python = '>=3.9'\n"
                                               "dependencies = ['greeting']\n";
  const auto write_lock =
      [&](const std::string& hash) {
        std::ofstream(model() / "uv.lock")
            << "version = 1\nrequires-python = '>=3.9'\n[[package]]\nname = 'greeting'\nversion = '1.0'\nsource = { "
               "registry = '" +
                   index.address() + "/simple' }\nwheels = [ { url = '" + index.address() +
                   "/greeting-1.0-py3-none-any.whl', hash = 'sha256:" + hash +
                   "' } ]\n[[package]]\nname = 'model'\nversion = '1'\nsource = { virtual = '.' }\ndependencies = [ { "
                   "name = "
                   "'greeting' } ]\n[package.metadata]\nrequires-dist = [ { name = 'greeting' } ]\n";
      };
  write_lock(std::string(64, '0'));
  try {
    runner(*uv).pin(model().string(), {});
    FAIL() << "installed something else than what was locked";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(error.what(), HasSubstr("ash mismatch"));
  }
  write_lock(digest);
  double last = 0;
  RunControl control;
  control.sink = [&](const Progress& progress) { last = progress.fraction; };
  runner(*uv).pin(model().string(), control);
  EXPECT_EQ(last, 1);
  std::ofstream(model() / "predict.py") << "import greeting; print(greeting.text())\n";
  EXPECT_EQ(stranger.run(runner(*uv), stranger.job(model().string(), "python -m predict")).said, "hello from a wheel");
}

TEST_F(RealEnvironments, AreInstalledFromHashedRequirements) {
  std::string digest = python(kMakeWheel);
  digest.pop_back();
  const Index index(stranger.folder());
  lock("--index-url " + index.address() + "/simple\ngreeting==1.0 --hash=sha256:" + digest + "\n");
  runner(*uv).pin(model().string(), {});
  EXPECT_EQ(
      stranger.run(runner(*uv), stranger.job(model().string(), "python -c 'import greeting as g; print(g.text())'"))
          .said,
      "hello from a wheel");
}

TEST_F(RealEnvironments, ComeFromPyPI) {
  lock("six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n");
  try {
    runner(*uv).pin(model().string(), {});
  } catch (const Error& error) {
    GTEST_SKIP() << "PyPI is not reached from here: " << error.what();
  }
  EXPECT_EQ(
      stranger.run(runner(*uv), stranger.job(model().string(), "python -c 'import six; print(six.__version__)'")).said,
      "1.16.0");
}

}  // namespace
}  // namespace sagittal::hub
