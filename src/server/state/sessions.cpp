#include "server/state/sessions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "server/state/client_key.h"

namespace sagittal::server {

Sessions::Sessions(Models models, ThreadPool& pool, const SessionLimits& limits, Clock clock, SessionJournal* journal)
    : models_(std::move(models)), pool_(pool), limits_(limits), clock_(std::move(clock)), journal_(journal) {}

/// Only `get` hands out pointers, under the lock: a count of one means that nobody else holds this one.
bool Sessions::droppable(const Entry& entry) const {
  if (entry.session.use_count() > 1) return false;
  if (entry.session->restored) return true;  // it comes back
  return entry.memory_bytes == 0 || clock_() - entry.last_used >= entry.min_idle;
}

Sessions::Dropped Sessions::drop_longest_unused(const std::string& except, bool with_image) {
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->first == except || (entry->second.memory_bytes > 0) != with_image || !droppable(entry->second)) continue;
    if (oldest == entries_.end() || entry->second.last_used < oldest->second.last_used) oldest = entry;
  }
  if (oldest == entries_.end()) return nullptr;
  Dropped dropped = std::move(oldest->second.session);
  entries_.erase(oldest);
  return dropped;
}

std::size_t Sessions::count_sessions(bool with_image) const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [with_image](const auto& entry) {
    return (entry.second.memory_bytes > 0) == with_image;
  }));
}

std::shared_ptr<ClientSession> Sessions::get(const std::string& key, std::chrono::seconds min_idle) {
  Dropped dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (count_sessions(false) >= limits_.max_sessions) {
      dropped = drop_longest_unused(key, false);
      if (!dropped) throw Error(ErrorCode::unavailable, "too many clients at once; try again in a moment");
    }
    found = entries_.emplace(key, Entry{make_client(), {}, 0, {}}).first;
  }
  found->second.last_used = clock_();
  found->second.min_idle = min_idle;
  return found->second.session;
}

void Sessions::drop(const std::string& key) {
  Dropped dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  if (journal_ != nullptr) journal_->erase(key);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  found->second.session->ended = true;
  dropped = std::move(found->second.session);
  entries_.erase(found);
}

std::uint64_t Sessions::used_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [key, entry] : entries_) sum += entry.memory_bytes;
  return sum;
}

/// One more of the same owner: where that is one too many, the longest unused of theirs goes.
void Sessions::keep_quota(const std::string& key, Dropped& dropped) {
  const std::string owner = owner_of(key);
  if (owner.empty()) return;
  std::size_t others = 0;
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->first == key || entry->second.memory_bytes == 0 || owner_of(entry->first) != owner) continue;
    ++others;
    if (!droppable(entry->second)) continue;
    if (oldest == entries_.end() || entry->second.last_used < oldest->second.last_used) oldest = entry;
  }
  if (others < limits_.max_sessions_per_owner) return;
  if (oldest == entries_.end()) {
    throw Error(ErrorCode::unavailable,
                fmt::format("{} has {} sessions at work, as many as one person may; end one first", owner, others));
  }
  dropped = std::move(oldest->second.session);
  entries_.erase(oldest);
}

void Sessions::reserve_image(const std::string& key, std::uint64_t needed) {
  if (needed > limits_.max_memory_bytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("the image needs about {}, this server has {} for images; crop or resample it",
                            size_text(needed), size_text(limits_.max_memory_bytes)));
  }
  std::vector<Dropped> dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  const auto own = entries_.find(key);
  if (own == entries_.end()) throw Error(ErrorCode::not_found, "there is no such session");
  if (own->second.memory_bytes == 0) keep_quota(key, dropped.emplace_back());
  const auto fits = [&] {
    const bool place = own->second.memory_bytes > 0 || count_sessions(true) < limits_.max_sessions;
    return place && used_bytes() - own->second.memory_bytes + needed <= limits_.max_memory_bytes;
  };
  while (!fits()) {
    dropped.push_back(drop_longest_unused(key, true));
    if (dropped.back()) continue;
    throw Error(ErrorCode::unavailable,
                fmt::format("all of this server's {} sessions or its {} for images are in use; try again in a minute",
                            limits_.max_sessions, size_text(limits_.max_memory_bytes)));
  }
  own->second.memory_bytes = needed;
}

void Sessions::count_memory(const std::string& key, const ClientSession& client) {
  const std::uint64_t bytes = client.session.has_image() ? client.session.memory_bytes() : 0;
  std::vector<Dropped> dropped;  // destroyed after the lock is released
  const std::lock_guard lock(mutex_);
  const auto own = entries_.find(key);
  if (own != entries_.end()) own->second.memory_bytes = bytes;
  while (journal_ != nullptr && used_bytes() > limits_.max_memory_bytes) {
    dropped.push_back(drop_longest_unused(key, true));
    if (!dropped.back()) return;
  }
}

std::size_t Sessions::count() const {
  const std::lock_guard lock(mutex_);
  return count_sessions(true);
}

std::vector<std::string> Sessions::with_image(const std::string& prefix) const {
  if (journal_ != nullptr) return journal_->store().with_volume(prefix);
  const std::lock_guard lock(mutex_);
  std::vector<std::string> keys;
  for (auto entry = entries_.lower_bound(prefix); entry != entries_.end() && entry->first.starts_with(prefix);
       ++entry) {
    if (entry->second.memory_bytes > 0) keys.push_back(entry->first);
  }
  return keys;
}

std::uint64_t Sessions::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_bytes();
}

}  // namespace sagittal::server
