#include "server/access/failed_logins.h"

#include <algorithm>

namespace sagittal::server {

std::chrono::seconds FailedLogins::count(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_();
  const auto is_over = [&](const auto& entry) { return now - entry.second.since >= limits_.window; };
  if (entries_.size() >= limits_.most_addresses && !entries_.contains(address)) {
    if (std::erase_if(entries_, is_over) == 0) {
      entries_.erase(std::min_element(entries_.begin(), entries_.end(),
                                      [](const auto& a, const auto& b) { return a.second.since < b.second.since; }));
    }
  }
  Entry& entry = entries_.try_emplace(address, Entry{now, 0}).first->second;
  if (now - entry.since >= limits_.window) entry = {now, 0};
  if (++entry.failures <= limits_.most) return std::chrono::seconds(0);
  return std::chrono::ceil<std::chrono::seconds>(limits_.window - (now - entry.since));
}

}  // namespace sagittal::server
