#include "server/api/job_events.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::server {
namespace {

constexpr std::uint64_t kMostLogBytes = std::uint64_t{64} << 10;  ///< of one look; older lines are in the log itself
constexpr std::size_t kMostLines = 100;                           ///< of one look, the last ones

std::uint64_t size_of_file(const std::filesystem::path& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  return none ? 0 : size;
}

}  // namespace

std::string job_channel(const std::string& job) { return "job " + job; }

JobEvents::JobEvents(const hub::JobStore& store, Events& events, std::chrono::milliseconds period)
    : store_(store), events_(events), period_(period), thread_([this] { loop(); }) {}

JobEvents::~JobEvents() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

std::shared_ptr<Events::Listener> JobEvents::listen(const std::string& job, const std::string& owner) {
  auto listener = events_.listen(job_channel(job), owner);
  const std::lock_guard lock(mutex_);
  Watched& watched = watched_.try_emplace(job, Watched{-1, size_of_file(store_.log_of(job))}).first->second;
  ++watched.listened;
  changed_.notify_all();
  return listener;
}

void JobEvents::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (watched_.empty()) {
      changed_.wait(lock, [this] { return stopping_ || !watched_.empty(); });
      continue;
    }
    std::map<std::string, Watched> now = watched_;
    lock.unlock();
    std::set<std::string> over;
    for (auto& [job, watched] : now) {
      if (!look(job, watched)) over.insert(job);
    }
    lock.lock();
    for (const auto& [job, looked] : now) {
      const auto kept = watched_.find(job);
      if (kept->second.listened != looked.listened) continue;  // somebody came meanwhile: looked at again
      if (over.contains(job)) {
        watched_.erase(kept);
      } else {
        kept->second = looked;
      }
    }
    changed_.wait_for(lock, period_, [this] { return stopping_; });
  }
}

/// False where the job needs no more looking at.
bool JobEvents::look(const std::string& job, Watched& watched) {
  const std::string channel = job_channel(job);
  if (!events_.has_listeners(channel)) return false;
  try {
    const hub::Job state = store_.get(job);
    const auto file = store_.log_of(job);
    const std::uint64_t size = size_of_file(file);
    if (size < watched.log_bytes) watched.log_bytes = 0;  // begun anew
    if (size - watched.log_bytes > kMostLogBytes) watched.log_bytes = size - kMostLogBytes;
    std::ifstream in(file, std::ios::binary);
    if (size > watched.log_bytes && in.seekg(static_cast<std::streamoff>(watched.log_bytes))) {
      std::string text(static_cast<std::size_t>(size - watched.log_bytes), '\0');
      in.read(text.data(), static_cast<std::streamsize>(text.size()));
      const std::size_t whole = text.rfind('\n') + 1;  // 0 where no line has ended
      watched.log_bytes += whole;
      const auto lines = split(std::string_view(text).substr(0, whole), '\n');
      for (std::size_t n = lines.size() - std::min(lines.size(), kMostLines); n < lines.size(); ++n) {
        if (!lines[n].empty()) events_.publish(channel, {{"log", lines[n]}});
      }
    }
    if (state.version != watched.version) events_.publish(channel, hub::job_json(state));
    watched.version = state.version;
    if (!hub::has_ended(state.state)) return true;
  } catch (const Error&) {  // removed, or the disk fails: nothing more can be told
  }
  events_.publish(channel, {{"type", "closed"}});
  return false;
}

}  // namespace sagittal::server
