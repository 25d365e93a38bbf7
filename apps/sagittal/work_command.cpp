#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "base/error.h"
#include "commands.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/process_work.h"
#include "limit_watch.h"
#include "model_lookup.h"
#include "model_work.h"
#include "network_options.h"
#include "stop_on_signal.h"
#include "store/folder_lock.h"

namespace sagittal::commands {
namespace {

struct Arguments {
  std::string folder;
  std::string data_directory = default_data_directory().string();
  int parent = 0;  ///< its process; 0: it lives on without one
  nn::DeviceChoice device;
  bool background = false;
  bool relay = false;  ///< progress and log go to standard output
};

/// Waits until no other process works in the folder: one whose parent died may still be on its way out.
std::unique_ptr<durable::FolderLock> enter(const std::filesystem::path& folder, const CancelToken& cancel) {
  while (true) {
    try {
      return std::make_unique<durable::FolderLock>(folder / "work");
    } catch (const Error& error) {
      if (error.code() != ErrorCode::conflict) throw;
    }
    RunControl{{}, cancel}.check();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void die_with(int parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) throw Error(ErrorCode::cancelled, "the process that wanted this is gone");
}

/// Progress and log lines for the parent, in one piece each.
class Voice {
 public:
  void say(const std::string& line) {
    const std::lock_guard lock(mutex_);
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }
  void say(const Progress& progress) {
    const std::string line = hub::progress_line(progress);
    if (line == last_) return;
    last_ = line;
    say(line);
  }

 private:
  std::mutex mutex_;
  std::string last_;
};

/// Ends this process, wherever its work is, with a record that says why.
[[noreturn]] void end_process(const std::filesystem::path& folder, const Error& error) {
  hub::WorkEnd end;
  end.error = error;
  try {
    hub::write_end(folder, end);
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

hub::WorkEnd do_work(const Arguments& arguments, const std::filesystem::path& folder, hub::RunLog& log,
                     const RunControl& control) {
  hub::WorkEnd end;
  try {
    const hub::JobRequest request = hub::read_request(folder);
    // Strangers' programs are limited by what runs them.
    std::optional<LimitWatch> watch;
    if (request.source == "local")
      watch.emplace(request.limits, [&folder](const Error& error) { end_process(folder, error); });
    const auto expect = [&](std::uint64_t bytes) {
      if (watch) watch->expect(bytes);
    };
    end.report = ModelWork(arguments.data_directory, expect, arguments.device).run(request, folder, log, control);
  } catch (const Error& error) {
    // Who stopped it says what becomes of the job.
    if (error.code() == ErrorCode::cancelled) throw;
    end.error = error;
  } catch (const std::bad_alloc&) {
    end.error = Error(ErrorCode::too_large, "the system has no more memory for it");
  } catch (const std::exception& error) {
    end.error = Error(ErrorCode::internal, error.what());
  }
  return end;
}

void work(const Arguments& arguments) {
  const StopOnSignal stop;
  if (arguments.parent > 0) die_with(arguments.parent);
  if (arguments.background) static_cast<void>(::setpriority(PRIO_PROCESS, 0, 10));
  const std::filesystem::path folder = std::filesystem::absolute(arguments.folder);
  const auto lock = enter(folder, stop.token());
  std::filesystem::remove(folder / "record.json");
  Voice voice;
  hub::RunLog log = arguments.parent > 0 ? hub::RunLog([&](std::string_view line) { voice.say(hub::log_line(line)); })
                                         : hub::RunLog(folder / "log.txt", std::uint64_t{16} << 20);
  RunControl control{{}, stop.token()};
  if (arguments.relay) control.sink = [&](const Progress& progress) { voice.say(progress); };
  const hub::WorkEnd end = do_work(arguments, folder, log, control);
  log.finish();
  hub::write_end(folder, end);
}

}  // namespace

void add_hub_work(CLI::App& hub) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = hub.add_subcommand("work", "Do what a job's folder asks for");
  command->group("");
  command->add_option("folder", arguments->folder)->required();
  command->add_option("--data-dir", arguments->data_directory);
  command->add_option("--parent", arguments->parent);
  add_device_option(*command, arguments->device);
  command->add_flag("--background", arguments->background);
  command->add_flag("--relay", arguments->relay);
  command->callback([arguments] { work(*arguments); });
}

}  // namespace sagittal::commands
