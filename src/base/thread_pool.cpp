#include "base/thread_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/computing.h"

namespace sagittal {
namespace {

using Body = std::function<void(std::int64_t, std::int64_t)>;

/// One parallel_for in progress. Guarded by the pool's mutex, except `body`, which is only read.
struct Loop {
  const Body* body;
  std::int64_t count;
  std::int64_t grain;
  std::int64_t next = 0;
  int running = 0;
  std::exception_ptr failure{};

  bool exhausted() const { return next >= count; }
  bool finished() const { return exhausted() && running == 0; }
};

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable work_ready;
  std::condition_variable loop_finished;
  std::deque<Loop*> loops;
  bool stopping = false;
  std::vector<std::thread> threads;

  int fair_threads() const { return Computing::fair_threads(static_cast<int>(threads.size()) + 1); }

  /// A loop that has fewer threads than it should; null where there is none.
  Loop* in_need() const {
    const int share = fair_threads();
    const auto found = std::find_if(loops.begin(), loops.end(), [share](Loop* loop) { return loop->running < share; });
    return found == loops.end() ? nullptr : *found;
  }

  /// Runs one range of `loop`; `lock` is held on entry and on return.
  void run_one_range(Loop& loop, std::unique_lock<std::mutex>& lock) {
    const std::int64_t begin = loop.next;
    const std::int64_t end = std::min(loop.count, begin + loop.grain);
    loop.next = end;
    ++loop.running;
    if (loop.exhausted()) std::erase(loops, &loop);
    lock.unlock();
    std::exception_ptr failure;
    try {
      (*loop.body)(begin, end);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    --loop.running;
    if (failure) {
      if (!loop.failure) loop.failure = failure;
      loop.next = loop.count;
      std::erase(loops, &loop);
    }
    if (loop.finished()) loop_finished.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex);
    while (true) {
      Loop* loop = nullptr;
      work_ready.wait(lock, [&] { return stopping || (loop = in_need()) != nullptr; });
      if (stopping) return;
      run_one_range(*loop, lock);
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  for (int i = 1; i < threads; ++i) state_->threads.emplace_back([this] { state_->work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->work_ready.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int ThreadPool::size() const { return static_cast<int>(state_->threads.size()) + 1; }

void ThreadPool::parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  if (state_->threads.empty() || count <= grain) {
    body(0, count);
    return;
  }
  Loop loop{&body, count, grain};
  std::unique_lock lock(state_->mutex);
  state_->loops.push_back(&loop);
  if (state_->fair_threads() > 1) state_->work_ready.notify_all();
  while (!loop.exhausted()) state_->run_one_range(loop, lock);
  state_->loop_finished.wait(lock, [&loop] { return loop.finished(); });
  if (loop.failure) std::rethrow_exception(loop.failure);
}

}  // namespace sagittal
