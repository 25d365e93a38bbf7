#include "stranger.h"

#include <gmock/gmock.h>

#include <thread>

namespace sagittal::hub {
namespace {

using testing::HasSubstr;
using testing::Not;
using How = RunEnd::How;

void expect_work(const Runner& runner, const std::string& image, const Stranger& stranger) {
  SCOPED_TRACE("work");
  const auto run = stranger.run(runner, stranger.job(image, "cat /in/scan >/out/mask; echo done; exit 5"));
  EXPECT_EQ(run.end.how, How::exited);
  EXPECT_EQ(run.end.status, 5);
  EXPECT_THAT(run.said, HasSubstr("done"));
  EXPECT_EQ(stranger.written("mask"), "voxels\n");
}

void expect_closed_doors(const Runner& runner, const std::string& image, const Stranger& stranger) {
  SCOPED_TRACE("closed doors");
  const std::string host = (stranger.folder() / "secret").string();
  const auto run = stranger.run(
      runner,
      stranger.job(image, "echo x >>/in/scan && echo INPUT; echo x >/bin/new && echo IMAGE; cat " + host +
                              " && echo HOST; "
                              "ls /sys/class/net | grep -v lo && echo NETWORK; echo x >/proc/sys/kernel/hostname && "
                              "echo KERNEL; echo h >/proc/sysrq-trigger && echo KERNEL; "
                              "env | grep -i secret && echo ENVIRONMENT; echo x >/tmp/free && echo scratch; true"));
  EXPECT_EQ(run.end.status, 0);
  EXPECT_THAT(run.said, HasSubstr("scratch"));
  for (const char* door : {"INPUT", "IMAGE", "HOST", "NETWORK", "KERNEL", "ENVIRONMENT"}) {
    EXPECT_THAT(run.said, Not(HasSubstr(door)));
  }
}

void expect_limits(const Runner& runner, const std::string& image, const Stranger& stranger) {
  SCOPED_TRACE("limits");
  const auto greedy = stranger.run(runner, stranger.job(image, "x=$(yes | head -c 200000000); echo ${#x} >/out/held"));
  EXPECT_EQ(stranger.written("held"), "");
  EXPECT_TRUE(greedy.end.how == How::out_of_memory || greedy.end.status != 0);

  const auto bomb =
      stranger.run(runner, stranger.job(image, "n=0; while [ $n -lt 200 ]; do sleep 5 & n=$((n+1)); done; echo ALL"));
  EXPECT_THAT(bomb.said, Not(HasSubstr("ALL")));

  SandboxJob writer = stranger.job(image, "yes >/out/endless");
  writer.limits.output_bytes = 1 << 20;
  EXPECT_EQ(stranger.run(runner, writer).end.how, How::too_much_output);
  std::filesystem::remove(stranger.out() / "endless");

  SandboxJob talker = stranger.job(image, "yes");
  talker.limits.time = std::chrono::seconds(2);
  EXPECT_EQ(stranger.run(runner, talker).end.how, How::timed_out);
  EXPECT_LT(std::filesystem::file_size(stranger.folder() / "log"), std::uintmax_t{1} << 21);
}

void expect_cancel(const Runner& runner, const std::string& image, const Stranger& stranger) {
  SCOPED_TRACE("cancel");
  const CancelToken cancel;
  std::thread other([&] {
    for (int n = 0; n < 300 && !std::filesystem::exists(stranger.out() / "begun"); ++n) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    cancel.cancel();
  });
  const std::string sleeper = "sleep " + std::to_string(98'000'000 + ::getpid());  // nobody else's
  EXPECT_THROW(stranger.run(runner, stranger.job(image, "(" + sleeper + " &) ; touch /out/begun; " + sleeper), cancel),
               Error);
  other.join();
  const std::string look = "ps ax -o args | grep -v grep | grep -q '" + sleeper + "'";
  EXPECT_EQ(run_process({{"/bin/sh", "-c", look}, std::nullopt}, {}, {}).status, 1) << "somebody is left";
}

}  // namespace

void expect_promises(const Runner& runner, const std::string& image, const Stranger& stranger) {
  expect_work(runner, image, stranger);
  expect_closed_doors(runner, image, stranger);
  expect_limits(runner, image, stranger);
  expect_cancel(runner, image, stranger);
}

}  // namespace sagittal::hub
