#include "hub/runners/sandbox.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::hub {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::bad_input, "a run: " + why); }

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

/// A path inside the image: absolute, in one way.
void check_inside(const std::string& path) {
  const std::filesystem::path inside(path);
  if (has_control(path) || !inside.is_absolute() || inside != inside.lexically_normal() || path.ends_with('/')) {
    refuse(fmt::format("\"{}\" is no folder of an image", path));
  }
}

/// Bytes and entries below `folder`; links are not followed.
struct Held {
  std::uint64_t bytes = 0, entries = 0;
};
Held held_by(const std::filesystem::path& folder, std::uint64_t most_entries) {
  Held held;
  std::error_code failure;
  std::filesystem::recursive_directory_iterator at(folder, std::filesystem::directory_options::skip_permission_denied,
                                                   failure);
  for (; !failure && at != std::filesystem::recursive_directory_iterator(); at.increment(failure)) {
    if (++held.entries > most_entries) break;
    std::error_code gone;
    if (at->symlink_status(gone).type() != std::filesystem::file_type::regular) continue;
    const std::uint64_t size = at->file_size(gone);
    if (!gone) held.bytes += size;
  }
  return held;
}

}  // namespace

std::vector<std::string> thread_variables(double cpus) {
  const long threads = std::max(1L, static_cast<long>(std::floor(cpus)));
  std::vector<std::string> variables;
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"}) {
    variables.push_back(fmt::format("{}={}", name, threads));
  }
  return variables;
}

std::string Runner::digest_of(const std::string& pinned) const {
  return !pinned.starts_with('/') && pinned.find("sha256:") != std::string::npos ? pinned : "";
}

void check(const SandboxJob& job) {
  if (job.name.empty() || job.name.size() > 100 ||
      job.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos || job.name[0] == '-') {
    refuse(fmt::format("\"{}\" is no name of a run", job.name));
  }
  if (job.image.empty() || job.image[0] == '-' || has_control(job.image)) refuse("there is no such image");
  for (const Mount& mount : job.mounts) {
    check_inside(mount.inside);
    if (!mount.host.is_absolute() || has_control(mount.host.string()) || !std::filesystem::is_directory(mount.host)) {
      refuse(fmt::format("{} is no folder of this machine", mount.host.string()));
    }
  }
  for (const std::string& folder : job.scratch) check_inside(folder);
  if (!job.folder.empty()) check_inside(job.folder);
  for (const std::string& variable : job.environment) {
    if (variable.find('=') == std::string::npos || variable[0] == '=' || variable.find('\0') != std::string::npos) {
      refuse("a variable is NAME=value");
    }
  }
  for (const int gpu : job.gpus) {
    if (gpu < 0 || gpu > 255) refuse("a GPU has a number from 0 on");
  }
  const Limits& limits = job.limits;
  if (limits.memory_bytes < (1 << 20) || !(limits.cpus > 0) || limits.processes < 1)
    refuse("limits must leave something");
}

std::string excess_of(const SandboxJob& job) {
  constexpr std::uint64_t kMaxEntries = 200'000;
  constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{256} << 20;
  for (const Mount& mount : job.mounts) {
    if (!mount.writable) continue;
    const Held held = held_by(mount.host, kMaxEntries);
    if (held.bytes > job.limits.output_bytes) {
      return fmt::format("it wrote more than {}", size_text(job.limits.output_bytes));
    }
    if (held.entries > kMaxEntries) return fmt::format("it made more than {} files", kMaxEntries);
    std::error_code unknown;
    const auto space = std::filesystem::space(mount.host, unknown);  // deleted files that are still open count here
    if (!unknown && space.available < kLeastFreeBytes) return "the disk is nearly full";
  }
  return {};
}

std::string describe(const RunEnd& end, const Limits& limits) {
  switch (end.how) {
    case RunEnd::How::out_of_memory:
      return fmt::format("needed more than the {} of memory that it may have", size_text(limits.memory_bytes));
    case RunEnd::How::timed_out:
      return fmt::format("was not done within {} minutes",
                         std::chrono::duration_cast<std::chrono::minutes>(limits.time).count());
    case RunEnd::How::too_much_output:
      return fmt::format("wrote more than the {} that it may", size_text(limits.output_bytes));
    case RunEnd::How::exited:
      break;
  }
  constexpr int killed = 128 + 9;  // engines do not always tell why
  if (end.status == killed) return "was killed; too little memory is a frequent reason";
  return end.status == 0 ? "ended well" : fmt::format("ended with status {}", end.status);
}

}  // namespace sagittal::hub
