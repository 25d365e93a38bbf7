#include "server/state/events.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::server {
namespace {

constexpr std::size_t kMaxBacklog = 32;       ///< events between a request for a socket and its opening
constexpr std::size_t kMaxBacklogLogs = 256;  ///< lines of a log besides; further ones are in the log only
constexpr std::size_t kMaxPerOwner = 64;
constexpr std::uint16_t kDone = 1000, kNotAllowed = 1008, kTooSlow = 1013;

http::WebSocket::Text text_of(const Json& event) {
  return std::make_shared<const std::string>(event.dump(-1, ' ', false, Json::error_handler_t::replace));
}

http::Loss loss_of(const Json& event, const std::string& type) {
  const bool preview = type == "mask" && event.value("coarse", false);
  return type == "progress" || preview ? http::Loss::when_slow : http::Loss::never;
}

}  // namespace

Events::Events() = default;
Events::~Events() = default;

std::shared_ptr<Events::Listener> Events::listen(const std::string& session, const std::string& owner) {
  return std::make_shared<Listener>(*this, session, owner);
}

bool Events::has_listeners(const std::string& session) const {
  const std::lock_guard lock(mutex_);
  return listeners_.contains(session);
}

std::size_t Events::count() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [session, listeners] : listeners_) sum += listeners.size();
  return sum;
}

void Events::publish(const std::string& session, const Json& event) {
  if (!has_listeners(session)) return;
  const http::WebSocket::Text text = text_of(event);
  const std::string type = event.value("type", "");
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(session);
  if (found == listeners_.end()) return;
  for (Listener* listener : found->second) {
    listener->tell(text, loss_of(event, type), event.contains("log"));
    if (type == "closed") listener->close(kDone, "the session is closed");
  }
}

void Events::keep_only(const std::string& session, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find(session);
  if (found == listeners_.end()) return;
  for (Listener* listener : found->second) {
    if (listener->owner_ != owner) listener->close(kNotAllowed, "the session is no longer shared");
  }
}

Events::Listener::Listener(Events& events, std::string session, std::string owner)
    : events_(events), session_(std::move(session)), owner_(std::move(owner)) {
  const std::lock_guard lock(events_.mutex_);
  std::size_t& owned = events_.of_owner_[owner_];
  if (!owner_.empty() && owned >= kMaxPerOwner) {
    throw Error(ErrorCode::unavailable,
                fmt::format("{} WebSockets are open with this key, which is the most; close one", owned));
  }
  events_.listeners_[session_].insert(this);
  ++owned;
}

Events::Listener::~Listener() {
  const std::lock_guard lock(events_.mutex_);
  const auto found = events_.listeners_.find(session_);
  found->second.erase(this);
  if (found->second.empty()) events_.listeners_.erase(found);
  const auto owned = events_.of_owner_.find(owner_);
  if (--owned->second == 0) events_.of_owner_.erase(owned);
}

void Events::Listener::open(std::shared_ptr<http::WebSocket> socket, const Json& hello) {
  const std::lock_guard lock(events_.mutex_);
  socket_ = std::move(socket);
  socket_->send(text_of(hello), http::Loss::never);
  for (http::WebSocket::Text& text : backlog_) socket_->send(std::move(text), http::Loss::never);
  backlog_.clear();
  if (closing_ != 0) socket_->close(closing_, "");
}

void Events::Listener::tell(const http::WebSocket::Text& text, http::Loss loss, bool is_in_log) {
  if (socket_) return socket_->send(text, loss);
  if (loss == http::Loss::when_slow) return;
  if (is_in_log && logs_in_backlog_ == kMaxBacklogLogs) return;
  if (is_in_log) ++logs_in_backlog_;
  if (!is_in_log && backlog_.size() - logs_in_backlog_ == kMaxBacklog) return close(kTooSlow, "");
  backlog_.push_back(text);
}

void Events::Listener::close(std::uint16_t code, std::string_view reason) {
  if (socket_) return socket_->close(code, reason);
  if (closing_ == 0) closing_ = code;
}

}  // namespace sagittal::server
