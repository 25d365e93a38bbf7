#include "server/http/work_queue.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace sagittal::server::http {

struct WorkQueue::State {
  struct Item {
    std::string key;
    std::function<void()> task;
  };

  Limits limits;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Item> waiting;
  std::set<std::string> running;  // keys
  bool stopping = false;
  std::vector<std::thread> threads;

  auto next_ready() {
    return std::find_if(waiting.begin(), waiting.end(),
                        [this](const Item& item) { return !running.contains(item.key); });
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stopping || next_ready() != waiting.end(); });
      if (stopping) return;
      const auto found = next_ready();
      Item item = std::move(*found);
      waiting.erase(found);
      running.insert(item.key);
      lock.unlock();
      item.task();
      item.task = nullptr;  // what the task holds is freed outside the lock
      lock.lock();
      running.erase(item.key);
      changed.notify_all();
    }
  }
};

WorkQueue::WorkQueue(const Limits& limits) : state_(std::make_unique<State>()) {
  state_->limits = limits;
  for (int i = 0; i < std::max(1, limits.threads); ++i) state_->threads.emplace_back([this] { state_->work(); });
}

WorkQueue::~WorkQueue() { stop(); }

bool WorkQueue::submit(const std::string& key, std::function<void()> task) {
  const std::lock_guard lock(state_->mutex);
  const auto& waiting = state_->waiting;
  const auto same_key =
      std::count_if(waiting.begin(), waiting.end(), [&](const auto& item) { return item.key == key; });
  if (state_->stopping || waiting.size() >= state_->limits.waiting ||
      static_cast<std::size_t>(same_key) >= state_->limits.waiting_per_key) {
    return false;
  }
  state_->waiting.push_back({key, std::move(task)});
  state_->changed.notify_one();
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
