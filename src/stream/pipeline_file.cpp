#include "stream/pipeline_file.h"

#include <algorithm>
#include <initializer_list>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/yaml.h"
#include "stream/json_text.h"
#include "stream/names.h"
#include "stream/setting.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr double kMaxMilliseconds = 1e12;

[[noreturn]] void refuse(std::string_view where, std::string_view expected, const Json& found) {
  throw Error(ErrorCode::bad_input,
              fmt::format("{} is {}, expected {}", where, json_text(found).substr(0, 100), expected));
}

/// `table` with no keys but these.
void check_keys(const Json& table, std::string_view where, std::initializer_list<std::string_view> known) {
  if (!table.is_object()) refuse(where, "a table", table);
  for (const auto& [key, value] : table.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{} has a key \"{}\", expected: {}", where, key, fmt::join(known, ", ")));
    }
  }
}

std::chrono::nanoseconds milliseconds(const Json& table, const char* key, std::string_view where) {
  const auto value = json_get<double>(table, key, where);
  if (!(value >= 0 && value <= kMaxMilliseconds)) refuse(fmt::format("{}.{}", where, key), "milliseconds", value);
  return std::chrono::nanoseconds(static_cast<std::int64_t>(value * 1e6));
}

void read_scheduler(const Json& table, RunOptions& run) {
  constexpr std::string_view where = "scheduler";
  check_keys(table, where, {"threads", "max_duration_ms", "stop_on_deadlock", "stop_on_deadlock_timeout_ms", "clock"});
  run.threads = json_get_or<int>(table, "threads", where, run.threads);
  if (run.threads < 1 || run.threads > 64) refuse("scheduler.threads", "1 to 64", run.threads);
  if (table.contains("max_duration_ms")) run.max_duration = milliseconds(table, "max_duration_ms", where);
  run.stop_on_deadlock = json_get_or<bool>(table, "stop_on_deadlock", where, run.stop_on_deadlock);
  if (table.contains("stop_on_deadlock_timeout_ms")) {
    run.deadlock_timeout = milliseconds(table, "stop_on_deadlock_timeout_ms", where);
  }
  const auto clock = json_get_or<std::string>(table, "clock", where, "real");
  if (clock != "real" && clock != "jumping") refuse("scheduler.clock", "real or jumping", clock);
  run.clock = clock == "real" ? Clock::Kind::real : Clock::Kind::jumping;
}

void read_tracking(const Json& table, RunOptions& run, const std::filesystem::path& folder) {
  constexpr std::string_view where = "tracking";
  check_keys(table, where, {"log", "skip_first", "drop_last", "threshold_ms"});
  FlowTrackerOptions options;
  if (const auto log = json_get_or<std::string>(table, "log", where, ""); !log.empty()) options.log = folder / log;
  options.skip_first = json_get_or<std::uint32_t>(table, "skip_first", where, 10);
  options.drop_last = std::min(json_get_or<std::uint32_t>(table, "drop_last", where, 10), 100'000u);
  if (table.contains("threshold_ms")) options.threshold_ns = milliseconds(table, "threshold_ms", where).count();
  run.track_flows = options;
}

/// A number is hertz' inverse only with its unit: text, or nanoseconds as a whole number.
std::chrono::nanoseconds read_period(const Json& value, std::string_view where) {
  if (value.is_number_unsigned()) return period_from(std::to_string(value.get<std::uint64_t>()));
  if (!value.is_string()) refuse(where, "a period as \"30 hz\"", value);
  return period_from(value.get<std::string>());
}

InputOptions read_input(const std::string& name, const Json& table, const std::string& where) {
  check_keys(table, where, {"messages", "of_each", "after", "optional"});
  InputOptions input{name};
  if (table.contains("messages")) {
    input.messages = json_get<std::uint32_t>(table, "messages", where);
    if (*input.messages < 1 || *input.messages > QueueOptions::kMaxCapacity) {
      refuse(where + ".messages", fmt::format("1 to {}", QueueOptions::kMaxCapacity), table["messages"]);
    }
  }
  if (json_get_or<bool>(table, "of_each", where, false)) input.count = InputPort::Count::each;
  if (table.contains("after")) input.after = read_period(table["after"], where + ".after");
  input.optional = json_get_or<bool>(table, "optional", where, false);
  return input;
}

void read_conditions(const Json& table, NodeOptions& options, const std::string& where) {
  check_keys(table, where, {"periodic", "count", "enabled", "inputs", "any_of"});
  if (const auto inputs = table.find("inputs"); inputs != table.end()) {
    if (!inputs->is_object()) refuse(where + ".inputs", "a table of inputs", *inputs);
    options.inputs.clear();
    for (const auto& [name, input] : inputs->items()) {
      options.inputs.push_back(read_input(name, input, fmt::format("{}.inputs.{}", where, name)));
    }
  }
  if (table.contains("any_of")) {
    if (!table["any_of"].is_array()) refuse(where + ".any_of", "a list of lists of inputs", table["any_of"]);
    options.any_of = json_get<std::vector<std::vector<std::string>>>(table, "any_of", where);
  }
  if (const auto periodic = table.find("periodic"); periodic != table.end()) {
    Periodic timer;
    if (periodic->is_object()) {
      check_keys(*periodic, where + ".periodic", {"period", "policy"});
      timer.period = read_period(periodic->value("period", Json()), where + ".periodic.period");
      timer.policy = policy_from(json_get_or<std::string>(*periodic, "policy", where, "catch_up"));
    } else {
      timer.period = read_period(*periodic, where + ".periodic");
    }
    options.periodic = timer;
  }
  if (table.contains("count")) options.count = json_get<std::uint64_t>(table, "count", where);
  if (table.contains("enabled")) options.enabled = json_get<bool>(table, "enabled", where);
}

PipelineFile::Part::StandIn read_stand_in(const Json& table, const std::string& where) {
  if (!table.is_object()) refuse(where, "a table", table);
  PipelineFile::Part::StandIn stand_in{json_get<std::string>(table, "type", where), table};
  stand_in.parameters.erase("type");
  return stand_in;
}

void read_setting(PipelineFile::Part& part, const std::string& key, const Json& value, const std::string& where) {
  if (key == "conditions") {
    read_conditions(value, part.options, where + ".conditions");
  } else if (key == "on_error") {
    if (value != "stop" && value != "skip") refuse(where + ".on_error", "stop or skip", value);
    part.options.on_error = value == "skip" ? OnError::skip : OnError::stop;
  } else if (key == "stand_in") {
    part.stand_in = read_stand_in(value, where + ".stand_in");
  } else {
    part.parameters[key] = value;
  }
}

PipelineFile::Part read_part(const std::string& name, const Json& table) {
  const std::string where = "operators." + name;
  if (!table.is_object()) refuse(where, "a table", table);
  PipelineFile::Part part{name, json_get<std::string>(table, "type", where)};
  for (const auto& [key, value] : table.items()) {
    if (key != "type") read_setting(part, key, value, where);
  }
  return part;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

PipelineFile::Flow read_flow(const Json& flow) {
  if (flow.is_string()) {
    const auto text = flow.get<std::string>();
    const std::size_t arrow = text.find("->");
    if (arrow == std::string::npos) refuse("a flow", "\"operator.output -> operator.input\"", flow);
    return {trimmed(std::string_view(text).substr(0, arrow)), trimmed(std::string_view(text).substr(arrow + 2))};
  }
  check_keys(flow, "a flow", {"from", "to", "capacity", "when_full"});
  PipelineFile::Flow read{json_get<std::string>(flow, "from", "a flow"), json_get<std::string>(flow, "to", "a flow")};
  if (flow.contains("capacity")) read.options.capacity = json_get<std::uint32_t>(flow, "capacity", "a flow");
  if (flow.contains("when_full"))
    read.options.when_full = when_full_from(json_get<std::string>(flow, "when_full", "a flow"));
  return read;
}

PipelineFile read_tree(const Json& tree, const std::filesystem::path& folder) {
  check_keys(tree, "the pipeline",
             {"pipeline", "title", "description", "assets", "scheduler", "tracking", "operators", "flows"});
  if (tree.value("pipeline", Json()) != 1)
    refuse("\"pipeline\"", "the format's version, 1", tree.value("pipeline", Json()));
  PipelineFile pipeline;
  pipeline.folder = folder;
  pipeline.title = json_get_or<std::string>(tree, "title", "the pipeline", "");
  pipeline.description = json_get_or<std::string>(tree, "description", "the pipeline", "");
  if (tree.contains("scheduler")) read_scheduler(tree["scheduler"], pipeline.run);
  if (tree.contains("tracking")) read_tracking(tree["tracking"], pipeline.run, folder);
  if (tree.contains("assets")) pipeline.assets = parse_assets(tree["assets"]);
  const Json operators = tree.value("operators", Json());
  if (!operators.is_object() || operators.size() > Graph::kMaxNodes) {
    refuse("\"operators\"", fmt::format("a table of 1 to {} operators", Graph::kMaxNodes), operators.type_name());
  }
  for (const auto& [name, table] : operators.items()) pipeline.operators.push_back(read_part(name, table));
  const Json flows = tree.value("flows", Json::array());
  if (!flows.is_array() || flows.size() > Graph::kMaxFlows) {
    refuse("\"flows\"", fmt::format("a list of at most {} flows", Graph::kMaxFlows), flows.type_name());
  }
  for (const Json& flow : flows) pipeline.flows.push_back(read_flow(flow));
  return pipeline;
}

PipelineFile parse(std::string_view text, std::string_view what, const std::filesystem::path& folder) {
  try {
    return read_tree(parse_yaml(text, what, YamlScalars::typed), folder);
  } catch (Error& error) {
    throw error.within(what);
  }
}

/// "conditions.count" and 3 as {"conditions": {"count": 3}}.
Json nested(std::string_view key, const Json& value) {
  const std::size_t dot = key.find('.');
  if (dot == std::string_view::npos) return {{std::string(key), value}};
  return {{std::string(key.substr(0, dot)), nested(key.substr(dot + 1), value)}};
}

/// Paths of the file start from its folder.
Json resolved(const PipelineFile& pipeline, const PipelineFile::Part& part, Operator& op) {
  Setup setup;
  op.setup(setup);
  Json parameters = part.parameters;
  for (const ParameterBase* parameter : setup.parameters()) {
    const auto value = parameters.find(parameter->name());
    const bool overridden =
        std::find(part.overridden.begin(), part.overridden.end(), parameter->name()) != part.overridden.end();
    if (!parameter->is_path() || overridden || value == parameters.end() || !value->is_string()) continue;
    const std::filesystem::path path(value->get<std::string>());
    if (!path.empty() && path.is_relative()) *value = (pipeline.folder / path).string();
  }
  return parameters;
}

}  // namespace

PipelineFile parse_pipeline(std::string_view text, std::string_view what) { return parse(text, what, {}); }

PipelineFile read_pipeline(const std::filesystem::path& file) {
  const Bytes bytes = read_file(file, kMaxFileBytes);
  return parse(as_text(bytes), file.string(), file.parent_path());
}

void override_setting(PipelineFile& pipeline, std::string_view setting) {
  try {
    const auto [part, key, value] = parse_setting(setting);
    const Json table = nested(key, value);
    if (part == "scheduler") return read_scheduler(table, pipeline.run);
    if (part == "tracking") return read_tracking(table, pipeline.run, {});
    const auto found = std::find_if(pipeline.operators.begin(), pipeline.operators.end(),
                                    [&name = part](const PipelineFile::Part& known) { return known.name == name; });
    if (found == pipeline.operators.end()) {
      throw Error(ErrorCode::wrong_usage, fmt::format("\"{}\": there is no operator \"{}\"{}", setting, part,
                                                      there_are_of(pipeline.operators, part)));
    }
    for (const auto& [name, given] : table.items()) {
      read_setting(*found, name, given, part);
      found->overridden.push_back(name);
    }
  } catch (const Error& error) {
    throw Error(ErrorCode::wrong_usage, error.what());
  }
}

Graph build(const PipelineFile& pipeline, const OperatorRegistry& registry) {
  Graph graph;
  for (const PipelineFile::Part& part : pipeline.operators) {
    try {
      const Json parameters = resolved(pipeline, part, *registry.make(part.type));
      graph.add(part.name, registry.make(part.type), parameters, part.options, part.type);
    } catch (Error& error) {
      throw error.within(fmt::format("operators.{}", part.name));
    }
  }
  for (const PipelineFile::Flow& flow : pipeline.flows) {
    graph.connect(flow.from, flow.to, flow.options);
  }
  graph.check();
  return graph;
}

Json describe(const Graph& graph, const OperatorRegistry& registry) {
  Json operators = Json::array(), flows = Json::array();
  for (const Graph::Node& node : graph.nodes()) {
    Json described = node.setup.describe();
    described["name"] = node.name;
    described["type"] = node.type;
    described["description"] = registry.find(node.type).description;
    described["enabled"] = node.conditions.enabled;
    operators.push_back(std::move(described));
  }
  for (const Graph::Flow& flow : graph.flows()) flows.push_back(graph.describe(flow));
  return {{"operators", std::move(operators)}, {"flows", std::move(flows)}};
}

}  // namespace sagittal::stream
