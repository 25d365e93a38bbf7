#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"

namespace sagittal::hub {

/// A program and what it is given. No shell is between: an argument is an argument, whatever it holds.
struct Command {
  std::vector<std::string> arguments;                   ///< the first is a path, or a name looked up in PATH
  std::optional<std::vector<std::string>> environment;  ///< "NAME=value", all of it; nothing: the one of this process
};

struct ProcessOptions {
  std::chrono::milliseconds time_limit{0};  ///< 0: none
  std::chrono::milliseconds grace{3000};    ///< between the request to end and the kill
  /// Each line of both streams, plain text without colours and control characters, from the calling thread.
  std::function<void(std::string_view line)> on_line = {};
  /// Called about ten times a second; a text that is not empty ends the process and is the reason given.
  std::function<std::string()> on_tick = {};
};

struct ProcessEnd {
  enum class How { exited, killed, timed_out, stopped };
  How how = How::exited;
  int status = 0;      ///< of `exited`: the exit status; of `killed`: the signal
  std::string reason;  ///< of `stopped`: what `on_tick` said
};

/// Runs `command` in a session of its own, without standard input and without open files of ours, until it and all of
/// its group are gone. Error(cancelled) once `cancel` was called, Error(not_found) where there is no such program,
/// Error(io) where the system refuses. Any thread.
ProcessEnd run_process(const Command& command, const ProcessOptions& options, const CancelToken& cancel);

/// What a short command printed; Error(unavailable) with its last lines where it fails or takes longer than the limit.
std::string output_of(const Command& command, std::chrono::milliseconds time_limit, const CancelToken& cancel);

/// What a program says of its version with --version: "0.8.0" of "bubblewrap 0.8.0". Error(unavailable) where it does
/// not answer within five seconds.
std::string version_of(const std::filesystem::path& program);

/// The first executable of that name in the folders of PATH.
std::optional<std::filesystem::path> find_program(const std::string& name);

}  // namespace sagittal::hub
