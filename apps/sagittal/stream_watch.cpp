#include "stream_watch.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "stop_on_signal.h"
#include "stream_options.h"
#include "stream_text.h"

namespace sagittal {
namespace {

constexpr std::chrono::milliseconds kLook{200};
constexpr int kLooksPerLine = 5;

}  // namespace

WatchedRun watch_stream(const stream::PipelineFile& pipeline, const stream::OperatorRegistry& registry,
                        const StreamWatch& watch) {
  const StopOnSignal stop;
  stream::RunOptions options = pipeline.run;
  options.log = log_stream;
  stream::PipelineRun running(stream::build(pipeline, registry), options);
  const bool lines = watch.lines && ::isatty(STDERR_FILENO) != 0;
  stream::Statistics before = running.statistics();
  const stream::Outcome* outcome = nullptr;
  for (int look = 1; outcome == nullptr; ++look) {
    outcome = running.wait_for(kLook);
    if (stop.token().cancelled()) running.stop("interrupted");
    if (watch.look && outcome == nullptr) watch.look(running);
    if (!lines || look % kLooksPerLine != 0) continue;
    const stream::Statistics now = running.statistics();
    fmt::print(stderr, "\r\x1b[K{}", watch.line ? watch.line(before, now) : stream_line(before, now));
    before = now;
  }
  if (lines) fmt::print(stderr, "\r\x1b[K");
  return {running.statistics(), *outcome};
}

void check_outcome(const stream::Outcome& outcome) {
  if (outcome.ending == stream::Ending::failed) throw *outcome.error;
  if (outcome.ending == stream::Ending::deadlock) throw Error(ErrorCode::bad_input, "deadlock: " + outcome.why);
}

Json counters_of(const stream::Statistics& statistics, std::string_view op) {
  for (const auto& known : statistics.operators) {
    if (known.name == op) return known.counters;
  }
  return Json::object();
}

}  // namespace sagittal
