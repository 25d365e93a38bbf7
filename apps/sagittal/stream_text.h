#pragma once
#include <string>

#include "stream/graph.h"
#include "stream/registry.h"
#include "stream/statistics.h"

namespace sagittal {

/// How a run went, for people: operators with their times, flows with what was dropped, paths with their latency.
std::string stream_text(const stream::Statistics& statistics);

/// One line of a run that goes on: "12 s  camera 60.0/s  bone 59.8/s 4.1 ms  dropped 3". Rates since `before`.
std::string stream_line(const stream::Statistics& before, const stream::Statistics& now);

/// An operator of a pipeline with the settings that are not its type's own, and the commands it knows; lines.
std::string node_text(const stream::Graph::Node& node);

/// A type with its ports, parameters and commands.
std::string operator_text(const stream::OperatorType& type);

}  // namespace sagittal
