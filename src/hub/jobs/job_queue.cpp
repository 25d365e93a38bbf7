#include "hub/jobs/job_queue.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

namespace sagittal::hub {

struct JobQueue::Running {
  std::string id;
  CancelToken cancel{};
  std::mutex mutex{};
  // Guarded by the mutex:
  std::string stage = "staging";
  double fraction = 0;
  bool wanted = false;  ///< somebody cancelled it
  bool lost = false;    ///< another process has it
  bool over = false;
  std::thread thread{};  ///< of the loop
};

JobQueue::JobQueue(JobStore& store, const Work& work, QueueOptions options)
    : store_(store), work_(work), options_(std::move(options)), thread_([this] { loop(); }) {}

JobQueue::~JobQueue() { stop(); }

void JobQueue::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

std::size_t JobQueue::running() const {
  const std::lock_guard lock(mutex_);
  return running_.size();
}

void JobQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    options_.leaving.cancel();
    for (const Running& running : running_) running.cancel.cancel();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  for (Running& running : running_) running.thread.join();
  running_.clear();
}

/// The same sentence once, however often it is true.
void JobQueue::say(const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  if (sentence == last_said_) return;
  last_said_ = sentence;
  if (options_.log) options_.log(LogLevel::error, sentence);
}

void JobQueue::loop() {
  while (true) {
    try {
      look_around();
    } catch (const std::exception& error) {
      say(fmt::format("jobs: {}", error.what()));
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, options_.tick, [this] { return woken_ || stopping_; });
    woken_ = false;
    if (stopping_) return;
  }
}

void JobQueue::look_around() {
  std::list<Running> over;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = running_.begin(); at != running_.end();) {
      const auto next = std::next(at);
      const std::lock_guard own(at->mutex);
      if (at->over) over.splice(over.end(), running_, at);
      at = next;
    }
  }
  for (Running& running : over) running.thread.join();
  // Only this thread adds and removes entries.
  for (Running& running : running_) tend(running);
  keep_house();
  while (const auto job = store_.claim(options_.capacity, options_.only)) start(*job);
}

void JobQueue::tend(Running& running) {
  std::string stage;
  double fraction = 0;
  {
    const std::lock_guard lock(running.mutex);
    if (running.over) return;
    stage = running.stage;
    fraction = running.fraction;
  }
  const JobStore::Hold hold = store_.renew(running.id, stage, fraction);
  if (hold == JobStore::Hold::mine) return;
  const std::lock_guard lock(running.mutex);
  if (running.over) return;
  (hold == JobStore::Hold::stop ? running.wanted : running.lost) = true;
  running.cancel.cancel();
}

void JobQueue::keep_house() {
  if (!options_.only.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now >= next_serving_) {
    store_.serve();
    next_serving_ = now + JobStore::kLease / 4;
  }
  if (now >= next_house_ && (options_.keep.count() > 0 || options_.most_bytes > 0)) {
    constexpr auto for_ever = std::chrono::hours(24 * 365 * 100);
    store_.expire(options_.keep.count() > 0 ? options_.keep : std::chrono::milliseconds(for_ever), options_.most_bytes);
    next_house_ = now + std::chrono::minutes(5);
  }
}

void JobQueue::start(const Job& job) {
  const std::lock_guard lock(mutex_);
  Running& running = running_.emplace_back();
  running.id = job.id;
  if (stopping_) running.cancel.cancel();
  running.thread = std::thread([this, &running] { run(running); });
}

void JobQueue::run(Running& running) {
  WorkEnd end;
  const auto sink = [&running](const Progress& progress) {
    const std::lock_guard lock(running.mutex);
    running.stage = progress.stage;
    running.fraction = progress.fraction;
  };
  try {
    const JobRequest request = store_.request_of(running.id);
    RunLog log(store_.log_of(running.id), options_.log_bytes);
    try {
      end.report = work_.run(request, store_.folder_of(running.id), log, {sink, running.cancel});
    } catch (const Error& error) {
      end.error = error;
    }
    log.finish();
  } catch (const Error& error) {
    if (!end.error) end.error = error;
  } catch (const std::exception& error) {
    end.error = Error(ErrorCode::internal, error.what());
  }
  try {
    settle(running, std::move(end));
  } catch (const std::exception& error) {
    // Its lease runs out; then its record, if it was written, says how it ended.
    say(fmt::format("job {}: {}", running.id, error.what()));
  }
  {
    const std::lock_guard lock(running.mutex);
    running.over = true;
  }
  wake();
}

void JobQueue::settle(Running& running, WorkEnd end) {
  bool wanted = false, lost = false;
  {
    const std::lock_guard lock(running.mutex);
    wanted = running.wanted;
    lost = running.lost;
  }
  if (lost) return;
  const bool stopped = running.cancel.cancelled() && end.error.has_value();
  if (stopped && !wanted) {
    store_.release(running.id);
    return;
  }
  if (stopped) end.error = Error(ErrorCode::cancelled, "stopped on request");
  store_.finish(running.id, end);
}

}  // namespace sagittal::hub
