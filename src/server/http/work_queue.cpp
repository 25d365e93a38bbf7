#include "server/http/work_queue.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sagittal::server::http {

struct WorkQueue::State {
  struct Item {
    WorkKind kind;
    std::function<void()> task;
    std::chrono::steady_clock::time_point since;
  };

  Limits limits;
  Waited waited;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Item> waiting;
  std::set<std::string> running;  // keys
  int running_heavy = 0;
  std::uint64_t turns = 0;
  std::map<std::string, std::uint64_t> last_turn;  // of owners with tasks waiting or just begun
  bool stopping = false;
  std::vector<std::thread> threads;

  bool may_run(const Item& item) const {
    return !running.contains(item.kind.key) && !(item.kind.heavy && running_heavy >= limits.heavy);
  }
  std::uint64_t turn_of(const Item& item) const {
    const auto found = last_turn.find(item.kind.owner);
    return found == last_turn.end() ? 0 : found->second;
  }

  std::deque<Item>::iterator next_ready() {
    auto best = waiting.end();
    std::set<std::string_view> passed;  // keys whose turn is another task's
    for (auto item = waiting.begin(); item != waiting.end(); ++item) {
      const bool first = passed.insert(item->kind.key).second;
      if (first && may_run(*item) && (best == waiting.end() || turn_of(*item) < turn_of(*best))) best = item;
    }
    return best;
  }

  Item take(std::deque<Item>::iterator chosen) {
    Item item = std::move(*chosen);
    waiting.erase(chosen);
    running.insert(item.kind.key);
    running_heavy += item.kind.heavy;
    last_turn[item.kind.owner] = ++turns;
    constexpr std::size_t many = 4096;
    if (last_turn.size() > many) last_turn.clear();
    return item;
  }

  /// Each thread looks for work itself before it waits, so one wake-up per task that is ready is enough.
  void wake_one_if_ready() {
    if (next_ready() != waiting.end()) changed.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopping || next_ready() != waiting.end(); });
      if (stopping) return;
      Item item = take(next_ready());
      wake_one_if_ready();
      lock.unlock();
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - item.since;
      if (waited) waited(item.kind, seconds.count());
      item.task();
      item.task = nullptr;  // what the task holds is freed outside the lock
      lock.lock();
      running.erase(item.kind.key);
      running_heavy -= item.kind.heavy;
    }
  }
};

WorkQueue::WorkQueue(const Limits& limits, Waited waited) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  state_->waited = std::move(waited);
  for (int i = 0; i < std::max(1, limits.threads); ++i) state_->threads.emplace_back([this] { state_->work(); });
}

WorkQueue::~WorkQueue() { stop(); }

bool WorkQueue::submit(const WorkKind& kind, std::function<void()> task) {
  const std::lock_guard lock(state_->mutex);
  const auto& waiting = state_->waiting;
  const auto same_key =
      std::count_if(waiting.begin(), waiting.end(), [&](const auto& item) { return item.kind.key == kind.key; });
  if (state_->stopping || waiting.size() >= state_->limits.waiting ||
      static_cast<std::size_t>(same_key) >= state_->limits.waiting_per_key) {
    return false;
  }
  state_->waiting.push_back({kind, std::move(task), std::chrono::steady_clock::now()});
  if (kind.owner.empty()) state_->waiting.back().kind.owner = kind.key;
  state_->wake_one_if_ready();
  return true;
}

std::size_t WorkQueue::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waiting.size();
}

std::size_t WorkQueue::running() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running.size();
}

std::size_t WorkQueue::running_heavy() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<std::size_t>(state_->running_heavy);
}

void WorkQueue::stop() {
  std::deque<State::Item> dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->waiting);
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace sagittal::server::http
