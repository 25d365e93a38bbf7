#pragma once
#include <functional>
#include <string>

#include "stream/pipeline_file.h"
#include "stream/registry.h"
#include "stream/run.h"

namespace sagittal {

/// How a person follows a run.
struct StreamWatch {
  bool lines = true;  ///< a line on standard error, redrawn each second, where that is a terminal
  std::function<std::string(const stream::Statistics& before, const stream::Statistics& now)> line = {};  ///< in it
  std::function<void(stream::PipelineRun&)> look = {};  ///< called five times a second
};

struct WatchedRun {
  stream::Statistics statistics;
  stream::Outcome outcome;
};

/// Runs a pipeline until it ends or a person interrupts. To be called while this process has no other threads.
WatchedRun watch_stream(const stream::PipelineFile& pipeline, const stream::OperatorRegistry& registry,
                        const StreamWatch& watch);

/// Throws the error of a run that failed.
void check_outcome(const stream::Outcome& outcome);

/// Of an operator; an empty object where it is not there.
Json counters_of(const stream::Statistics& statistics, std::string_view op);

}  // namespace sagittal
