#include <map>
#include <string_view>
#include <vector>

#include "server/http/connection.h"

namespace sagittal::server::http {

Connection::Connection(std::shared_ptr<Shared> shared, std::string address)
    : shared_(std::move(shared)), address_(std::move(address)), waiting_since_(0) {
  set_waiting(true);
  const std::lock_guard lock(shared_->mutex_);
  shared_->connections_.insert(this);
}

Connection::~Connection() {
  const std::lock_guard lock(shared_->mutex_);
  shared_->connections_.erase(this);
}

std::size_t Shared::count() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

bool Shared::has_room() { return count() < options.max_connections || close_some_waiting(); }

bool Shared::close_some_waiting() {
  std::vector<std::shared_ptr<Connection>> chosen;  // the last owner of a connection lets go of it without the lock
  {
    const std::lock_guard lock(mutex_);
    std::map<std::string_view, std::vector<Connection*>> by_address;
    for (Connection* connection : connections_) {
      if (connection->waiting()) by_address[connection->address()].push_back(connection);
    }
    const auto most = std::max_element(by_address.begin(), by_address.end(),
                                       [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    if (most == by_address.end()) return false;
    auto& waiting = most->second;
    const std::size_t few = 1 + waiting.size() / 32;
    std::vector<std::pair<std::int64_t, Connection*>> by_time;
    for (Connection* connection : waiting) by_time.emplace_back(connection->waiting_since(), connection);
    std::partial_sort(by_time.begin(), by_time.begin() + static_cast<std::ptrdiff_t>(few), by_time.end());
    for (std::size_t i = 0; i < few; ++i) {
      if (auto alive = by_time[i].second->weak_from_this().lock()) chosen.push_back(std::move(alive));
    }
  }
  for (const auto& connection : chosen) connection->close_if_waiting();
  return true;
}

void Shared::close_web_sockets() {
  std::vector<std::shared_ptr<Connection>> all;  // let go of without the lock
  {
    const std::lock_guard lock(mutex_);
    for (Connection* connection : connections_) {
      if (auto alive = connection->weak_from_this().lock()) all.push_back(std::move(alive));
    }
  }
  for (const auto& connection : all) connection->go_away();
}

void Shared::close_all() {
  const std::lock_guard lock(mutex_);
  for (Connection* connection : connections_) connection->close();
}

TlsContext Shared::tls() const {
  const std::lock_guard lock(mutex_);
  return tls_;
}

void Shared::load_tls() {
  if (options.tls_certificate.empty()) return;
  TlsContext fresh = make_tls_context(options.tls_certificate, options.tls_key);
  const std::lock_guard lock(mutex_);
  tls_ = std::move(fresh);
}

}  // namespace sagittal::server::http
