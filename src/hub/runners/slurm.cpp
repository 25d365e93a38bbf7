#include "hub/runners/slurm.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "hub/runners/process.h"

extern char** environ;

namespace sagittal::hub {
namespace {

using namespace std::chrono_literals;
using Kind = SlurmState::Kind;

constexpr auto kAnswerTime = 30s;  // a busy controller is slow; its own limit is 10 s by default
constexpr auto kCancelTime = 120s;
constexpr std::size_t kMostWords = 200;

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::bad_input, "a job for Slurm: " + why); }

bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_word(std::string_view text) {
  return !text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.,:@+/=").find(c) != std::string_view::npos;
  });
}

void check_id(const std::string& id) {
  if (id.empty() || id.size() > 20 || id.find_first_not_of("0123456789") != std::string::npos) {
    throw Error(ErrorCode::bad_input, fmt::format("\"{}\" is no job of Slurm: ids are numbers", id));
  }
}

/// A word of a shell, whatever `text` holds.
std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? "'\\''" : std::string(1, c);
  return all + "'";
}

/// A path for --output, where % begins a pattern.
std::string without_patterns(const std::string& path) {
  std::string all;
  for (const char c : path) all += c == '%' ? "%%" : std::string(1, c);
  return all;
}

/// sbatch hands its whole environment to the job: so it is given only what the job should have, and Slurm's own.
std::vector<std::string> environment_for(const SlurmJob& job) {
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::string_view name = text.substr(0, text.find('='));
    constexpr std::array<std::string_view, 5> kOwn{"PATH", "HOME", "USER", "LOGNAME", "LANG"};
    if (std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end() || name.starts_with("SLURM_") ||
        name.starts_with("SBATCH_")) {
      all.emplace_back(text);
    }
  }
  all.insert(all.end(), job.environment.begin(), job.environment.end());
  return all;
}

struct Answer {
  bool well = false;
  std::string text;
};

/// What a program of Slurm says, also where it fails or does not come back.
Answer ask(std::vector<std::string> arguments, std::chrono::seconds time_limit = kAnswerTime) {
  Answer answer;
  ProcessOptions options;
  options.time_limit = time_limit;
  options.on_line = [&](std::string_view line) {
    if (answer.text.size() < (std::size_t{1} << 20)) answer.text.append(line).append("\n");
  };
  const std::string program = arguments[0];
  const ProcessEnd end = run_process({std::move(arguments), std::nullopt}, options, {});
  if (end.how == ProcessEnd::How::timed_out) answer.text = fmt::format("{} did not answer", program);
  answer.well = end.how == ProcessEnd::How::exited && end.status == 0;
  return answer;
}

/// The last of what was said, as one line.
std::string last_words(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.size() > kMostWords ? "… " + text.substr(text.size() - kMostWords) : text;
}

bool says(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

/// Slurm's answer was that it gave none.
bool is_silence(const std::string& text) {
  for (const char* sign : {"contact slurm controller", "timed out", "temporarily", "did not answer",
                           "configuration file", "authentication"}) {
    if (says(lower_case(text), sign)) return true;
  }
  return false;
}

/// The words of the line that `text` holds before its first `separators`.
std::string_view next_word(std::string_view& text, std::string_view separators) {
  text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(word.size());
  return word;
}

/// squeue gives wait(2)'s number, sacct "STATUS:SIGNAL".
int exit_status(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto first = parse_number<int>(text.substr(0, colon));
  if (!first || *first < 0) return 0;
  if (colon == std::string_view::npos) {
    return WIFEXITED(*first) ? WEXITSTATUS(*first) : 128 + (WIFSIGNALED(*first) ? WTERMSIG(*first) : 0);
  }
  const auto signal = parse_number<int>(text.substr(colon + 1));
  return signal && *signal > 0 && *signal < 128 ? 128 + *signal : std::min(*first, 255);
}

Kind kind_of(std::string_view word) {
  struct Row {
    std::string_view word;
    Kind kind;
  };
  // squeue(1), "JOB STATE CODES"
  static constexpr Row kRows[] = {
      {"PENDING", Kind::pending},     {"CONFIGURING", Kind::pending},  {"REQUEUED", Kind::pending},
      {"REQUEUE_FED", Kind::pending}, {"REQUEUE_HOLD", Kind::pending}, {"RESV_DEL_HOLD", Kind::pending},
      {"RUNNING", Kind::running},     {"COMPLETING", Kind::running},   {"RESIZING", Kind::running},
      {"SIGNALING", Kind::running},   {"STAGE_OUT", Kind::running},    {"STOPPED", Kind::running},
      {"SUSPENDED", Kind::running},   {"COMPLETED", Kind::done},       {"FAILED", Kind::failed},
      {"SPECIAL_EXIT", Kind::failed}, {"CANCELLED", Kind::cancelled},  {"REVOKED", Kind::cancelled},
      {"TIMEOUT", Kind::timed_out},   {"DEADLINE", Kind::timed_out},   {"OUT_OF_MEMORY", Kind::out_of_memory},
      {"NODE_FAIL", Kind::node_lost}, {"BOOT_FAIL", Kind::node_lost},  {"PREEMPTED", Kind::node_lost},
  };
  for (const Row& row : kRows) {
    if (row.word == word) return row.kind;
  }
  return Kind::unknown;
}

SlurmState state_of(std::string_view word, std::string_view exit, std::string_view reason) {
  SlurmState state{kind_of(word)};
  if (state.kind == Kind::unknown) state.reason = fmt::format("Slurm calls it {}", word.substr(0, 40));
  if (state.kind == Kind::failed) state.status = std::max(1, exit_status(exit));
  if (reason != "None" && (state.kind == Kind::pending || state.ended())) state.reason = reason.substr(0, kMostWords);
  return state;
}

/// A line of squeue: state, exit status, reason, in columns.
std::optional<SlurmState> read_queue(const std::string& text) {
  for (std::string_view line : split(text, '\n')) {
    const std::string_view word = next_word(line, " "), exit = next_word(line, " ");
    if (kind_of(word) == Kind::unknown && !parse_number<int>(exit)) continue;  // a warning of the program
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return state_of(word, exit, line.substr(0, line.find_last_not_of(' ') + 1));
  }
  return std::nullopt;
}

/// A line of sacct: state|exit status|reason. The state may be "CANCELLED by 1000".
std::optional<SlurmState> read_accounting(const std::string& text) {
  for (const std::string_view line : split(text, '\n')) {
    const auto parts = split(line, '|');
    if (parts.size() != 3) continue;
    std::string_view state = parts[0];
    return state_of(next_word(state, " +"), parts[1], parts[2]);
  }
  return std::nullopt;
}

std::optional<std::filesystem::path> program_in(const std::filesystem::path& folder, const char* name) {
  if (folder.empty()) return find_program(name);
  const auto path = folder / name;
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

std::filesystem::path needed(const std::filesystem::path& folder, const char* name) {
  if (auto path = program_in(folder, name)) return *path;
  throw Error(ErrorCode::not_found, fmt::format("{} is not here: this machine sends no jobs to Slurm", name));
}

/// A file that goes with this.
struct Script {
  explicit Script(const SlurmJob& job)
      : path(std::filesystem::temp_directory_path() / fmt::format("sagittal-{}-{}.sh", job.name, random_hex(64))) {
    std::ofstream file(path);
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    file << batch_script(job) << std::flush;
    if (!file) throw Error(ErrorCode::io, fmt::format("{}: cannot be written", path.string()));
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;
  ~Script() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  const std::filesystem::path path;
};

}  // namespace

bool SlurmState::ended() const { return kind != Kind::pending && kind != Kind::running && kind != Kind::unknown; }

std::string describe(const SlurmState& state) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kWaits{{
      {"Resources", "until memory or processors are free"},
      {"Priority", "until jobs before it have run"},
      {"BeginTime", "until the time when it may begin"},
      {"JobHeldUser", "until its owner releases it"},
      {"JobHeldAdmin", "until an administrator releases it"},
      {"PartitionDown", "until its partition is back"},
      {"PartitionTimeLimit", "for ever: its partition allows less time"},
      {"ReqNodeNotAvail", "until the node that it asks for is back"},
  }};
  const std::string behind = state.reason.empty() ? "" : fmt::format(" ({})", state.reason);
  switch (state.kind) {
    case Kind::pending:
      for (const auto& [reason, text] : kWaits) {
        if (state.reason.starts_with(reason)) return fmt::format("waits {}{}", text, behind);
      }
      return "waits in the queue" + behind;
    case Kind::running:
      return "runs";
    case Kind::done:
      return "is done";
    case Kind::failed:
      return fmt::format("ended with status {}{}", state.status, behind);
    case Kind::cancelled:
      return "was cancelled";
    case Kind::timed_out:
      return "was not done within its time";
    case Kind::out_of_memory:
      return "needed more memory than it had asked for";
    case Kind::node_lost:
      return "lost its node" + behind;
    case Kind::forgotten:
      return "is over, and Slurm no longer knows how it ended";
    case Kind::unknown:
      break;
  }
  return "is not known: Slurm does not answer" + behind;
}

const std::vector<std::string>& slurm_options() {
  static const std::vector<std::string> names{
      "--constraint", "--exclude",     "--exclusive", "--gpus-per-node", "--gres",     "--hint",
      "--licenses",   "--mail-type",   "--mail-user", "--nice",          "--nodelist", "--prefer",
      "--qos",        "--reservation", "--switches",  "--tmp",           "--wckey",    "--comment",
  };
  return names;
}

void check(const SlurmJob& job) {
  if (job.name.empty() || job.name.size() > 100 || job.name[0] == '-' ||
      job.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
    refuse(fmt::format("\"{}\" is no name of a job", job.name));
  }
  if (job.command.empty() || !std::filesystem::path(job.command[0]).is_absolute()) refuse("its program has no path");
  for (const std::string& argument : job.command) {
    if (argument.find('\0') != std::string::npos) refuse("an argument holds a zero byte");
  }
  for (const std::filesystem::path& path : {job.folder, job.log}) {
    if (!path.is_absolute() || !is_plain(path.string()) || says(path.string(), "\\")) {
      refuse(fmt::format("\"{}\" is no path for a cluster", path.string()));
    }
  }
  for (const std::string& word : {job.partition, job.account}) {
    if (!word.empty() && !is_word(word)) refuse(fmt::format("\"{}\" is no partition or account", word));
  }
  if (job.memory_bytes < (1 << 20) || job.cpus < 1 || job.gpus < 0 || job.gpus > 255 || job.time < 1min) {
    refuse("it must ask for some memory, processors and time");
  }
  for (const std::string& option : job.options) {
    const std::size_t equal = option.find('=');
    const auto& known = slurm_options();
    if (std::find(known.begin(), known.end(), option.substr(0, equal)) == known.end() || !is_plain(option)) {
      refuse(fmt::format("\"{}\" is none of the options that may be given: {}", option, fmt::join(known, " ")));
    }
  }
  for (const std::string& variable : job.environment) {
    if (variable.find('=') == std::string::npos || variable[0] == '=' || variable.find('\0') != std::string::npos) {
      refuse("a variable is NAME=value");
    }
  }
}

std::vector<std::string> sbatch_arguments(const SlurmJob& job, const std::filesystem::path& script) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  const std::uint64_t memory_mib = job.memory_bytes / kMiB + (job.memory_bytes % kMiB != 0 ? 1 : 0);
  std::vector<std::string> all{"--parsable", "--no-requeue", "--export=ALL", "--nodes=1", "--ntasks=1"};
  all.push_back("--job-name=" + job.name);
  all.push_back("--chdir=" + job.folder.string());
  all.push_back("--output=" + without_patterns(job.log.string()));
  all.push_back("--open-mode=append");
  all.push_back(fmt::format("--cpus-per-task={}", job.cpus));
  all.push_back(fmt::format("--mem={}M", memory_mib));
  all.push_back(fmt::format("--time={}", job.time.count()));
  if (job.gpus > 0) all.push_back(fmt::format("--gres=gpu:{}", job.gpus));
  if (!job.partition.empty()) all.push_back("--partition=" + job.partition);
  if (!job.account.empty()) all.push_back("--account=" + job.account);
  all.insert(all.end(), job.options.begin(), job.options.end());
  all.push_back(script.string());
  return all;
}

std::string batch_script(const SlurmJob& job) {
  std::string text = "#!/bin/sh\nexec";
  for (const std::string& word : job.command) text += " " + quoted(word);
  return text + "\n";
}

Slurm::Slurm(const std::filesystem::path& folder)
    : sbatch_(needed(folder, "sbatch")),
      squeue_(needed(folder, "squeue")),
      scancel_(needed(folder, "scancel")),
      sacct_(program_in(folder, "sacct")) {}

std::string Slurm::version(std::chrono::seconds time_limit) const {
  const Answer queue = ask({squeue_.string(), "--noheader", "--me", "--Format=JobID"}, time_limit);
  if (!queue.well)
    throw Error(ErrorCode::unavailable, fmt::format("Slurm does not answer: {}", last_words(queue.text)));
  return last_words(ask({sbatch_.string(), "--version"}).text);
}

std::string Slurm::submit(const SlurmJob& job, const CancelToken& cancel) const {
  check(job);
  const Script script(job);
  std::vector<std::string> arguments = sbatch_arguments(job, script.path);
  arguments.insert(arguments.begin(), sbatch_.string());
  std::string text;
  ProcessOptions options;
  options.time_limit = kAnswerTime;
  options.on_line = [&](std::string_view line) {
    if (text.size() < (std::size_t{1} << 16)) text.append(line).append("\n");
  };
  const ProcessEnd end = run_process({std::move(arguments), environment_for(job)}, options, cancel);
  if (end.how == ProcessEnd::How::exited && end.status == 0) {
    for (const std::string_view line : split(text, '\n')) {  // "ID" or "ID;CLUSTER", behind what a site's plugin says
      const std::string_view id = line.substr(0, line.find(';'));
      if (parse_number<std::uint64_t>(id)) return std::string(id);
    }
  }
  const bool silence = end.how != ProcessEnd::How::exited || end.status == 0 || is_silence(text);
  throw Error(silence ? ErrorCode::unavailable : ErrorCode::bad_input,
              fmt::format("Slurm did not take the job: {}", last_words(text)));
}

std::optional<std::string> Slurm::find(const std::string& name) const {
  const Answer answer =
      ask({squeue_.string(), "--noheader", "--me", "--states=all", "--name=" + name, "--Format=JobID:30"});
  if (!answer.well) {
    throw Error(ErrorCode::unavailable, fmt::format("Slurm does not answer: {}", last_words(answer.text)));
  }
  std::uint64_t newest = 0;
  for (std::string_view line : split(answer.text, '\n')) {
    newest = std::max(newest, parse_number<std::uint64_t>(next_word(line, " ")).value_or(0));
  }
  return newest == 0 ? std::nullopt : std::optional(std::to_string(newest));
}

SlurmState Slurm::state(const std::string& id) const {
  check_id(id);
  const Answer queue = ask(
      {squeue_.string(), "--noheader", "--states=all", "--jobs=" + id, "--Format=State:30,exit_code:20,Reason:200"});
  if (queue.well) {
    if (const auto state = read_queue(queue.text)) return *state;
  } else if (!says(queue.text, "Invalid job id")) {
    return {Kind::unknown, 0, last_words(queue.text)};
  }
  if (!sacct_) return {Kind::forgotten};
  const Answer books = ask({sacct_->string(), "--noheader", "--parsable2", "--allocations", "--jobs=" + id,
                            "--format=State,ExitCode,Reason"});
  if (!books.well) {
    return says(books.text, "disabled") ? SlurmState{Kind::forgotten}
                                        : SlurmState{Kind::unknown, 0, last_words(books.text)};
  }
  return read_accounting(books.text).value_or(SlurmState{Kind::forgotten});
}

SlurmState Slurm::cancel(const std::string& id) const {
  check_id(id);
  const auto begun = std::chrono::steady_clock::now();
  auto pause = 50ms;
  while (true) {
    const Answer answer = ask({scancel_.string(), id});
    const SlurmState now = state(id);
    if (now.ended()) return now;
    if (std::chrono::steady_clock::now() - begun > kCancelTime || now.kind == Kind::unknown) {
      throw Error(ErrorCode::unavailable, fmt::format("job {} of Slurm could not be cancelled: it {} {}", id,
                                                      describe(now), last_words(answer.text)));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, 5000ms);
  }
}

SlurmState Slurm::follow(const std::string& id, const std::function<void(const SlurmState&)>& on_state,
                         const CancelToken& cancel) const {
  std::optional<SlurmState> last;
  auto pause = 250ms;
  while (true) {
    const SlurmState now = state(id);
    if (now != last && on_state) on_state(now);
    if (now.ended()) return now;
    pause = last && last->kind == now.kind ? std::min(pause * 2, 10000ms) : 250ms;
    last = now;
    for (auto waited = 0ms; waited < pause; waited += 50ms) {
      if (cancel.cancelled()) {
        this->cancel(id);
        throw Error(ErrorCode::cancelled, "stopped on request");
      }
      std::this_thread::sleep_for(50ms);
    }
  }
}

}  // namespace sagittal::hub
