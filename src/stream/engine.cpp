#include "stream/engine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "stream/names.h"

namespace sagittal::stream {
namespace {

constexpr std::int64_t kCountersEvery = 200'000'000;  // ns
constexpr auto kPatience = std::chrono::seconds(10);

/// What `action` throws.
template <class Action>
std::optional<Error> failure_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, error.what());
  }
  return std::nullopt;
}

}  // namespace

void Engine::Node::log(LogLevel level, std::string_view text) {
  if (engine.options_.log) engine.options_.log(level, fmt::format("{}: {}", part.name, text));
}

void Engine::Node::count(Json found, SteadyTime now) {
  counters = std::move(found);
  counted = now;
}

void Engine::Node::stop_operator() {
  stopped.error = failure_of([&] {
    part.op->stop();
    stopped.counters = part.op->counters();
  });
}

void Engine::Node::close(std::string_view why) {
  state = State::done;
  if (stopped.counters.is_object()) count(std::move(stopped.counters), engine.clock_.now());
  if (stopped.error) last_error = stopped.error->what();
  for (Job& job : std::exchange(jobs, {})) {
    job.done.set_value(Error(ErrorCode::gone, std::string(why)));
  }
}

Engine::Engine(Graph graph, RunOptions options)
    : graph_(std::move(graph)), options_(std::move(options)), clock_(options_.clock) {
  graph_.check();
  bind();
  if (options_.track_flows) {
    std::vector<std::string> names;
    for (const auto& node : nodes_) names.push_back(node->part.name);
    tracker_ = std::make_unique<FlowTracker>(std::move(names), *options_.track_flows);
  }
  start_all();
  began_ = clock_.now();
  if (options_.max_duration) deadline_ = began_ + options_.max_duration->count();
  {
    const std::lock_guard lock(mutex_);
    for (const std::size_t node : order_) consider(node);
    threads_left_ = std::clamp(options_.threads, 1, 64);
  }
  for (int t = 0; t < std::clamp(options_.threads, 1, 64); ++t) threads_.emplace_back([this] { work(); });
}

Engine::~Engine() {
  stop(Ending::stopped, "stopped");
  for (std::thread& thread : threads_) thread.join();
}

/// Takes the next node that is ready until the run ends; the last thread to leave stops the operators.
void Engine::work() {
  Lock lock(mutex_);
  while (!ending_) {
    if (deadline_ && clock_.now() >= *deadline_) {
      end(Ending::time_limit, "the time that it was given is over");
    } else if (!ready_.empty()) {
      Node& node = *nodes_[ready_.front()];
      ready_.pop_front();
      run(node, lock);
    } else if (!sleep(lock)) {
      break;
    }
  }
  if (--threads_left_ > 0) return;
  lock.unlock();
  stop_all();
  lock.lock();
  over_ = clock_.now();
  all_stopped_ = true;
  ended_.notify_all();
}

void Engine::run(Node& node, Lock& lock) {
  node.state = Node::State::running;
  ++running_;
  if (!node.jobs.empty()) {
    do_jobs(node, lock);
  } else {
    const Readiness now = readiness(node, clock_.now());
    if (now.kind == Readiness::Kind::ready) compute(node, lock);
    if (now.kind == Readiness::Kind::never) finish(node, lock);
  }
  --running_;
  if (node.state == Node::State::done) return;
  node.state = Node::State::idle;
  consider(node.index);
}

void Engine::compute(Node& node, Lock& lock) {
  const SteadyTime began = clock_.now();
  if (node.beat) node.beat->ticked(began);
  ++node.runs;
  node.earliest = 0;
  if (AsyncEvent* event = node.part.setup.event()) event->state_->pending = false;
  lock.unlock();
  node.received = clock_.utc_of(began);
  std::optional<Error> error = failure_of([&] { node.part.op->compute(); });
  const SteadyTime done = clock_.now();
  if (node.is_end) track_end(node);
  node.taken.clear();
  Json counters;
  const bool count = done - node.counted >= kCountersEvery;
  if (count && !error) error = failure_of([&] { counters = node.part.op->counters(); });
  lock.lock();
  node.durations.add(done - began);
  if (counters.is_object()) node.count(std::move(counters), done);
  if (error) fail(node, std::move(*error));
}

void Engine::fail(Node& node, Error error) {
  if (ending_ && error.code() == ErrorCode::cancelled) return;  // as it was asked to
  ++node.errors;
  node.last_error = error.what();
  if (node.part.on_error == OnError::skip) {
    if (options_.log && (node.errors & (node.errors - 1)) == 0) {  // the first, second, fourth, eighth …
      options_.log(LogLevel::warning, fmt::format("{}: {} ({} so far)", node.part.name, error.what(), node.errors));
    }
    return;
  }
  error.within(fmt::format("operator \"{}\"", node.part.name));
  end(Ending::failed, error.what(), error);
}

void Engine::do_jobs(Node& node, Lock& lock) {
  std::deque<Job> jobs = std::exchange(node.jobs, {});
  lock.unlock();
  for (Job& job : jobs) job.failure = failure_of([&] { job.work(node.part); });
  Json parameters = Json::object();
  for (const ParameterBase* parameter : node.part.setup.parameters())
    parameters[parameter->name()] = parameter->value();
  Json counters;
  std::optional<Error> error = failure_of([&] { counters = node.part.op->counters(); });
  lock.lock();
  if (counters.is_object()) node.count(std::move(counters), clock_.now());
  if (error) fail(node, std::move(*error));
  node.parameters = std::move(parameters);
  for (Job& job : jobs) job.done.set_value(std::move(job.failure));
}

/// The operator runs no more; who waits for it alone does neither.
void Engine::finish(Node& node, Lock& lock) {
  lock.unlock();
  node.stop_operator();
  lock.lock();
  node.close("the operator has ended");
  if (node.stopped.error) fail(node, *node.stopped.error);
  for (const auto& flow : graph_.flows()) {
    if (flow.from_node == node.index) consider(flow.to_node);
    if (flow.to_node == node.index) consider(flow.from_node);
  }
}

/// Puts a node that may run, or has ended, into the list; otherwise notes when to ask again.
void Engine::consider(std::size_t index) {
  Node& node = *nodes_[index];
  if (node.state != Node::State::idle) return;
  const Readiness now = node.jobs.empty() ? readiness(node, clock_.now()) : Readiness{};
  node.due = now.kind == Readiness::Kind::at ? std::optional(now.time) : std::nullopt;
  if (now.kind != Readiness::Kind::ready && now.kind != Readiness::Kind::never) {
    if (node.due && idle_ > 0) wake_.notify_one();  // to sleep less long
    return;
  }
  deadlock_since_.reset();
  queue(node);
}

void Engine::queue(Node& node) {
  node.state = Node::State::queued;
  ready_.push_back(node.index);
  if (idle_ > 0) wake_.notify_one();
}

/// Whoever asks next for the counters of an operator that does nothing finds new ones. Not here and now: they are the
/// operator's own, and it may hold locks of its own. Nor is it a sign of life to who waits for a deadlock.
void Engine::count_anew(Node& node) {
  if (ending_ || node.state != Node::State::idle || clock_.now() - node.counted < kCountersEvery) return;
  node.jobs.push_back({[](Graph::Node&) {}, {}});
  queue(node);
}

void Engine::consider_due(SteadyTime now) {
  for (const auto& node : nodes_) {
    if (node->state == Node::State::idle && node->due && *node->due <= now) consider(node->index);
  }
}

/// Until something may have changed. False where nothing ever will: the run has ended then.
bool Engine::sleep(Lock& lock) {
  std::optional<SteadyTime> next = deadline_;
  bool alive = running_ > 0, all_done = true;
  for (const auto& node : nodes_) {
    if (node->state == Node::State::done) continue;
    all_done = false;
    if (node->state != Node::State::idle) continue;
    if (node->due) next = next ? std::min(*next, *node->due) : *node->due;
    alive = alive || node->due || readiness(*node, clock_.now()).kind == Readiness::Kind::event;
  }
  if (all_done) {
    end(Ending::finished, "");
    return false;
  }
  if (!alive && options_.stop_on_deadlock) {
    const SteadyTime now = clock_.now();
    if (!deadlock_since_) deadlock_since_ = now;
    const SteadyTime over = *deadlock_since_ + options_.deadlock_timeout.count();
    if (now >= over) {
      end(Ending::deadlock, describe_deadlock());
      return false;
    }
    next = next ? std::min(*next, over) : over;
  }
  if (next && clock_.kind() == Clock::Kind::jumping && running_ == 0) {
    clock_.jump_to(*next);
  } else {
    ++idle_;
    if (next) {
      wake_.wait_for(lock, std::chrono::nanoseconds(std::max<SteadyTime>(*next - clock_.now(), 0)));
    } else {
      wake_.wait(lock);
    }
    --idle_;
  }
  consider_due(clock_.now());
  return true;
}

void Engine::end(Ending ending, std::string_view why, std::optional<Error> error) {
  if (ending_) return;
  ending_ = true;
  cancel_.cancel();
  outcome_ = {ending, std::string(why), std::move(error)};
  wake_.notify_all();
}

void Engine::stop(Ending ending, std::string_view why) {
  const std::lock_guard lock(mutex_);
  end(ending, why);
}

const Outcome* Engine::wait_until(std::optional<std::chrono::steady_clock::time_point> deadline) {
  Lock lock(mutex_);
  const auto over = [this] { return all_stopped_; };
  if (deadline) return ended_.wait_until(lock, *deadline, over) ? &outcome_ : nullptr;
  ended_.wait(lock, over);
  return &outcome_;
}

void Engine::ask(std::string_view op, std::function<void(Graph::Node&)> job) {
  std::future<std::optional<Error>> done;
  {
    const std::lock_guard lock(mutex_);
    Node& node = find(op);
    if (ending_ || node.state == Node::State::done) throw Error(ErrorCode::gone, fmt::format("\"{}\" has ended", op));
    if (node.jobs.size() == kMaxJobs) throw Error(ErrorCode::unavailable, fmt::format("\"{}\" is busy", op));
    node.jobs.push_back({std::move(job), {}});
    done = node.jobs.back().done.get_future();
    consider(node.index);
  }
  if (done.wait_for(kPatience) != std::future_status::ready) {
    throw Error(ErrorCode::unavailable, fmt::format("\"{}\" is busy; it will be done later", op));
  }
  if (const std::optional<Error> failure = done.get()) throw *failure;
}

void Engine::enable(std::string_view op, bool enabled) {
  const std::lock_guard lock(mutex_);
  Node& node = find(op);
  node.enabled = enabled;
  consider(node.index);
}

void Engine::wake(std::size_t node) {
  const std::lock_guard lock(mutex_);
  consider(node);
}

std::string Engine::describe_deadlock() const {
  std::string text;
  for (const auto& node : nodes_) {
    if (node->state == Node::State::done) continue;
    text += fmt::format("{}\"{}\" waits{}", text.empty() ? "" : ", ", node->part.name,
                        outputs_have_room(*node) ? "" : " for room in a queue");
  }
  return text;
}

Engine::Node& Engine::find(std::string_view name) {
  for (const auto& node : nodes_) {
    if (node->part.name == name) return *node;
  }
  throw Error(ErrorCode::not_found,
              fmt::format("there is no operator \"{}\"{}", name, there_are_of(graph_.nodes(), name)));
}

}  // namespace sagittal::stream
