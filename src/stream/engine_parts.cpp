#include <algorithm>

#include <fmt/format.h>

#include "stream/engine.h"

namespace sagittal::stream {
namespace {

/// Whether one can go from `from` to `to` along the flows, with at least one step.
bool reaches(const Graph& graph, std::size_t from, std::size_t to) {
  std::vector<bool> seen(graph.nodes().size());
  std::vector<std::size_t> open{from};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const Graph::Flow& flow : graph.flows()) {
      if (flow.from_node != at) continue;
      if (flow.to_node == to) return true;
      if (!seen[flow.to_node]) open.push_back(flow.to_node);
      seen[flow.to_node] = true;
    }
  }
  return false;
}

/// Whether a message was at `node` on its way to `hop`.
bool passed(const Hop& hop, std::size_t node) {
  return hop.node == node ||
         std::any_of(hop.from.begin(), hop.from.end(), [&](const auto& before) { return passed(*before, node); });
}

/// Each node before those that it sends to, where there is no circle.
std::vector<std::size_t> sources_first(const Graph& graph) {
  const std::size_t count = graph.nodes().size();
  std::vector<std::size_t> order;
  std::vector<bool> placed(count);
  while (order.size() < count) {
    const auto is_free = [&](std::size_t node) {
      return std::none_of(graph.flows().begin(), graph.flows().end(), [&](const Graph::Flow& flow) {
        return flow.to_node == node && flow.from_node != node && !placed[flow.from_node];
      });
    };
    std::size_t next = count;
    for (std::size_t node = 0; node < count && next == count; ++node) {
      if (!placed[node] && is_free(node)) next = node;
    }
    for (std::size_t node = 0; node < count && next == count; ++node) {
      if (!placed[node]) next = node;  // in a circle: as they were added
    }
    placed[next] = true;
    order.push_back(next);
  }
  return order;
}

}  // namespace

void Engine::bind() {
  order_ = sources_first(graph_);
  for (std::size_t n = 0; n < graph_.nodes_.size(); ++n) {
    Graph::Node& part = graph_.nodes_[n];
    auto node = std::make_unique<Node>(*this, n, part);
    const auto place = [&](auto& ports) {
      for (std::size_t p = 0; p < ports.size(); ++p) ports[p]->place_ = {this, n, p};
    };
    place(part.setup.inputs());
    place(part.setup.outputs());
    part.op->context_ = node.get();
    node->in.resize(part.setup.inputs().size());
    node->turn.resize(part.setup.inputs().size());
    node->out.resize(part.setup.outputs().size());
    node->enabled = part.conditions.enabled;
    if (part.conditions.periodic) node->beat.emplace(*part.conditions.periodic);
    for (const ParameterBase* parameter : part.setup.parameters()) {
      node->parameters[parameter->name()] = parameter->value();
    }
    nodes_.push_back(std::move(node));
  }
  for (std::size_t f = 0; f < graph_.flows().size(); ++f) {
    const Graph::Flow& flow = graph_.flows()[f];
    queues_.emplace_back(flow.queue);
    nodes_[flow.from_node]->out[flow.from_port].push_back(f);
    nodes_[flow.to_node]->in[flow.to_port].push_back(f);
  }
  if (options_.keep_latest) latest_.resize(queues_.size());
  for (const auto& node : nodes_) {
    node->in_circle = reaches(graph_, node->index, node->index);
    node->is_end = std::all_of(node->out.begin(), node->out.end(), [](const auto& port) { return port.empty(); });
  }
}

void Engine::start_all() {
  for (const std::size_t n : order_) {
    Node& node = *nodes_[n];
    try {
      node.part.op->start();
      node.started = true;
      node.counters = node.part.op->counters();
      node.counted = clock_.now();
    } catch (Error& error) {
      stop_all();
      throw error.within(fmt::format("operator \"{}\"", node.part.name));
    } catch (...) {
      stop_all();
      throw;
    }
  }
  for (const auto& node : nodes_) {
    if (AsyncEvent* event = node->part.setup.event()) {
      const std::lock_guard lock(event->state_->mutex);
      event->state_->engine = this;
      event->state_->node = node->index;
    }
  }
}

/// Those that run no more, in the other order. Called once, without the mutex.
void Engine::stop_all() {
  for (auto n = order_.rbegin(); n != order_.rend(); ++n) {
    Node& node = *nodes_[*n];
    if (AsyncEvent* event = node.part.setup.event()) {
      const std::lock_guard lock(event->state_->mutex);
      event->state_->engine = nullptr;
    }
    if (!node.started || node.state == Node::State::done) continue;
    node.stop_operator();
    const std::lock_guard lock(mutex_);
    node.close("the pipeline has ended");
  }
}

std::optional<Message> Engine::take(InputPort& port) {
  Node& node = *nodes_[port.place().node];
  const auto& queues = node.in[port.place().port];
  std::size_t& turn = node.turn[port.place().port];
  std::optional<Message> message;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t tried = 0; tried < queues.size() && !message; ++tried) {
      const std::size_t q = queues[turn++ % queues.size()];
      message = queues_[q].pop();
      if (message) consider(graph_.flows()[q].from_node);
    }
  }
  if (message && message->hop) node.taken.push_back(message->hop);
  return message;
}

std::size_t Engine::waiting(const InputPort& port) const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const std::size_t q : nodes_[port.place().node]->in[port.place().port]) sum += queues_[q].size();
  return sum;
}

bool Engine::connected(const OutputPort& port) const {
  return !nodes_[port.place().node]->out[port.place().port].empty();
}

void Engine::send(OutputPort& port, Message message) {
  Node& node = *nodes_[port.place().node];
  const auto& queues = node.out[port.place().port];
  if (tracker_) {
    auto hop = std::make_shared<Hop>();
    hop->node = static_cast<std::uint32_t>(node.index);
    hop->received = node.received;
    hop->published = clock_.utc_now();
    for (const auto& before : node.taken) {
      if (node.in_circle && passed(*before, node.index)) {
        tracker_->ended({hop->node, 0, hop->received, hop->published, {before}});
        continue;  // the next round is a path of its own
      }
      hop->depth = std::max(hop->depth, before->depth + 1);
      if (before->depth < FlowTracker::kMaxDepth) hop->from.push_back(before);
    }
    message.hop = std::move(hop);
  }
  const SteadyTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  for (std::size_t n = 0; n < queues.size(); ++n) {
    const std::size_t q = queues[n];
    const Graph::Flow& flow = graph_.flows()[q];
    if (!latest_.empty()) latest_[q] = message;
    if (nodes_[flow.to_node]->state == Node::State::done) continue;
    try {
      queues_[q].push(n + 1 == queues.size() ? std::move(message) : message, now);
    } catch (Error& error) {
      throw error.within(graph_.describe(flow));
    }
    consider(flow.to_node);
  }
}

/// An end of the way of all that this run took.
void Engine::track_end(Node& node) {
  if (!tracker_ || node.taken.empty()) return;
  Hop last;
  last.node = static_cast<std::uint32_t>(node.index);
  last.received = node.received;
  last.published = clock_.utc_now();
  last.from = std::move(node.taken);
  tracker_->ended(last);
}

std::optional<Message> Engine::latest(std::size_t flow) const {
  const std::lock_guard lock(mutex_);
  return flow < latest_.size() ? latest_[flow] : std::nullopt;
}

void Engine::set_parameter(std::string_view op, std::string_view name, const Json& value) {
  ask(op, [name = std::string(name), value](Graph::Node& node) {
    ParameterBase& parameter = node.setup.parameter(name);
    if (parameter.settable() != Settable::live) {
      throw Error(ErrorCode::conflict, fmt::format("parameter \"{}\" cannot change while the pipeline runs", name));
    }
    const Json before = parameter.value();
    parameter.set(value);
    try {
      node.op->parameters_changed();
    } catch (...) {
      parameter.set(before);
      node.op->parameters_changed();
      throw;
    }
  });
}

Json Engine::command(std::string_view op, std::string_view name, const Json& arguments) {
  // Shared: an operator that is busy for long answers after this has returned.
  const auto answer = std::make_shared<Json>();
  ask(op,
      [name = std::string(name), arguments, answer](Graph::Node& node) { *answer = node.setup.ask(name, arguments); });
  return *answer;
}

Json Engine::describe() { return to_json(statistics()); }

Statistics Engine::statistics() {
  Statistics all;
  const std::lock_guard lock(mutex_);
  const SteadyTime now = clock_.now();
  all.state = ending_ ? std::string(name_of(outcome_.ending)) : "running";
  all.elapsed = std::chrono::nanoseconds((all_stopped_ ? over_ : clock_.now()) - began_);
  for (const auto& node : nodes_) {
    const bool running = node->state == Node::State::running || node->state == Node::State::queued;
    const char* state = node->state == Node::State::done ? "done"
                        : !node->enabled                 ? "off"
                        : running                        ? "running"
                                                         : "waiting";
    const std::chrono::nanoseconds age(std::max<SteadyTime>((all_stopped_ ? over_ : now) - node->counted, 0));
    all.operators.push_back({node->part.name, node->part.type, state, node->runs, node->errors, node->last_error,
                             node->durations, node->counters, age, node->parameters});
    count_anew(*node);
  }
  for (std::size_t f = 0; f < queues_.size(); ++f) {
    const Graph::Flow& flow = graph_.flows()[f];
    all.flows.push_back(
        {graph_.describe(flow), std::string(flow.type.name), queues_[f].options(), queues_[f].counters()});
  }
  if (tracker_) all.paths = tracker_->statistics();
  return all;
}

}  // namespace sagittal::stream
