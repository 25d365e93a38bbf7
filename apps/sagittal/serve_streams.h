#pragma once
#include "serve_options.h"
#include "server/api/stream_routes.h"
#include "stream_operators.h"

namespace sagittal {

/// What a server needs to run pipelines; `events` outlives it.
class ServeStreams {
 public:
  ServeStreams(const ServeOptions& options, server::Events& events, const LogSink& log)
      : library_(pipeline_directories(folder_of(options), options.pipelines), assets_directory(folder_of(options))),
        registry_(stream_operators(options.plugins)),
        running_(library_, registry_, options.max_streams, log),
        events_(events) {}

  const server::StreamServices& services() const { return services_; }
  std::size_t running() const { return running_.running(); }
  stream::RunningPipelines& pipelines() { return running_; }

 private:
  static const std::string& folder_of(const ServeOptions& options) {
    return options.streams_directory.empty() ? options.model.data_directory : options.streams_directory;
  }

  const stream::PipelineLibrary library_;
  const stream::OperatorRegistry registry_;
  stream::RunningPipelines running_;
  server::StreamEvents events_;
  const server::StreamServices services_{running_, events_};
};

}  // namespace sagittal
