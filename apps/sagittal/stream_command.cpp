#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "commands.h"
#include "stream/json_text.h"
#include "stream_assets.h"
#include "stream_operators.h"
#include "stream_options.h"
#include "stream_text.h"
#include "stream_watch.h"

namespace sagittal::commands {
namespace {

struct Options : StreamOptions {
  std::string flow_log;
  double seconds = 0;
  int threads = 0;
  bool quiet = false;
};

stream::PipelineFile load(const Options& options) {
  stream::PipelineFile pipeline = load_pipeline(options);
  if (options.threads > 0) pipeline.run.threads = options.threads;
  if (options.seconds > 0) {
    pipeline.run.max_duration = std::chrono::nanoseconds(static_cast<std::int64_t>(options.seconds * 1e9));
  }
  if (!options.flow_log.empty()) pipeline.run.track_flows->log = options.flow_log;
  return pipeline;
}

void run(const Options& options) {
  const stream::OperatorRegistry registry = stream_operators(options.plugins);
  stream::PipelineFile pipeline = load(options);
  offer_assets(pipeline, options);
  settle(pipeline, options);
  const auto [statistics, outcome] =
      watch_stream(pipeline, registry, {.lines = !options.quiet && !options.json, .line = {}, .look = {}});
  if (options.json) {
    fmt::print("{}\n", stream::json_text(stream::to_json(statistics)));
  } else if (!options.quiet) {
    fmt::print("{}", stream_text(statistics));
  }
  check_outcome(outcome);
}

void check(const Options& options) {
  const stream::OperatorRegistry registry = stream_operators(options.plugins);
  stream::PipelineFile pipeline = load(options);
  settle(pipeline, options);
  const stream::Graph graph = stream::build(pipeline, registry);
  if (options.json) {
    Json all = stream::describe(graph, registry);
    all["title"] = pipeline.title;
    fmt::print("{}\n", stream::json_text(all));
    return;
  }
  fmt::print("{}\n", pipeline.title.empty() ? options.pipeline : pipeline.title);
  for (const auto& node : graph.nodes()) fmt::print("  {}", node_text(node));
  for (const auto& flow : graph.flows()) {
    fmt::print("  {}, queue of {}, {} when full\n", graph.describe(flow), flow.queue.capacity,
               stream::name_of(flow.queue.when_full));
  }
}

void list(const Options& options) {
  const stream::PipelineLibrary library = library_of(options);
  const auto entries = library.list();
  if (options.json) {
    const stream::OperatorRegistry registry = stream_operators(options.plugins);
    Json all = Json::array();
    for (const auto& entry : entries) {
      all.push_back(stream::describe(entry, registry, library.assets()));
      all.back()["assets"] = assets_json(entry.file.assets, library.assets());
    }
    fmt::print("{}\n", stream::json_text({{"pipelines", all}}));
    return;
  }
  for (const auto& entry : entries) {
    fmt::print("{:<24} {}{}\n", entry.name, entry.problem.empty() ? entry.title : entry.problem,
               assets_text(entry.name, entry.file.assets, library.assets()));
  }
}

void operators(const Options& options) {
  const stream::OperatorRegistry registry = stream_operators(options.plugins);
  if (options.json) {
    Json all = Json::array();
    for (const auto& type : registry.types()) all.push_back(stream::describe(type));
    Json commands = Json::array();
    for (const auto& command : stream::control_commands()) commands.push_back(stream::to_json(command));
    fmt::print("{}\n", stream::json_text({{"operators", all}, {"control_commands", commands}}));
    return;
  }
  for (const auto& type : registry.types()) fmt::print("{}\n", operator_text(type));
}

void add_common(CLI::App& command, Options& options) {
  add_stream_folders(command, options);
  add_stream_common(command, options);
}

}  // namespace

void add_stream(CLI::App& app) {
  auto* stream = app.add_subcommand("stream", "Live pipelines between devices, Plus, Holoscan and 3D Slicer");
  stream->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  auto* run_command = stream->add_subcommand("run", "Run a pipeline until it ends or you do");
  add_stream_pipeline(*run_command, *options);
  add_common(*run_command, *options);
  run_command->add_option("--seconds", options->seconds, "End after this time")->check(CLI::Range(0.001, 1e9));
  run_command->add_option("--threads", options->threads, "Operators side by side; default: as the file says")
      ->check(CLI::Range(1, 64));
  run_command->add_option("--flow-log", options->flow_log, "One line for each message, as Holoscan's tools read it")
      ->type_name("FILE");
  run_command->add_flag("--quiet", options->quiet, "No statistics");
  run_command->callback([options] { run(*options); });
  auto* check_command = stream->add_subcommand("check", "Say whether a pipeline can be run, and what it is");
  add_stream_pipeline(*check_command, *options);
  add_common(*check_command, *options);
  check_command->callback([options] { check(*options); });
  auto* list_command = stream->add_subcommand("list", "The pipelines there are");
  add_common(*list_command, *options);
  list_command->callback([options] { list(*options); });
  auto* operators_command = stream->add_subcommand("operators", "The types of operators, ports and parameters");
  add_common(*operators_command, *options);
  operators_command->callback([options] { operators(*options); });
  add_stream_record(*stream);
  add_stream_play(*stream);
  add_stream_fetch(*stream);
  add_stream_view(*stream);
}

}  // namespace sagittal::commands
