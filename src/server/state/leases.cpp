#include "server/state/leases.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/random.h"
#include "server/state/client_key.h"

namespace sagittal::server {
namespace {

const std::string kLease = "lease ";
/// Leases that are over and on the disk, for each place; beyond, the oldest is ended.
constexpr std::size_t kMostPerPlace = 16;
constexpr std::size_t kTokenBits = 128;

bool is_shared(const durable::Entry& entry) {
  const Json about = json_get_or<Json>(parse_head(entry.head), "about", "kept lease", Json::object());
  return json_get_or(about, "shared", "kept lease", false);
}

}  // namespace

Leases::Leases(Sessions& sessions, const LeaseLimits& limits, Clock clock)
    : sessions_(sessions), limits_(limits), clock_(std::move(clock)) {
  if (sessions_.journal() != nullptr) restore();
}

Json Leases::describe(const Lease& lease) {
  return {{"had_image", lease.had_image}, {"target", name_of(lease.target_type)}, {"bool", lease.target_is_bool}};
}

Lease Leases::parse(const durable::Entry& entry) {
  constexpr const char* what = "kept lease";
  const Json head = parse_head(entry.head);
  const Json about = json_get_or<Json>(head, "about", what, Json::object());
  const auto type = scalar_type_from_name(json_get_or<std::string>(about, "target", what, "uint8"));
  if (!type) throw Error(ErrorCode::bad_input, "kept lease: unknown type of the mask");
  return {entry.name, json_get_or(about, "had_image", what, false), *type, json_get_or(about, "bool", what, false)};
}

void Leases::restore() {
  SessionJournal& journal = *sessions_.journal();
  const Time now = clock_();
  for (const durable::Entry& entry : journal.store().entries()) {
    const std::string owner = owner_of(entry.name), before_token = owned_key(owner, kLease);
    if (entry.kind != limits_.kind || !entry.name.starts_with(before_token)) continue;
    const auto ago = [&](std::int64_t ms) { return now - std::chrono::milliseconds(journal.store().now_ms() - ms); };
    try {
      entries_[entry.name.substr(before_token.size())] = {std::make_shared<Lease>(parse(entry)), ago(entry.used_ms),
                                                          ago(entry.active_ms), owner, is_shared(entry)};
    } catch (const Error& error) {
      journal.give_up(entry.name, error.what());
    }
  }
}

void Leases::sweep() {
  const std::lock_guard lock(mutex_);
  if (sessions_.journal() == nullptr) return;
  const Time now = clock_();
  durable::Store& store = sessions_.journal()->store();
  const auto stored = [&](Time time) {
    return store.now_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(now - time).count();
  };
  std::vector<durable::Store::Use> uses;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    uses.push_back(
        {entry->second.lease->session_key, stored(entry->second.last_seen), stored(entry->second.last_active)});
    if (is_over(entry->second, now) && now - entry->second.last_seen > limits_.lifetime) end(entry);
    entry = next;
  }
  store.touch(limits_.kind, uses);
}

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

/// Throws where all places are taken by leases in use.
void Leases::make_place(const std::string& owner, Time now) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (is_over(entry->second, now) && now - entry->second.last_seen > limits_.lifetime) end(entry);
    entry = next;
  }
  const bool on_disk = sessions_.journal() != nullptr;  // there, those that are over wait without a place
  const auto taken = [&](const std::string* whose) {
    return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return (whose == nullptr || entry.second.owner == *whose) && !(on_disk && is_over(entry.second, now));
    }));
  };
  const std::size_t owned = taken(&owner);
  if (!owner.empty() && owned >= limits_.max_leases_per_owner && (on_disk || !make_room(&owner, now))) {
    throw Error(ErrorCode::unavailable,
                fmt::format("{} has {} sessions, as many as one person may; end one first", owner, owned));
  }
  if (taken(nullptr) >= limits_.max_leases && (on_disk || !make_room(nullptr, now))) {
    throw Error(ErrorCode::unavailable, fmt::format("server is at capacity ({} sessions)", limits_.max_leases));
  }
  if (entries_.size() >= kMostPerPlace * limits_.max_leases) make_room(nullptr, now);
}

std::string Leases::claim(const std::string& owner) {
  const std::lock_guard lock(mutex_);
  const Time now = clock_();
  make_place(owner, now);
  std::string token = random_hex(kTokenBits);
  const std::string key = owned_key(owner, kLease + token);
  if (sessions_.journal() != nullptr) sessions_.journal()->announce(key, limits_.kind);
  entries_[token] = {std::make_shared<Lease>(Lease{key, false, ScalarType::u8, false}), now, now, owner};
  return token;
}

void Leases::release(const std::string& token, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = entries_.find(token); entry != entries_.end() && entry->second.owner == owner) end(entry);
}

void Leases::require(const std::string& token, const std::string& owner) const {
  const auto entry = entries_.find(token);
  if (entry != entries_.end() && (entry->second.owner == owner || entry->second.shared)) return;
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

void Leases::share(const std::string& token, bool shared) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(token);
  if (entry == entries_.end()) throw Error(ErrorCode::gone, "lease expired or unknown");
  entry->second.shared = shared;
}

std::vector<std::string> Leases::tokens_of(const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> tokens;
  for (const auto& [token, entry] : entries_) {
    if (entry.owner == owner) tokens.push_back(token);
  }
  return tokens;
}

std::size_t Leases::count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sagittal::server
