#pragma once
#include <functional>
#include <string>

#include "serve_options.h"
#include "stream/running.h"

namespace sagittal::commands {

/// Called once the server answers, with its address as a browser takes it.
using WhenReady = std::function<void(const std::string& address, stream::RunningPipelines& pipelines)>;

/// Serves until SIGINT or SIGTERM.
void serve(const ServeOptions& options, const WhenReady& ready = {});

}  // namespace sagittal::commands
