#include <algorithm>

#include "stream/engine.h"

namespace sagittal::stream {

Readiness Readiness::both(const Readiness& other) const {
  if (kind == Kind::at && other.kind == Kind::at) return {Kind::at, std::max(time, other.time)};
  return kind >= other.kind ? *this : other;
}

Readiness Readiness::either(const Readiness& other) const {
  if (kind == Kind::at && other.kind == Kind::at) return {Kind::at, std::min(time, other.time)};
  return kind <= other.kind ? *this : other;
}

Readiness Engine::readiness(const Node& node, SteadyTime now) const {
  using Kind = Readiness::Kind;
  const Conditions& conditions = node.part.conditions;
  if (node.finished || (conditions.count && node.runs >= *conditions.count)) return {Kind::never};
  Readiness all = inputs_ready(node, now);
  if (AsyncEvent* event = node.part.setup.event()) {
    const AsyncEvent::State& state = *event->state_;
    if (!state.pending) all = all.both({state.finished ? Kind::never : Kind::event});
  }
  if (!node.enabled) all = all.both({Kind::event});
  if (!outputs_have_room(node)) all = all.both({Kind::wait});
  if (node.beat && !node.beat->due(now)) all = all.both({Kind::at, node.beat->next()});
  if (node.earliest > now) all = all.both({Kind::at, node.earliest});
  return all;
}

/// Inputs that are alternatives count as one. Where all are optional and nothing else makes the operator run, they are
/// alternatives too.
Readiness Engine::inputs_ready(const Node& node, SteadyTime now) const {
  using Kind = Readiness::Kind;
  const Setup& setup = node.part.setup;
  Readiness all;
  std::vector<const InputPort*> alternatives;
  for (const auto& group : setup.groups()) {
    Readiness any{Kind::never};
    for (const InputPort* port : group) any = any.either(input_ready(node, *port, now));
    all = all.both(any);
    alternatives.insert(alternatives.end(), group.begin(), group.end());
  }
  bool all_optional = true;
  for (const InputPort* port : setup.inputs()) {
    const bool alternative = std::find(alternatives.begin(), alternatives.end(), port) != alternatives.end();
    if (!port->is_optional() && !alternative) all = all.both(input_ready(node, *port, now));
    all_optional = all_optional && port->is_optional() && !alternative;
  }
  const bool runs_anyway = node.beat.has_value() || setup.event() != nullptr;
  if (all_optional && !setup.inputs().empty() && !runs_anyway) {
    Readiness any{Kind::never};
    for (const InputPort* port : setup.inputs()) any = any.either(input_ready(node, *port, now));
    all = all.both(any);
  }
  return all;
}

Readiness Engine::input_ready(const Node& node, const InputPort& port, SteadyTime now) const {
  using Kind = Readiness::Kind;
  std::size_t sum = 0, fewest = SIZE_MAX;
  std::optional<SteadyTime> oldest;
  for (const std::size_t q : node.in[port.place().port]) {
    const Queue& queue = queues_[q];
    sum += queue.size();
    fewest = std::min(fewest, queue.size());
    if (queue.size() > 0) oldest = oldest ? std::min(*oldest, queue.oldest()) : queue.oldest();
  }
  const bool enough =
      port.count() == InputPort::Count::each ? fewest >= port.needed() && fewest != SIZE_MAX : sum >= port.needed();
  if (enough) return {Kind::ready};
  if (port.delay() && oldest) {
    const SteadyTime due = *oldest + port.delay()->count();
    return due <= now ? Readiness{Kind::ready} : Readiness{Kind::at, due};
  }
  return {may_come(node, port.place().port) ? Kind::wait : Kind::never};
}

bool Engine::may_come(const Node& node, std::size_t port) const {
  const auto& flows = graph_.flows();
  return std::any_of(node.in[port].begin(), node.in[port].end(),
                     [&](std::size_t flow) { return nodes_[flows[flow].from_node]->state != Node::State::done; });
}

bool Engine::outputs_have_room(const Node& node) const {
  for (const auto& port : node.out) {
    for (const std::size_t q : port) {
      // Who has ended takes nothing any more, and holds nobody up.
      if (!queues_[q].has_room() && nodes_[graph_.flows()[q].to_node]->state != Node::State::done) return false;
    }
  }
  return true;
}

}  // namespace sagittal::stream
