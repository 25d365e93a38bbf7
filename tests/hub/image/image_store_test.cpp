#include "hub/image/image_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "base/bytes.h"
#include "base/json.h"
#include "expect_error.h"
#include "hub/image/registry.h"
#include "hub/image/unpacked_image_runner.h"
#include "hub/runners/bubblewrap.h"
#include "hub/runners/process.h"
#include "hub/tar_writer.h"
#include "io/gzip.h"
#include "net/sha256.h"
#include "scratch.h"
#include "server/http/listener.h"

namespace sagittal::hub {
namespace {

namespace http = server::http;
namespace fs = std::filesystem;

std::string digest_of(ByteView bytes) { return "sha256:" + net::sha256_hex(bytes); }

/// A registry that asks for a token, as Docker Hub does, and knows one image with two layers.
class FakeRegistry {
 public:
  FakeRegistry() : router_(routes()), queue_({}), listener_({}, router_, queue_) { publish("one"); }
  ~FakeRegistry() {
    listener_.stop(std::chrono::milliseconds(0));
    queue_.stop();
  }

  void publish(const std::string& content) {
    const Bytes lower =
        io::gzip(TarWriter().add("bin/busybox", content, TarWriter::kFile, "", true).add("old", "x").finish());
    const Bytes upper = TarWriter().add("etc/name", "upper").add(".wh.old", "").finish();
    const std::string config =
        R"({"config":{"Entrypoint":["/bin/busybox"],"Cmd":["--help"],"Env":["A=1"],"WorkingDir":"/etc/"}})";
    Json manifest{{"schemaVersion", 2}, {"config", blob(as_bytes(config))}, {"layers", Json::array()}};
    for (const Bytes& layer : {lower, upper}) manifest["layers"].push_back(blob(layer));
    const std::string text = manifest.dump();
    const std::string inner = put(as_bytes(text));
    const Json list{
        {"schemaVersion", 2},
        {"manifests", {{{"digest", inner}, {"platform", {{"os", "linux"}, {"architecture", image_architecture()}}}}}}};
    digest = put(as_bytes(list.dump()));
    last_layer_ = digest_of(upper);
    const std::lock_guard lock(mutex_);
    tags_["latest"] = digest;
  }

  /// From now on the last layer's bytes are others than its name says.
  void forge() {
    const std::lock_guard lock(mutex_);
    blobs_[last_layer_][0] ^= 1;
  }

  ImageReference reference(const std::string& version = "") const {
    return parse_image_reference(fmt::format("127.0.0.1:{}/a/model{}", listener_.port(), version));
  }

  std::string digest;
  std::string realm;           ///< another than its own
  std::string wanted;          ///< "Basic …" without which there is no token; empty: for everybody
  std::atomic<int> shown = 0;  ///< how often somebody showed a password
  std::atomic<int> tokens = 0, blobs_sent = 0;

 private:
  Json blob(ByteView bytes) { return {{"digest", put(bytes)}, {"size", bytes.size()}}; }
  std::string put(ByteView bytes) {
    const std::lock_guard lock(mutex_);
    blobs_[digest_of(bytes)] = Bytes(bytes.begin(), bytes.end());
    return digest_of(bytes);
  }

  http::Response answer(const std::string& digest_asked) {
    const std::lock_guard lock(mutex_);
    const auto found = blobs_.find(digest_asked);
    if (found == blobs_.end()) return http::text_response(404, "application/json", "{}");
    return http::text_response(200, "application/octet-stream", as_text(found->second));
  }

  http::Response guarded(const http::Request& request, const std::function<http::Response()>& answer) {
    if (bearer_token(request) == "secret") return answer();
    http::Response refusal = http::text_response(401, "application/json", "{}");
    refusal.headers.push_back(
        {"WWW-Authenticate",
         fmt::format(R"(Bearer realm="{}",service="fake",scope="pull a")",
                     realm.empty() ? fmt::format("http://127.0.0.1:{}/token", listener_.port()) : realm)});
    return refusal;
  }

  std::vector<http::Route> routes() {
    http::Route token{.method = "GET", .path = "/token"};
    token.handler = [this](const http::Request& request) {
      ++tokens;
      const std::string_view key = request.header("Authorization");
      shown += key.empty() ? 0 : 1;
      if (!wanted.empty() && key != wanted) return http::text_response(401, "application/json", "{}");
      EXPECT_EQ(request.query, "service=fake&scope=pull%20a");
      return http::json_response(200, {{"token", "secret"}});
    };
    http::Route manifests{.method = "GET", .path = "/v2/a/model/manifests/{version}"};
    manifests.handler = [this](const http::Request& request) {
      return guarded(request, [&] {
        const std::string version = request.path_values["version"];
        return answer(tags_.contains(version) ? tags_[version] : version);
      });
    };
    http::Route blobs{.method = "GET", .path = "/v2/a/model/blobs/{digest}"};
    blobs.handler = [this](const http::Request& request) {
      return guarded(request, [&] {
        ++blobs_sent;
        return answer(request.path_values["digest"]);
      });
    };
    return {token, manifests, blobs};
  }

  std::mutex mutex_;
  std::map<std::string, Bytes> blobs_;
  std::map<std::string, std::string> tags_;
  std::string last_layer_;
  http::Router router_;
  http::WorkQueue queue_;
  http::Listener listener_;
};

std::string text(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(ImageStore, PullsUnpacksAndRemembers) {
  FakeRegistry registry;
  const Scratch scratch;
  const ImageStore store(scratch / "images");
  EXPECT_FALSE(store.find(registry.reference()));
  std::string stages;
  const RunControl control{.sink = [&](const Progress& p) { stages += std::string(p.stage) + ";"; }, .cancel = {}};
  const StoredImage image = store.pull(registry.reference(), control);
  EXPECT_EQ(image.digest, registry.digest);
  EXPECT_EQ(text(image.root / "bin/busybox"), "one");
  EXPECT_EQ(text(image.root / "etc/name"), "upper");
  EXPECT_FALSE(fs::exists(image.root / "old"));
  EXPECT_EQ(image.config.folder, "/etc/");
  EXPECT_NE(stages.find("fetching"), std::string::npos);
  EXPECT_NE(stages.find("unpacking"), std::string::npos);
  EXPECT_EQ(files_in(scratch / "images"), 1u);

  const int sent = registry.blobs_sent;
  EXPECT_EQ(store.pull(registry.reference(), {}).digest, image.digest);
  EXPECT_EQ(registry.blobs_sent, sent);
  EXPECT_EQ(store.find(registry.reference("@" + image.digest))->root, image.root);
  EXPECT_EQ(store.find(registry.reference())->pulled, image.pulled);
}

TEST(ImageStore, AnImageThatIsNotForEverybodyNeedsItsPassword) {
  FakeRegistry registry;
  registry.wanted = "Basic cmVhZGVyOnMzY3JldA==";
  const Scratch scratch;
  const auto store = [&](const std::string& host, const char* login) {
    const std::string text = fmt::format(R"({{"auths":{{"{}":{{"auth":"{}"}}}}}})", host, login);
    write_file_atomically(scratch / "config.json", as_bytes(text));
    return ImageStore(scratch / "images", {}, scratch / "config.json");
  };
  const std::string host = registry.reference().registry;
  EXPECT_ERROR(ImageStore(scratch / "images").pull(registry.reference(), {}), ErrorCode::unauthorized);
  EXPECT_ERROR(store("ghcr.io", "cmVhZGVyOnMzY3JldA==").pull(registry.reference(), {}), ErrorCode::unauthorized);
  EXPECT_EQ(registry.shown, 0) << "another registry's password";
  EXPECT_ERROR(store(host, "cmVhZGVyOndyb25n").pull(registry.reference(), {}), ErrorCode::unauthorized);
  EXPECT_EQ(store(host, "cmVhZGVyOnMzY3JldA==").pull(registry.reference(), {}).digest, registry.digest);
}

TEST(ImageStore, APasswordIsNotSentInPlain) {
  FakeRegistry registry;
  registry.realm = "http://192.0.2.1/token";
  Registry asked(registry.reference(), net::HttpKey{"reader", "s3cret"});
  EXPECT_ERROR(asked.resolve({}), ErrorCode::unauthorized);
}

TEST(ImageStore, ANewVersionLiesBesideTheOldOne) {
  FakeRegistry registry;
  const Scratch scratch;
  const ImageStore store(scratch / "images");
  const std::string before = store.pull(registry.reference(), {}).digest;
  registry.publish("two");
  const StoredImage now = store.pull(registry.reference(), {});
  EXPECT_NE(now.digest, before);
  EXPECT_EQ(text(now.root / "bin/busybox"), "two");
  EXPECT_EQ(store.list().size(), 2u);
  EXPECT_GT(store.remove(before), 0u);
  EXPECT_EQ(store.list().size(), 1u);
  EXPECT_ERROR(store.remove(before), ErrorCode::not_found);
  EXPECT_ERROR(store.remove("../../etc"), ErrorCode::not_found);
}

TEST(ImageStore, OtherBytesThanPromisedAreNoImage) {
  FakeRegistry registry;
  registry.forge();
  const Scratch scratch;
  const ImageStore store(scratch / "images");
  EXPECT_ERROR(store.pull(registry.reference(), {}), ErrorCode::bad_input);
  EXPECT_TRUE(store.list().empty());
}

TEST(ImageStore, WhatIsNotThereIsSaid) {
  FakeRegistry registry;
  const Scratch scratch;
  const ImageStore store(scratch / "images");
  EXPECT_ERROR(store.pull(registry.reference(":absent"), {}), ErrorCode::not_found);
  EXPECT_ERROR(store.pull(parse_image_reference("127.0.0.1:1/a/model"), {}), ErrorCode::unavailable);
  EXPECT_FALSE(fs::exists(scratch / "images") && files_in(scratch / "images") > 0);
}

TEST(ImageStore, ADamagedNoteIsNoImage) {
  FakeRegistry registry;
  const Scratch scratch;
  const ImageStore store(scratch / "images");
  const StoredImage image = store.pull(registry.reference(), {});
  for (const char* note : {"", "{}", "[]", R"({"reference":"x","digest":"y","config":{"Cmd":3},"bytes":-1})"}) {
    write_file_atomically(image.root.parent_path() / "image.json", as_bytes(note));
    EXPECT_FALSE(store.find(registry.reference())) << note;
  }
}

/// Remembers what it was asked to run.
class Listening : public Runner {
 public:
  explicit Listening(SandboxJob& last) : last_(last) {}
  std::string_view name() const override { return "listening"; }
  std::string version() const override { return "1"; }
  std::string pin(const std::string& image, const RunControl&) const override { return image; }
  RunEnd run(const SandboxJob& job, RunLog&, const RunControl&) const override {
    last_ = job;
    return {};
  }

 private:
  SandboxJob& last_;
};

TEST(UnpackedImageRunner, RunsAnImageAsItsMakerWants) {
  FakeRegistry registry;
  const Scratch scratch;
  SandboxJob last;
  const UnpackedImageRunner runner(std::make_unique<Listening>(last), ImageStore(scratch / "images"));
  const std::string pinned = runner.pin(to_string(registry.reference()), {});
  EXPECT_TRUE(pinned.ends_with("/a/model@" + registry.digest)) << pinned;
  RunLog log(scratch / "log", 1000);
  runner.run({.name = "x", .image = pinned, .arguments = {"--workflow", "default"}, .environment = {"A=2"}}, log, {});
  EXPECT_EQ(last.arguments, (std::vector<std::string>{"/bin/busybox", "--workflow", "default"}));
  EXPECT_EQ(last.environment, (std::vector<std::string>{"A=1", "A=2"}));
  EXPECT_EQ(last.folder, "/etc");
  EXPECT_EQ(text(fs::path(last.image) / "bin/busybox"), "one");
  runner.run({.name = "x", .image = pinned}, log, {});
  EXPECT_EQ(last.arguments, (std::vector<std::string>{"/bin/busybox", "--help"}));
  runner.run({.name = "x", .image = scratch.path().string(), .arguments = {"own"}}, log, {});
  EXPECT_EQ(last.arguments, std::vector<std::string>{"own"});
  EXPECT_ERROR(runner.run({.name = "x", .image = "absent/image"}, log, {}), ErrorCode::not_found);
}

TEST(UnpackedImageRunner, BubblewrapNeedsNoEngine) {
  const auto bubblewrap = find_program("bwrap");
  const fs::path busybox = "/bin/busybox";
  if (!bubblewrap || !fs::exists(busybox)) GTEST_SKIP() << "bwrap and a static busybox are needed";
  FakeRegistry registry;
  registry.publish(std::string(as_text(MappedFile(busybox).bytes())));
  const Scratch scratch;
  const UnpackedImageRunner runner(std::make_unique<BubblewrapRunner>(*bubblewrap), ImageStore(scratch / "images"));
  const std::string image = runner.pin(to_string(registry.reference()), {});
  RunLog log(scratch / "log", 1000);
  const RunEnd end = runner.run(
      {.name = "stored", .image = image, .arguments = {"sh", "-c", "echo $A $(/bin/busybox cat name)"}}, log, {});
  EXPECT_EQ(end.status, 0);
  EXPECT_EQ(log.tail(1), "1 upper");
}

/// Images that Podman built and pushed to a registry of the distribution project, in two formats; tools/image_here.sh
/// makes them.
class RealRegistry : public testing::TestWithParam<const char*> {};

TEST_P(RealRegistry, GivesWhatWasPushed) {
  const char* registry = std::getenv("SAGITTAL_REGISTRY");
  const auto bubblewrap = find_program("bwrap");
  if (registry == nullptr || !bubblewrap) GTEST_SKIP() << "tried by make test-engines";
  const Scratch scratch;
  const ImageStore store(scratch / "images");
  const UnpackedImageRunner runner(std::make_unique<BubblewrapRunner>(*bubblewrap), store);
  const std::string pinned = runner.pin(fmt::format("{}/model/{}", registry, GetParam()), {});
  const auto image = store.find(parse_image_reference(pinned));
  ASSERT_TRUE(image);
  EXPECT_FALSE(fs::exists(image->root / "old/gone"));
  EXPECT_EQ(fs::read_symlink(image->root / "usr"), "bin");
  EXPECT_EQ(text(image->root / "bin/name"), "through a link\n");
  EXPECT_TRUE(fs::exists(image->root / "bin/format"));
  RunLog log(scratch / "log", 1000);
  EXPECT_EQ(runner.run({.name = "real", .image = pinned}, log, {}).status, 0);
  EXPECT_EQ(log.tail(1), "default");
}

INSTANTIATE_TEST_SUITE_P(Formats, RealRegistry, testing::Values("v2s2-gzip", "oci-zstd"), [](const auto& format) {
  std::string name = format.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace sagittal::hub
