#include "stream_options.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "stream_operators.h"

namespace sagittal {

void add_stream_folders(CLI::App& command, StreamOptions& options) {
  command.add_option("--pipelines", options.folders, "A folder with pipelines of your own")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command
      .add_option("--data-dir", options.data_directory, "Where your own pipelines are kept, and what they have fetched")
      ->type_name("DIR");
}

void add_stream_pipeline(CLI::App& command, StreamOptions& options) {
  command.add_option("pipeline", options.pipeline, "FILE.yaml, or a name of `sagittal stream list`")->required();
  command.add_option("--set", options.settings, "operator.parameter=value, as in the file")
      ->type_name("SETTING")
      ->allow_extra_args(false);
}

void add_stream_common(CLI::App& command, StreamOptions& options) {
  command.add_option("--plugin", options.plugins, "A shared library with more operators")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_flag("--json", options.json, "One JSON object on standard output");
}

stream::PipelineLibrary library_of(const StreamOptions& options) {
  return stream::PipelineLibrary(pipeline_directories(options.data_directory, options.folders),
                                 assets_directory(options.data_directory));
}

bool is_pipeline_file(const std::string& name_or_file) {
  const std::filesystem::path path(name_or_file);
  return path.has_parent_path() || path.has_extension();
}

stream::PipelineFile load_pipeline(const StreamOptions& options) {
  stream::PipelineFile pipeline = is_pipeline_file(options.pipeline) ? stream::read_pipeline(options.pipeline)
                                                                     : library_of(options).read(options.pipeline);
  for (const std::string& setting : options.settings) stream::override_setting(pipeline, setting);
  if (!pipeline.run.track_flows) pipeline.run.track_flows = stream::FlowTrackerOptions{};
  return pipeline;
}

void log_stream(LogLevel level, std::string_view text) {
  if (level == LogLevel::debug) return;
  fmt::print(stderr, "{}sagittal: {}\n", ::isatty(STDERR_FILENO) == 0 ? "" : "\r\x1b[K", text);
}

}  // namespace sagittal
