#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/http/web_socket.h"

namespace sagittal::server {

/// Who listens to which session. Events are JSON objects whose "type" says what they are; progress, and masks with
/// "coarse", are lost for readers that are slow, and lines of a log, {"log": line}, before their socket is open. Any
/// thread; publishing never blocks.
class Events {
 public:
  class Listener;

  Events();
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  /// Hears, once it is open, what is published from now on, for as long as it lives. The events must outlive it.
  /// `owner`: whose key it came with; each has 64 at most, further ones are refused with Error(unavailable).
  std::shared_ptr<Listener> listen(const std::string& session, const std::string& owner = {});
  bool has_listeners(const std::string& session) const;
  std::size_t count() const;

  /// An event of type "closed" ends the listening.
  void publish(const std::string& session, const Json& event);
  /// Those that came with another owner's key are let go of: the session is no longer shared.
  void keep_only(const std::string& session, const std::string& owner);

 private:
  friend class Listener;
  mutable std::mutex mutex_;
  std::map<std::string, std::set<Listener*>, std::less<>> listeners_;  // by session; guarded by mutex_
  std::map<std::string, std::size_t, std::less<>> of_owner_;           // guarded by mutex_
};

/// One reader of a session's events.
class Events::Listener {
 public:
  Listener(Events& events, std::string session, std::string owner);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// Sends `hello`, then what was published since `listen`, then all else.
  void open(std::shared_ptr<http::WebSocket> socket, const Json& hello);

 private:
  friend class Events;
  void tell(const http::WebSocket::Text& text, http::Loss loss, bool is_in_log);
  void close(std::uint16_t code, std::string_view reason);

  Events& events_;
  const std::string session_;
  const std::string owner_;
  // Guarded by the mutex of `events_`:
  std::shared_ptr<http::WebSocket> socket_;     // null before `open`
  std::vector<http::WebSocket::Text> backlog_;  // of what must not be lost, before `open`
  std::size_t logs_in_backlog_ = 0;
  std::uint16_t closing_ = 0;  // before `open`; 0: not to be closed
};

}  // namespace sagittal::server
