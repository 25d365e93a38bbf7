#include "hub/jobs/slurm_work.h"

#include <chrono>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/jobs/job_folder.h"
#include "hub/jobs/process_work.h"
#include "hub/runners/plain_lines.h"
#include "hub/runners/slurm.h"

namespace sagittal::hub {
namespace {

constexpr std::chrono::seconds kPeriod{1};

/// What the node has printed since the last look.
class Tail {
 public:
  Tail(std::filesystem::path file, PlainLines::Sink sink) : file_(std::move(file)), lines_(std::move(sink)) {}

  void look() {
    std::ifstream in(file_, std::ios::binary);
    if (!in.seekg(at_)) return;
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    at_ += static_cast<std::streamoff>(text.size());
    lines_.add(text);
  }
  void finish() {
    look();
    lines_.finish();
  }

 private:
  const std::filesystem::path file_;
  PlainLines lines_;
  std::streamoff at_ = 0;
};

SlurmJob slurm_job(const JobRequest& request, const std::filesystem::path& folder, std::vector<std::string> command) {
  SlurmJob job;
  job.name = "sagittal-" + folder.filename().string();
  command.push_back(folder.string());
  job.command = std::move(command);
  job.folder = folder;
  job.log = folder / "slurm.log";
  job.memory_bytes = request.limits.memory_bytes;
  job.cpus = std::max(1, static_cast<int>(std::ceil(request.limits.cpus)));
  job.gpus = static_cast<int>(request.gpus.size());
  job.time = std::max(std::chrono::minutes(1), std::chrono::ceil<std::chrono::minutes>(request.limits.time));
  return job;
}

/// The record comes over a network file system, a moment after the job's end.
std::optional<WorkEnd> wait_for_end(const std::filesystem::path& folder) {
  for (int look = 0; look < 100; ++look) {
    if (auto end = read_end(folder)) return end;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return std::nullopt;
}

}  // namespace

WorkReport SlurmWork::run(const JobRequest& request, const std::filesystem::path& folder, RunLog& log,
                          const RunControl& control) const {
  const Slurm slurm;
  const SlurmJob job = slurm_job(request, folder, command_);
  control.report("sending to the cluster", 0);
  std::optional<std::string> id = slurm.find(job.name);
  if (!id) id = slurm.submit(job, control.cancel);
  log.add(fmt::format("job {} of Slurm", *id));
  Tail tail(job.log, [&](std::string_view line) { hear_work(line, log, control); });
  SlurmState state;
  while (true) {
    state = slurm.state(*id);
    tail.look();
    if (state.ended()) break;
    if (state.kind == SlurmState::Kind::pending) control.report(fmt::format("waiting: {}", describe(state)), 0);
    if (leaving_.cancelled()) throw Error(ErrorCode::cancelled, "left to the cluster");
    if (control.cancel.cancelled()) {
      slurm.cancel(*id);
      throw Error(ErrorCode::cancelled, "stopped on request");
    }
    std::this_thread::sleep_for(kPeriod);
  }
  tail.finish();
  const auto end = wait_for_end(folder);
  if (!end) throw Error(ErrorCode::unavailable, fmt::format("job {} of Slurm {}", *id, describe(state)));
  if (end->error) throw Error(*end->error);
  return end->report;
}

}  // namespace sagittal::hub
