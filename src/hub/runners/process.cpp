#include "hub/runners/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/text.h"
#include "hub/runners/plain_lines.h"

namespace sagittal::hub {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr std::chrono::milliseconds kTick{100};

[[noreturn]] void refuse(const std::string& program, int number) {
  const ErrorCode code = number == ENOENT || number == EACCES ? ErrorCode::not_found : ErrorCode::io;
  throw Error(code, fmt::format("{}: cannot be started: {}", program, std::strerror(number)));
}

/// Pointers for the C interface, which does not write through them.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

/// How a child begins: its own session, default signals, no input, both outputs into one pipe, no other open file.
class Start {
 public:
  explicit Start(int output) {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&files_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&files_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files_, output, 1);
    posix_spawn_file_actions_adddup2(&files_, output, 2);
    posix_spawn_file_actions_addclosefrom_np(&files_, 3);
  }
  Start(const Start&) = delete;
  Start& operator=(const Start&) = delete;
  ~Start() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }

  pid_t spawn(const Command& command) const {
    const std::vector<char*> arguments = pointers(command.arguments);
    const std::vector<char*> environment =
        command.environment ? pointers(*command.environment) : std::vector<char*>{nullptr};
    pid_t child = -1;
    const int failure = ::posix_spawnp(&child, arguments[0], &files_, &attributes_, arguments.data(),
                                       command.environment ? environment.data() : environ);
    if (failure != 0) refuse(command.arguments[0], failure);
    return child;
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t files_;
};

/// A child and its group. The group is gone when this is.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ >= 0) kill_and_wait();
  }

  void signal(int number) const { ::kill(-pid_, number); }

  /// Whether the child has ended; it is not reaped yet, so its number still names its group.
  bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  /// Ends what is left of the group and says how the child ended.
  ProcessEnd reap() {
    const int status = kill_and_wait();
    // The kernel takes a moment for those who are not our children; who reaps them is not our business.
    for (int wait = 0; wait < 200 && ::kill(-pid_, 0) == 0; ++wait) std::this_thread::sleep_for(1ms);
    pid_ = -1;
    if (WIFEXITED(status)) return {ProcessEnd::How::exited, WEXITSTATUS(status), {}};
    return {ProcessEnd::How::killed, WIFSIGNALED(status) ? WTERMSIG(status) : 0, {}};
  }

 private:
  int kill_and_wait() const {
    signal(SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  pid_t pid_;
};

/// What stands in the pipe now; false once nobody can write any more.
bool drain(int pipe, PlainLines& lines) {
  std::array<char, 16384> block;
  for (int blocks = 0; blocks < 64; ++blocks) {
    const ssize_t count = ::read(pipe, block.data(), block.size());
    if (count > 0) {
      lines.add({block.data(), static_cast<std::size_t>(count)});
    } else if (count == 0) {
      return false;
    } else if (errno != EINTR) {
      return true;
    }
  }
  return true;
}

/// The reasons to end a process before it ends itself, and how far that has gone.
class Ending {
 public:
  Ending(const ProcessOptions& options, const CancelToken& cancel)
      : options_(options), cancel_(cancel), begun_(Clock::now()) {}

  /// Asks `child` to end where there is a reason, and makes it where it does not.
  void watch(const Child& child) {
    if (asked_ == Clock::time_point{}) {
      const std::string said = tick();
      const bool late = options_.time_limit.count() > 0 && Clock::now() - begun_ > options_.time_limit;
      if (said.empty() && !late && !cancel_.cancelled()) return;
      how_ = cancel_.cancelled() ? ProcessEnd::How::killed
             : late              ? ProcessEnd::How::timed_out
                                 : ProcessEnd::How::stopped;
      reason_ = said;
      asked_ = Clock::now();
      child.signal(SIGTERM);
    } else if (Clock::now() - asked_ > options_.grace) {
      child.signal(SIGKILL);
    }
  }

  ProcessEnd end(ProcessEnd natural) const {
    if (asked_ == Clock::time_point{}) return natural;
    if (cancel_.cancelled()) throw Error(ErrorCode::cancelled, "stopped on request");
    return {how_, 0, reason_};
  }

 private:
  std::string tick() {
    if (!options_.on_tick || Clock::now() < next_tick_) return {};
    next_tick_ = Clock::now() + kTick;
    return options_.on_tick();
  }

  const ProcessOptions& options_;
  const CancelToken& cancel_;
  const Clock::time_point begun_;
  Clock::time_point next_tick_{};
  Clock::time_point asked_{};
  ProcessEnd::How how_ = ProcessEnd::How::exited;
  std::string reason_;
};

}  // namespace

ProcessEnd run_process(const Command& command, const ProcessOptions& options, const CancelToken& cancel) {
  if (command.arguments.empty()) throw Error(ErrorCode::internal, "a command without a program");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(ErrorCode::io, fmt::format("a pipe: {}", std::strerror(errno)));
  const Descriptor from(ends[0]);
  auto to = std::make_unique<Descriptor>(ends[1]);
  ::fcntl(from.fd, F_SETFL, O_NONBLOCK);

  Child child(Start(to->fd).spawn(command));
  to.reset();
  PlainLines lines(options.on_line ? options.on_line : [](std::string_view) {});
  Ending ending(options, cancel);
  for (bool open = true; !child.ended();) {
    pollfd wait{open ? from.fd : -1, POLLIN, 0};
    ::poll(&wait, 1, open ? static_cast<int>(kTick.count()) : 10);
    if (open) open = drain(from.fd, lines);
    ending.watch(child);
  }
  const ProcessEnd natural = child.reap();
  drain(from.fd, lines);
  lines.finish();
  return ending.end(natural);
}

std::string output_of(const Command& command, std::chrono::milliseconds time_limit, const CancelToken& cancel) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  std::string text;
  ProcessOptions options;
  options.time_limit = time_limit;
  options.grace = std::chrono::milliseconds(500);
  options.on_line = [&](std::string_view line) {
    if (text.size() < kMostBytes) text.append(line).append("\n");
  };
  const ProcessEnd end = run_process(command, options, cancel);
  if (end.how == ProcessEnd::How::timed_out) {
    throw Error(ErrorCode::unavailable,
                fmt::format("{} did not answer within {} ms", command.arguments[0], time_limit.count()));
  }
  if (end.how != ProcessEnd::How::exited || end.status != 0) {
    const std::size_t last = text.size() > 300 ? text.size() - 300 : 0;
    throw Error(ErrorCode::unavailable,
                fmt::format("{} failed ({}): {}", command.arguments[0], end.status, text.substr(last)));
  }
  return text;
}

std::string version_of(const std::filesystem::path& program) {
  constexpr std::size_t kMostBytes = 60;
  const std::string said = output_of({{program.string(), "--version"}, std::nullopt}, 5s, {});
  for (const std::string_view line : split(said, '\n')) {
    for (const std::string_view word : split(line, ' ')) {
      if (!word.empty() && word[0] >= '0' && word[0] <= '9') return std::string(word.substr(0, kMostBytes));
    }
  }
  throw Error(ErrorCode::unavailable, fmt::format("{} does not say its version", program.string()));
}

std::optional<std::filesystem::path> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path == nullptr ? "" : path, ':')) {
    std::filesystem::path candidate = std::filesystem::path(folder) / name;
    std::error_code ignored;
    if (!folder.empty() && std::filesystem::is_regular_file(candidate, ignored) &&
        ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return std::nullopt;
}

}  // namespace sagittal::hub
