#pragma once
#include <chrono>

#include "base/json.h"

namespace sagittal::commands {

/// What a pipeline adds to the work of its operators: ten of them in a row that do nothing but pass a number on, as
/// fast as they can and 1,000 times a second, by one thread and by two. For each: `us_per_operator` (flat out: time
/// over messages and operators; paced: p50 and p99 of the way, over the number of flows). `time` is for each of the
/// four.
Json bench_graph(std::chrono::seconds time);

}  // namespace sagittal::commands
