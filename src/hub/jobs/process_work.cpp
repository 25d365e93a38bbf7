#include "hub/jobs/process_work.h"

#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "hub/jobs/job_folder.h"
#include "hub/runners/process.h"

namespace sagittal::hub {
namespace {

/// "= 250 running tiles" (thousandths), "| a line of the log".
constexpr std::string_view kProgress = "= ", kLog = "| ";
constexpr std::size_t kMostStage = 100;

Error error_of(const ProcessEnd& end, const RunLog& log) {
  if (end.how == ProcessEnd::How::killed && end.status == SIGKILL)
    return {ErrorCode::unavailable, "the process that ran it was killed; too little memory is a frequent reason"};
  const std::string how =
      end.how == ProcessEnd::How::killed ? fmt::format("signal {}", end.status) : fmt::format("status {}", end.status);
  return {ErrorCode::internal,
          fmt::format("the process that ran it ended with {} and left no record: {}", how, log.tail(3))};
}

}  // namespace

std::string progress_line(const Progress& progress) {
  return fmt::format("{}{:.0f} {}\n", kProgress, progress.fraction * 1000, progress.stage);
}

std::string log_line(std::string_view text) { return fmt::format("{}{}\n", kLog, text); }

void hear_work(std::string_view line, RunLog& log, const RunControl& control) {
  if (line.starts_with(kLog)) {
    log.add(line.substr(kLog.size()));
    return;
  }
  if (!line.starts_with(kProgress)) {
    log.add(line);
    return;
  }
  line.remove_prefix(kProgress.size());
  const std::size_t blank = std::min(line.find(' '), line.size());
  const auto permille = parse_number<int>(line.substr(0, blank));
  if (!permille || blank == line.size()) return;
  control.report(line.substr(blank + 1, kMostStage), *permille / 1000.0);
}

WorkReport ProcessWork::run(const JobRequest&, const std::filesystem::path& folder, RunLog& log,
                            const RunControl& control) const {
  Command command{command_, std::nullopt};
  command.arguments.push_back(folder.string());
  ProcessOptions options;
  options.grace = std::chrono::seconds(30);
  options.on_line = [&](std::string_view line) { hear_work(line, log, control); };
  const ProcessEnd end = run_process(command, options, control.cancel);
  const auto record = read_end(folder);
  if (!record) throw error_of(end, log);
  if (record->error) throw Error(*record->error);
  return record->report;
}

}  // namespace sagittal::hub
