#pragma once
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "base/log.h"

namespace sagittal {

inline void log_to_stderr(LogLevel, std::string_view message) { fmt::print(stderr, "sagittal: {}\n", message); }

}  // namespace sagittal
