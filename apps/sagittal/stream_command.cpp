#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "commands.h"
#include "model_lookup.h"
#include "stop_on_signal.h"
#include "stream/json_text.h"
#include "stream/library.h"
#include "stream/pipeline_file.h"
#include "stream/run.h"
#include "stream_operators.h"
#include "stream_text.h"

namespace sagittal::commands {
namespace {

constexpr std::chrono::milliseconds kLook{200};
constexpr int kLooksPerLine = 5;

struct Options {
  std::string pipeline;
  std::vector<std::string> settings, plugins, folders;
  std::string data_directory = default_data_directory().string();
  std::string flow_log;
  double seconds = 0;
  int threads = 0;
  bool json = false, quiet = false;
};

stream::PipelineLibrary library_of(const Options& options) {
  return stream::PipelineLibrary(pipeline_directories(options.data_directory, options.folders));
}

/// A file, or the name of a pipeline that comes with the program.
stream::PipelineFile load(const Options& options) {
  const std::filesystem::path path(options.pipeline);
  const bool is_file = path.has_parent_path() || path.has_extension();
  stream::PipelineFile pipeline = is_file ? stream::read_pipeline(path) : library_of(options).read(options.pipeline);
  for (const std::string& setting : options.settings) stream::override_setting(pipeline, setting);
  if (options.threads > 0) pipeline.run.threads = options.threads;
  if (options.seconds > 0) {
    pipeline.run.max_duration = std::chrono::nanoseconds(static_cast<std::int64_t>(options.seconds * 1e9));
  }
  if (!options.flow_log.empty()) {
    if (!pipeline.run.track_flows) pipeline.run.track_flows = stream::FlowTrackerOptions{};
    pipeline.run.track_flows->log = options.flow_log;
  }
  if (!pipeline.run.track_flows) pipeline.run.track_flows = stream::FlowTrackerOptions{};
  return pipeline;
}

void say(LogLevel level, std::string_view text) {
  if (level == LogLevel::debug) return;
  fmt::print(stderr, "sagittal: {}\n", text);
}

void run(const Options& options) {
  const StopOnSignal stop;
  const stream::OperatorRegistry registry = stream_operators(options.plugins);
  stream::PipelineFile pipeline = load(options);
  pipeline.run.log = say;
  stream::PipelineRun running(stream::build(pipeline, registry), pipeline.run);
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const bool lines = terminal && !options.quiet && !options.json;
  stream::Statistics before = running.statistics();
  const stream::Outcome* outcome = nullptr;
  for (int look = 1; outcome == nullptr; ++look) {
    outcome = running.wait_for(kLook);
    if (stop.token().cancelled()) running.stop("interrupted");
    if (!lines || look % kLooksPerLine != 0) continue;
    const stream::Statistics now = running.statistics();
    fmt::print(stderr, "\r\x1b[K{}", stream_line(before, now));
    before = now;
  }
  if (lines) fmt::print(stderr, "\r\x1b[K");
  const stream::Statistics statistics = running.statistics();
  if (options.json) {
    fmt::print("{}\n", stream::json_text(stream::to_json(statistics)));
  } else if (!options.quiet) {
    fmt::print("{}", stream_text(statistics));
  }
  if (outcome->ending == stream::Ending::failed) throw *outcome->error;
  if (outcome->ending == stream::Ending::deadlock) throw Error(ErrorCode::bad_input, "deadlock: " + outcome->why);
}

void check(const Options& options) {
  const stream::OperatorRegistry registry = stream_operators(options.plugins);
  const stream::PipelineFile pipeline = load(options);
  const stream::Graph graph = stream::build(pipeline, registry);
  if (options.json) {
    Json operators = Json::array(), flows = Json::array();
    for (const auto& node : graph.nodes()) operators.push_back({{"name", node.name}, {"type", node.type}});
    for (const auto& flow : graph.flows()) flows.push_back(graph.describe(flow));
    fmt::print("{}\n", stream::json_text({{"title", pipeline.title}, {"operators", operators}, {"flows", flows}}));
    return;
  }
  fmt::print("{}\n", pipeline.title.empty() ? options.pipeline : pipeline.title);
  for (const auto& node : graph.nodes()) fmt::print("  {} ({})\n", node.name, node.type);
  for (const auto& flow : graph.flows()) {
    fmt::print("  {}, queue of {}, {} when full\n", graph.describe(flow), flow.queue.capacity,
               stream::name_of(flow.queue.when_full));
  }
}

void list(const Options& options) {
  const auto entries = library_of(options).list();
  if (options.json) {
    Json all = Json::array();
    for (const auto& entry : entries) {
      all.push_back({{"name", entry.name}, {"title", entry.title}, {"description", entry.description}});
    }
    fmt::print("{}\n", stream::json_text({{"pipelines", all}}));
    return;
  }
  for (const auto& entry : entries) {
    fmt::print("{:<24} {}\n", entry.name, entry.problem.empty() ? entry.title : entry.problem);
  }
}

void operators(const Options& options) {
  const stream::OperatorRegistry registry = stream_operators(options.plugins);
  if (options.json) {
    Json all = Json::array();
    for (const auto& type : registry.types()) all.push_back(stream::describe(type));
    fmt::print("{}\n", stream::json_text({{"operators", all}}));
    return;
  }
  for (const auto& type : registry.types()) fmt::print("{}\n", operator_text(type));
}

void add_common(CLI::App& command, Options& options) {
  command.add_option("--plugin", options.plugins, "A shared library with more operators")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--pipelines", options.folders, "A folder with pipelines of your own")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command.add_option("--data-dir", options.data_directory, "Where your own pipelines are kept")->type_name("DIR");
  command.add_flag("--json", options.json, "One JSON object on standard output");
}

void add_pipeline(CLI::App& command, Options& options) {
  command.add_option("pipeline", options.pipeline, "FILE.yaml, or a name of `sagittal stream list`")->required();
  command.add_option("--set", options.settings, "operator.parameter=value, as in the file")
      ->type_name("SETTING")
      ->allow_extra_args(false);
}

}  // namespace

void add_stream(CLI::App& app) {
  auto* stream = app.add_subcommand("stream", "Live pipelines between devices, Plus, Holoscan and 3D Slicer");
  stream->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  auto* run_command = stream->add_subcommand("run", "Run a pipeline until it ends or you do");
  add_pipeline(*run_command, *options);
  add_common(*run_command, *options);
  run_command->add_option("--seconds", options->seconds, "End after this time")->check(CLI::Range(0.001, 1e9));
  run_command->add_option("--threads", options->threads, "Operators side by side; default: as the file says")
      ->check(CLI::Range(1, 64));
  run_command->add_option("--flow-log", options->flow_log, "One line for each message, as Holoscan's tools read it")
      ->type_name("FILE");
  run_command->add_flag("--quiet", options->quiet, "No statistics");
  run_command->callback([options] { run(*options); });
  auto* check_command = stream->add_subcommand("check", "Say whether a pipeline can be run, and what it is");
  add_pipeline(*check_command, *options);
  add_common(*check_command, *options);
  check_command->callback([options] { check(*options); });
  auto* list_command = stream->add_subcommand("list", "The pipelines there are");
  add_common(*list_command, *options);
  list_command->callback([options] { list(*options); });
  auto* operators_command = stream->add_subcommand("operators", "The types of operators, ports and parameters");
  add_common(*operators_command, *options);
  operators_command->callback([options] { operators(*options); });
}

}  // namespace sagittal::commands
