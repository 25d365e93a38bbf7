#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "commands.h"
#include "stream/json_text.h"
#include "stream_assets.h"
#include "stream_operators.h"
#include "stream_options.h"
#include "stream_watch.h"

namespace sagittal::commands {
namespace {

namespace fs = std::filesystem;

struct RecordOptions : StreamOptions {
  std::string out, device;
  std::vector<std::string> ports;
  double seconds = 0;
  std::int64_t frames = 0;
  bool overwrite = false, quiet = false;
};

struct Address {
  std::string host;
  int port;
};

/// "localhost:18944", "[::1]:18944"; none for what is the name of a pipeline.
std::optional<Address> address_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || text.find('/') != std::string::npos) return std::nullopt;
  int port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data() + colon + 1, end, port);
  if (failure != std::errc() || stop != end || port < 1 || port > 65535) {
    throw Error(ErrorCode::wrong_usage, fmt::format("\"{}\": expected host:port with a port from 1 to 65535", text));
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return Address{std::move(host), port};
}

/// An output that can be recorded.
struct Source {
  std::string port;  ///< "bone.out"
  std::string type;  ///< of its values
};

const stream::OutputPort& output_of(const stream::Graph& graph, const stream::Graph::Flow& flow) {
  return *graph.nodes()[flow.from_node].setup.outputs()[flow.from_port];
}

/// Of ports that carry any type, the flow knows which.
Source source_of(const stream::Graph& graph, const stream::Graph::Flow& flow) {
  return {graph.nodes()[flow.from_node].name + "." + output_of(graph, flow).name(), std::string(flow.type.name)};
}

bool sends(const stream::Graph& graph, std::size_t node) {
  return std::any_of(graph.flows().begin(), graph.flows().end(),
                     [node](const auto& flow) { return flow.from_node == node; });
}

/// What goes into operators that send nothing on: the results of a pipeline.
std::vector<Source> ends_of(const stream::Graph& graph) {
  std::vector<Source> ends;
  for (const auto& flow : graph.flows()) {
    if (sends(graph, flow.to_node)) continue;
    Source source = source_of(graph, flow);
    const auto same = [&](const Source& known) { return known.port == source.port; };
    if (std::none_of(ends.begin(), ends.end(), same)) ends.push_back(std::move(source));
  }
  return ends;
}

/// "bone" or "bone.out" of a pipeline.
Source chosen(const stream::Graph& graph, const std::string& name) {
  const std::string op = name.substr(0, name.find('.'));
  std::vector<std::string> there;
  for (const auto& node : graph.nodes()) {
    for (const stream::OutputPort* port : node.setup.outputs()) {
      const std::string whole = node.name + "." + port->name();
      if (whole == name || (name == op && node.name == op && node.setup.outputs().size() == 1)) {
        const auto& flows = graph.flows();
        const auto same = [&](const auto& flow) { return &output_of(graph, flow) == port; };
        const auto flow = std::find_if(flows.begin(), flows.end(), same);
        return {whole, std::string(flow == flows.end() ? port->type().name : flow->type.name)};
      }
      there.push_back(whole);
    }
  }
  throw Error(ErrorCode::wrong_usage, fmt::format("--port {}: there are {}", name, fmt::join(there, ", ")));
}

/// Adds what records; "recorder", "recorder2", … are its operators.
class Recording {
 public:
  Recording(stream::PipelineFile& pipeline, const RecordOptions& options) : pipeline_(pipeline), options_(options) {}

  void to_sequence(const std::vector<Source>& sources) {
    if (fs::exists(options_.out) && !options_.overwrite) {
      throw Error(ErrorCode::conflict,
                  fmt::format("{} is there already; --overwrite replaces it once the new one is whole", options_.out));
    }
    const std::vector<std::string> frames = ports_of(sources, "frame");
    if (frames.size() != 1) {
      throw Error(ErrorCode::wrong_usage,
                  fmt::format("a sequence file holds the images of one port: choose one with --port ({})",
                              frames.empty() ? "there is none" : fmt::format("{}", fmt::join(frames, ", "))));
    }
    add("sequence_writer", {{"file", fs::absolute(options_.out).string()}, {"one_device", true}});
    flow(frames[0], names_.back() + ".frame");
    for (const std::string& port : ports_of(sources, "transform")) flow(port, names_.back() + ".transform");
  }

  void to_folder(const std::vector<Source>& sources) {
    std::vector<std::string> ports = ports_of(sources, "frame");
    for (const std::string& port : ports_of(sources, "tensor")) ports.push_back(port);
    if (ports.empty()) throw Error(ErrorCode::wrong_usage, "none of these ports has images or numbers");
    for (const std::string& port : ports) {
      const std::string name = ports.size() == 1 ? "recording" : port.substr(0, port.find('.'));
      add("recorder",
          {{"directory", fs::absolute(options_.out).string()}, {"basename", name}, {"overwrite", options_.overwrite}});
      flow(port, names_.back());
    }
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  static std::vector<std::string> ports_of(const std::vector<Source>& sources, std::string_view type) {
    std::vector<std::string> ports;
    for (const Source& source : sources) {
      if (source.type == type) ports.push_back(source.port);
    }
    return ports;
  }
  void add(const std::string& type, Json parameters) {
    parameters["most"] = options_.frames;
    names_.push_back(names_.empty() ? "recorder" : fmt::format("recorder{}", names_.size() + 1));
    pipeline_.operators.push_back({names_.back(), type, std::move(parameters)});
  }
  void flow(const std::string& from, const std::string& to) { pipeline_.flows.push_back({from, to, {.capacity = 64}}); }

  stream::PipelineFile& pipeline_;
  const RecordOptions& options_;
  std::vector<std::string> names_;
};

/// What comes from a server as a pipeline.
std::vector<Source> add_client(stream::PipelineFile& pipeline, const Address& address, const RecordOptions& options) {
  const Json client{
      {"role", "client"}, {"host", address.host}, {"port", address.port}, {"share", "server"}, {"waiting", 256}};
  Json images = client;
  images["device"] = options.device;
  pipeline.operators.push_back({"images", "igtl_input", std::move(images)});
  pipeline.operators.push_back({"poses", "igtl_input", client});
  return {{"images.frame", "frame"}, {"poses.transform", "transform"}};
}

/// A folder where the name has no ending.
bool is_sequence(const std::string& out) {
  const std::string ending = lower_case(fs::path(out).extension().string());
  if (ending.empty() || fs::is_directory(out)) return false;
  if (ending == ".mha") return true;
  throw Error(ErrorCode::wrong_usage,
              fmt::format("--output {}: expected NAME.igs.mha, or a folder for Holoscan's format", out));
}

std::uint64_t recorded(const stream::Statistics& statistics, const std::vector<std::string>& recorders) {
  std::uint64_t sum = 0;
  for (const std::string& name : recorders) {
    const Json counters = counters_of(statistics, name);
    sum += counters.value("frames", std::uint64_t{0}) + counters.value("messages", std::uint64_t{0});
  }
  return sum;
}

std::uint64_t dropped(const stream::Statistics& statistics) {
  std::uint64_t sum = 0;
  for (const auto& flow : statistics.flows) {
    if (flow.flow.find("-> recorder") != std::string::npos) sum += flow.counters.dropped;
  }
  return sum;
}

std::string line_of(const stream::Statistics& now, const std::vector<std::string>& recorders) {
  return fmt::format("{:.0f} s  {} recorded, {} dropped", std::chrono::duration<double>(now.elapsed).count(),
                     recorded(now, recorders), dropped(now));
}

void record(const RecordOptions& options) {
  const stream::OperatorRegistry registry = stream_operators(options.plugins);
  const auto address = address_of(options.pipeline);
  stream::PipelineFile pipeline;
  std::vector<Source> sources;
  if (address) {
    if (!options.ports.empty()) throw Error(ErrorCode::wrong_usage, "--port is for pipelines, --device for servers");
    sources = add_client(pipeline, *address, options);
  } else {
    if (!options.device.empty()) throw Error(ErrorCode::wrong_usage, "--device is for servers, --port for pipelines");
    pipeline = load_pipeline(options);
    settle(pipeline, options);
    const stream::Graph graph = stream::build(pipeline, registry);
    if (options.ports.empty()) sources = ends_of(graph);
    for (const std::string& port : options.ports) sources.push_back(chosen(graph, port));
  }
  Recording recording(pipeline, options);
  is_sequence(options.out) ? recording.to_sequence(sources) : recording.to_folder(sources);
  if (options.seconds > 0) {
    pipeline.run.max_duration = std::chrono::nanoseconds(static_cast<std::int64_t>(options.seconds * 1e9));
  }
  if (!options.quiet) {
    fmt::print(stderr, "sagittal: recording {} to {}{}\n", options.pipeline, options.out,
               options.seconds > 0 || options.frames > 0 ? "" : "; Ctrl-C ends it");
  }
  StreamWatch watch{.lines = !options.quiet && !options.json,
                    .line = [&](const auto&, const auto& now) { return line_of(now, recording.names()); },
                    .look = {}};
  if (options.frames > 0) {
    watch.look = [&, all = static_cast<std::uint64_t>(options.frames) * recording.names().size()](auto& run) {
      if (recorded(run.statistics(), recording.names()) >= all) run.stop("recorded");
    };
  }
  const auto [statistics, outcome] = watch_stream(pipeline, registry, watch);
  check_outcome(outcome);
  const std::uint64_t count = recorded(statistics, recording.names());
  if (count == 0) {
    throw Error(ErrorCode::unavailable, fmt::format("no image came from {}: nothing was recorded", options.pipeline));
  }
  if (options.json) {
    fmt::print("{}\n", stream::json_text({{"output", options.out},
                                          {"recorded", count},
                                          {"dropped", dropped(statistics)},
                                          {"run", stream::to_json(statistics)}}));
  } else if (!options.quiet) {
    fmt::print("{}: {}\n", options.out, line_of(statistics, recording.names()));
  }
}

}  // namespace

void add_stream_record(CLI::App& stream) {
  const auto options = std::make_shared<RecordOptions>();
  auto* command = stream.add_subcommand("record", "Record what a server sends or a pipeline makes");
  command
      ->add_option("source", options->pipeline,
                   "host:port of an OpenIGTLink server (Plus, 3D Slicer), or a pipeline: FILE.yaml or its name")
      ->required();
  command
      ->add_option("-o,--output", options->out,
                   "NAME.igs.mha as Plus writes it, or a folder in Holoscan's format, which has no transforms")
      ->type_name("FILE|FOLDER")
      ->required();
  command
      ->add_option("--port", options->ports,
                   "operator.output of the pipeline, several times for a folder; default: what its last operators get")
      ->allow_extra_args(false);
  command->add_option("--device", options->device,
                      "Name of the server's images; default: all into a folder, those that come first into a file");
  command->add_option("--seconds", options->seconds, "End after this time")->check(CLI::Range(0.001, 1e9));
  command->add_option("--frames", options->frames, "End after so many images of each port")
      ->check(CLI::Range(1, 1 << 20));
  command->add_flag("--overwrite", options->overwrite, "Replace a recording that is there");
  command->add_option("--set", options->settings, "operator.parameter=value of the pipeline")
      ->type_name("SETTING")
      ->allow_extra_args(false);
  add_stream_folders(*command, *options);
  add_stream_common(*command, *options);
  command->add_flag("--quiet", options->quiet, "No words");
  command->callback([options] { record(*options); });
}

}  // namespace sagittal::commands
