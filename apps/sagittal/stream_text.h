#pragma once
#include <string>

#include "stream/registry.h"
#include "stream/statistics.h"

namespace sagittal {

/// How a run went, for people: operators with their times, flows with what was dropped, paths with their latency.
std::string stream_text(const stream::Statistics& statistics);

/// One line of a run that goes on: "12 s  camera 60.0/s  bone 59.8/s 4.1 ms  dropped 3". Rates since `before`.
std::string stream_line(const stream::Statistics& before, const stream::Statistics& now);

/// A type with its ports and parameters.
std::string operator_text(const stream::OperatorType& type);

}  // namespace sagittal
