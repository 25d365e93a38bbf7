#include "stream/graph.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stream/names.h"

namespace sagittal::stream {
namespace {

void check_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= 64 && name.find_first_not_of(kNameCharacters) == std::string::npos;
  if (!plain) {
    throw Error(ErrorCode::bad_input,
                fmt::format("an operator's name is \"{}\", expected 1 to 64 letters, digits, \"_\" and \"-\"",
                            name.substr(0, 80)));
  }
}

void set_parameters(const Setup& setup, const Json& parameters) {
  if (!parameters.is_object()) throw Error(ErrorCode::bad_input, "its parameters are no table");
  for (const auto& [key, value] : parameters.items()) {
    ParameterBase* const parameter = setup.find_parameter(key);
    if (parameter == nullptr) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("it has no parameter \"{}\"{}", key, there_are_of(setup.parameters(), key)));
    }
    parameter->set(value);
  }
}

InputPort& input_of(const Graph::Node& node, const std::string& name) {
  for (InputPort* port : node.setup.inputs()) {
    if (port->name() == name) return *port;
  }
  throw Error(ErrorCode::bad_input,
              fmt::format("it has no input \"{}\"{}", name, there_are_of(node.setup.inputs(), name)));
}

void set_inputs(Graph::Node& node, const NodeOptions& options) {
  for (const InputOptions& wanted : options.inputs) {
    InputPort& port = input_of(node, wanted.name);
    if (wanted.messages) port.needs(*wanted.messages, wanted.count);
    if (wanted.after) port.or_after(*wanted.after);
    if (wanted.optional) port.optional();
  }
  for (const std::vector<std::string>& names : options.any_of) {
    std::vector<const InputPort*> ports;
    for (const std::string& name : names) ports.push_back(&input_of(node, name));
    node.setup.any_of(std::move(ports));
  }
}

struct Address {
  std::size_t node, port;
};

/// "operator.port" among `ports(node)`.
template <class Ports>
Address find_port(const std::vector<Graph::Node>& nodes, std::string_view address, std::string_view what, Ports ports) {
  const std::size_t dot = address.find('.');
  const std::string_view name = address.substr(0, dot);
  const auto node =
      std::find_if(nodes.begin(), nodes.end(), [&](const Graph::Node& known) { return known.name == name; });
  if (node == nodes.end()) {
    throw Error(ErrorCode::bad_input, fmt::format("there is no operator \"{}\"{}", name, there_are_of(nodes, name)));
  }
  const auto& all = ports(*node);
  const auto found = dot == std::string_view::npos ? (all.size() == 1 ? all.begin() : all.end())
                                                   : std::find_if(all.begin(), all.end(), [&](const auto* port) {
                                                       return port->name() == address.substr(dot + 1);
                                                     });
  if (found == all.end()) {
    throw Error(ErrorCode::bad_input,
                fmt::format("\"{}\" names no {} of \"{}\"{}", address, what, name,
                            there_are_of(all, dot == std::string_view::npos ? "" : address.substr(dot + 1))));
  }
  return {static_cast<std::size_t>(node - nodes.begin()), static_cast<std::size_t>(found - all.begin())};
}

}  // namespace

void Graph::add(std::string name, std::unique_ptr<Operator> op, const Json& parameters, const NodeOptions& options,
                std::string type) {
  check_name(name);
  const bool there = std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.name == name; });
  if (there) throw Error(ErrorCode::bad_input, fmt::format("there are two operators \"{}\"", name));
  if (nodes_.size() == kMaxNodes) {
    throw Error(ErrorCode::too_large, fmt::format("a pipeline has at most {} operators", kMaxNodes));
  }
  Node node{std::move(name), std::move(type), std::move(op), {}, {}, options.on_error};
  try {
    node.op->setup(node.setup);
    set_parameters(node.setup, parameters.is_null() ? Json::object() : parameters);
    set_inputs(node, options);
  } catch (Error& error) {
    throw error.within(fmt::format("operator \"{}\"", node.name));
  }
  node.conditions = node.setup.conditions();
  if (options.periodic) node.conditions.periodic = options.periodic;
  if (options.count) node.conditions.count = options.count;
  if (options.enabled) node.conditions.enabled = *options.enabled;
  nodes_.push_back(std::move(node));
}

void Graph::connect(std::string_view from, std::string_view to, const FlowOptions& options) {
  const auto source = find_port(
      nodes_, from, "output", [](const Node& node) -> const auto& { return node.setup.outputs(); });
  const auto sink = find_port(
      nodes_, to, "input", [](const Node& node) -> const auto& { return node.setup.inputs(); });
  const OutputPort& output = *nodes_[source.node].setup.outputs()[source.port];
  const InputPort& input = *nodes_[sink.node].setup.inputs()[sink.port];
  // What is like its inputs is looked at once all are joined.
  const bool fits = output.type() == input.type() || input.type() == value_type<Any>() || !output.like().empty();
  if (!fits) {
    throw Error(ErrorCode::bad_input,
                fmt::format("\"{}\" sends {}, \"{}\" takes {}", from, output.type().name, to, input.type().name));
  }
  const bool there = std::any_of(flows_.begin(), flows_.end(), [&](const Flow& flow) {
    return flow.from_node == source.node && flow.from_port == source.port && flow.to_node == sink.node &&
           flow.to_port == sink.port;
  });
  if (there) throw Error(ErrorCode::bad_input, fmt::format("the flow {} -> {} is there twice", from, to));
  if (flows_.size() == kMaxFlows) {
    throw Error(ErrorCode::too_large, fmt::format("a pipeline has at most {} flows", kMaxFlows));
  }
  QueueOptions queue = input.queue().value_or(QueueOptions{});
  if (!input.queue() && output.is_live()) queue.when_full = WhenFull::keep_latest;
  queue.capacity = options.capacity.value_or(std::max(queue.capacity, input.needed()));
  queue.when_full = options.when_full.value_or(queue.when_full);
  if (queue.capacity < input.needed() && input.count() == InputPort::Count::each) {
    throw Error(ErrorCode::bad_input, fmt::format("{} -> {}: the queue holds {} messages, \"{}\" waits for {}", from,
                                                  to, queue.capacity, to, input.needed()));
  }
  const Queue valid(queue);
  flows_.push_back({source.node, source.port, sink.node, sink.port, queue, output.type()});
}

/// What flows out of outputs that are like their inputs: nothing is known at first, then one type, then more than one,
/// which is any. Flows may go round in circles.
void Graph::settle_types() {
  const auto output_of = [this](const Flow& flow) -> const OutputPort& {
    return *nodes_[flow.from_node].setup.outputs()[flow.from_port];
  };
  constexpr std::string_view kUnknown = "";
  for (Flow& flow : flows_) {
    if (!output_of(flow).like().empty()) flow.type.name = kUnknown;
  }
  const auto type_into = [&](const Flow& through) {
    ValueType found{nullptr, kUnknown};
    for (const Flow& flow : flows_) {
      const auto& like = output_of(through).like();
      const InputPort* into = nodes_[flow.to_node].setup.inputs()[flow.to_port];
      const bool counts = flow.to_node == through.from_node && std::find(like.begin(), like.end(), into) != like.end();
      if (!counts || flow.type.name == kUnknown) continue;
      if (found.name == kUnknown) found = flow.type;
      if (!(found == flow.type)) return value_type<Any>();
    }
    return found;
  };
  for (bool changed = true; std::exchange(changed, false);) {
    for (Flow& flow : flows_) {
      if (output_of(flow).like().empty()) continue;
      const ValueType found = type_into(flow);
      if (found.name == kUnknown || found.name == flow.type.name) continue;
      flow.type = found;
      changed = true;
    }
  }
  for (Flow& flow : flows_) {
    if (flow.type.name == kUnknown) flow.type = value_type<Any>();
    const ValueType& taken = nodes_[flow.to_node].setup.inputs()[flow.to_port]->type();
    if (taken == flow.type || taken == value_type<Any>()) continue;
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: {} flows through, {} is taken", describe(flow), flow.type.name, taken.name));
  }
}

void Graph::check() {
  if (nodes_.empty()) throw Error(ErrorCode::bad_input, "the pipeline has no operator");
  std::vector<std::string> missing;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const auto& inputs = nodes_[n].setup.inputs();
    for (std::size_t p = 0; p < inputs.size(); ++p) {
      const bool has_flow = std::any_of(flows_.begin(), flows_.end(),
                                        [&](const Flow& flow) { return flow.to_node == n && flow.to_port == p; });
      if (!has_flow && !inputs[p]->is_optional()) missing.push_back(nodes_[n].name + "." + inputs[p]->name());
    }
  }
  if (!missing.empty()) {
    throw Error(ErrorCode::bad_input, fmt::format("nothing flows into {}", fmt::join(missing, ", ")));
  }
  settle_types();
}

std::string Graph::describe(const Flow& flow) const {
  const Node& from = nodes_[flow.from_node];
  const Node& to = nodes_[flow.to_node];
  return fmt::format("{}.{} -> {}.{}", from.name, from.setup.outputs()[flow.from_port]->name(), to.name,
                     to.setup.inputs()[flow.to_port]->name());
}

}  // namespace sagittal::stream
