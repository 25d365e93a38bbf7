#pragma once
#include <functional>
#include <string_view>

namespace sagittal {

enum class LogLevel { debug, info, warning, error };

/// Where a library's messages go: handed down by the program, never global. May be called from any thread.
using LogSink = std::function<void(LogLevel, std::string_view)>;

}  // namespace sagittal
