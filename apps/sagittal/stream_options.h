#pragma once
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "model_lookup.h"
#include "stream/library.h"
#include "stream/pipeline_file.h"

namespace sagittal {

/// What the commands of `sagittal stream` have in common.
struct StreamOptions {
  std::string pipeline;
  std::vector<std::string> settings, plugins, folders;
  std::string data_directory = default_data_directory().string();
  bool json = false;
};

/// `options` outlives the parsing.
void add_stream_folders(CLI::App& command, StreamOptions& options);
void add_stream_pipeline(CLI::App& command, StreamOptions& options);
/// --json and --plugin.
void add_stream_common(CLI::App& command, StreamOptions& options);

stream::PipelineLibrary library_of(const StreamOptions& options);
/// Whether it names a file, not a pipeline that comes with the program.
bool is_pipeline_file(const std::string& name_or_file);
/// `options.pipeline`, a file or a name, with its settings; its flows are tracked.
stream::PipelineFile load_pipeline(const StreamOptions& options);

/// For people: on standard error.
void log_stream(LogLevel level, std::string_view text);

}  // namespace sagittal
