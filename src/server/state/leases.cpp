#include "server/state/leases.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "server/state/client_key.h"

namespace sagittal::server {
namespace {

std::string random_token() {
  std::array<std::uint8_t, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(ErrorCode::io, "the system gives no random numbers");
  }
  std::string token;
  for (const std::uint8_t byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

}  // namespace

Leases::Leases(Sessions& sessions, const LeaseLimits& limits, Clock clock)
    : sessions_(sessions), limits_(limits), clock_(std::move(clock)) {}

bool Leases::is_over(const Entry& entry, Time now) const {
  const bool in_use = entry.lease.use_count() > 1;
  return !in_use && (now - entry.last_seen > limits_.liveness || now - entry.last_active > limits_.idle);
}

void Leases::end(Entries::iterator entry) {
  sessions_.drop(entry->second.lease->session_key);
  entries_.erase(entry);
}

bool Leases::make_room(const std::string* owner, Time now) {
  auto oldest = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if ((owner != nullptr && entry->second.owner != *owner) || !is_over(entry->second, now)) continue;
    if (oldest == entries_.end() || entry->second.last_seen < oldest->second.last_seen) oldest = entry;
  }
  if (oldest == entries_.end()) return false;
  end(oldest);
  return true;
}

std::string Leases::claim(const std::string& owner) {
  const std::lock_guard lock(mutex_);
  const Time now = clock_();
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (is_over(entry->second, now) && now - entry->second.last_seen > limits_.lifetime) end(entry);
    entry = next;
  }
  const auto owned =
      std::count_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.second.owner == owner; });
  if (!owner.empty() && static_cast<std::size_t>(owned) >= limits_.max_leases_per_owner && !make_room(&owner, now)) {
    throw Error(ErrorCode::unavailable,
                fmt::format("{} has {} sessions, as many as one person may; end one first", owner, owned));
  }
  if (entries_.size() >= limits_.max_leases && !make_room(nullptr, now)) {
    throw Error(ErrorCode::unavailable, fmt::format("server is at capacity ({} sessions)", limits_.max_leases));
  }
  std::string token = random_token();
  entries_[token] = {std::make_shared<Lease>(Lease{owned_key(owner, "lease " + token), false, ScalarType::u8, false}),
                     now, now, owner};
  return token;
}

void Leases::release(const std::string& token, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = entries_.find(token); entry != entries_.end() && entry->second.owner == owner) end(entry);
}

void Leases::require(const std::string& token, const std::string& owner) const {
  if (const auto entry = entries_.find(token); entry != entries_.end() && entry->second.owner == owner) return;
  throw Error(ErrorCode::gone, token.empty() ? "lease token missing" : "lease expired or unknown");
}

double Leases::remaining_seconds(const Entry& entry) const {
  const std::chrono::duration<double> left = limits_.idle - (clock_() - entry.last_active);
  return std::max(0.0, left.count());
}

std::shared_ptr<Lease> Leases::use(const std::string& token, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  require(token, owner);
  Entry& entry = entries_.at(token);
  entry.last_seen = entry.last_active = clock_();
  return entry.lease;
}

double Leases::beat(const std::string& token, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  require(token, owner);
  Entry& entry = entries_.at(token);
  entry.last_seen = clock_();
  return remaining_seconds(entry);
}

double Leases::peek(const std::string& token, const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  require(token, owner);
  return remaining_seconds(entries_.at(token));
}

std::size_t Leases::count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sagittal::server
