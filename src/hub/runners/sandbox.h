#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "hub/runners/run_log.h"

namespace sagittal::hub {

/// A folder of the host that a stranger's program may see.
struct Mount {
  std::filesystem::path host;
  std::string inside;
  bool writable = false;
};

struct Limits {
  std::uint64_t memory_bytes = std::uint64_t{8} << 30;
  std::uint64_t shared_memory_bytes = std::uint64_t{1} << 30;
  std::uint64_t scratch_bytes = std::uint64_t{8} << 30;  ///< of each folder of `SandboxJob::scratch`, in memory
  std::uint64_t output_bytes = std::uint64_t{16} << 30;  ///< of each writable mount
  double cpus = 1;
  int processes = 512;
  std::chrono::milliseconds time{std::chrono::hours(2)};
};

/// How much of the image may be written. A model that does not bear the first is run with the second, and people are
/// told.
enum class Hardening {
  read_only,       ///< the image cannot be written, only its scratch folders
  writable_layer,  ///< what it writes goes into a layer that is thrown away
};

/// One run of a stranger's program, from read-only folders to a writable one. In either hardening it has no network,
/// no rights, no file of the host but its mounts, and dies as a whole.
struct SandboxJob {
  std::string name;   ///< [a-z0-9-]+, unlike that of any other run on this machine
  std::string image;  ///< a reference, best with a digest; for bubblewrap a folder
  std::vector<std::string> arguments =
      {};  ///< behind the image's entry point; bubblewrap has none, so the program first
  std::vector<Mount> mounts = {};
  std::vector<std::string> scratch = {"/tmp"};  ///< empty, writable, forgotten
  std::vector<std::string> environment = {};    ///< "NAME=value"
  std::string folder = {};                      ///< where it starts; empty: the image's own
  std::vector<int> gpus = {};                   ///< numbers as nvidia-smi gives them
  Limits limits = {};
  Hardening hardening = Hardening::read_only;
};

/// How a run ended. None of this says that it was of use: that is in what it wrote.
struct RunEnd {
  enum class How { exited, out_of_memory, timed_out, too_much_output };
  How how = How::exited;
  int status = 0;                       ///< of `exited`: 0 to 255, 128 + n for signal n
  std::vector<std::string> notes = {};  ///< what could not be limited here, for people
};

/// For people: "ended with status 3", "needed more than 8 GiB of memory".
std::string describe(const RunEnd& end, const Limits& limits);

/// Something that runs strangers' programs. Any thread; several runs at once.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual std::string_view name() const = 0;
  /// Of the program that runs them, as it says itself: "4.3.1". Error(unavailable) where it does not answer within five
  /// seconds.
  virtual std::string version() const = 0;

  /// Gets `image` where it is not here and answers a reference that always means the same bytes. Error(unavailable).
  virtual std::string pin(const std::string& image, const RunControl& control) const = 0;
  /// By what bytes an answer of `pin` is known, with "sha256:" in it; empty for a folder, which may be changed.
  virtual std::string digest_of(const std::string& pinned) const;

  /// Returns once nothing of the run is left. Error(cancelled) once `control.cancel` was called; Error(unavailable)
  /// where the engine, not the program, failed; Error(bad_input) for a job that cannot be run as described.
  virtual RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const = 0;
};

/// "NAME=value" for the threads of numerical libraries: they ask how many cores the host has, not how many they may
/// use.
std::vector<std::string> thread_variables(double cpus);

/// Error(bad_input) for a name, path or number that no runner should be given.
void check(const SandboxJob& job);

/// Empty while each writable mount holds at most its limit; else why the run must end.
std::string excess_of(const SandboxJob& job);

}  // namespace sagittal::hub
