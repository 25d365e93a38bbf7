#include "hub/jobs/survey.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/bytes.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

/// PATH is a folder of scripts, for as long as it lives.
class Programs {
 public:
  Programs() : before_(std::getenv("PATH")) { ::setenv("PATH", scratch_.path().c_str(), 1); }
  ~Programs() { ::setenv("PATH", before_.c_str(), 1); }
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  void add(const std::string& name, const std::string& script) const {
    write_file_atomically(scratch_ / name, as_bytes("#!/bin/sh\n" + script + "\n"), 0755);
  }
  void count_calls(const std::string& name) const {
    add(name, "echo called >>" + (scratch_ / "calls").string() + "; echo 9.8.7");
  }
  std::string calls() const {
    return std::filesystem::exists(scratch_ / "calls") ? std::string(as_text(read_file(scratch_ / "calls", 10000)))
                                                       : "";
  }

 private:
  const Scratch scratch_;
  const std::string before_;
};

const Backend& named(const std::vector<Backend>& all, const std::string& name) {
  return *std::find_if(all.begin(), all.end(), [&](const Backend& one) { return one.name == name; });
}

TEST(Survey, SaysOfEachWhyItDoesNotWorkAndWhatMendsIt) {
  const Programs programs;
  for (const Backend& one : survey_backends()) {
    EXPECT_FALSE(one.is_there || one.works) << one.name;
    EXPECT_FALSE(one.found.empty() || one.mend.empty()) << one.name;
  }
  programs.add("podman", "echo 9.8.7");
  programs.add("docker", "echo no daemon; exit 1");
  const auto all = survey_backends();
  EXPECT_TRUE(named(all, "podman").works);
  EXPECT_NE(named(all, "podman").found.find("9.8.7"), std::string::npos);
  EXPECT_TRUE(named(all, "docker").is_there);
  EXPECT_FALSE(named(all, "docker").works);
  EXPECT_NE(named(all, "docker").found.find("no daemon"), std::string::npos);
}

TEST(Survey, TheBestIsAnEngineThatWorksElseBubblewrapWhereNoneIsThere) {
  const Backend docker{"docker", true, true}, silent{"docker", true, false}, none{"docker", false, false},
      podman{"podman", true, true}, bubblewrap{"bubblewrap", true, true};
  EXPECT_EQ(best_backend({docker, podman, bubblewrap}), "docker");
  EXPECT_EQ(best_backend({silent, podman, bubblewrap}), "podman");
  EXPECT_EQ(best_backend({none, bubblewrap}), "bubblewrap");
  EXPECT_EQ(best_backend({silent, bubblewrap}), "");
  EXPECT_EQ(best_backend({none}), "");
}

TEST(Survey, CallersThatComeOftenStartNothing) {
  const Programs programs;
  programs.count_calls("podman");
  BackendSurvey survey;
  for (int n = 0; n < 5; ++n) EXPECT_TRUE(named(survey.backends(), "podman").works);
  EXPECT_EQ(programs.calls(), "called\n");
}

}  // namespace
}  // namespace sagittal::hub
