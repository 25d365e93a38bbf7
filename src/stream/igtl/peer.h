#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "net/stream_socket.h"
#include "stream/igtl/body_pool.h"
#include "stream/igtl/client_info.h"
#include "stream/igtl/endpoint.h"
#include "stream/igtl/send_queue.h"

namespace sagittal::igtl {

/// `Counters`, for several threads.
class Tally {
 public:
  void add(std::uint64_t Counters::*what, std::uint64_t count);
  Counters read() const;

 private:
  mutable std::mutex mutex_;
  Counters counters_;  // guarded by mutex_
};

/// What all connections of an endpoint share; it outlives them.
struct PeerContext {
  EndpointSettings settings;
  LogSink log;
  std::shared_ptr<BodyPool> pool;
  std::shared_ptr<const net::TlsContext> server_tls;
  Tally totals;

  void say(LogLevel level, std::string_view text) const {
    if (log) log(level, text);
  }
};

/// One connection with its two threads.
class Peer {
 public:
  struct Hooks {
    std::function<void(Peer&)> connected;
    /// Good messages of any type.
    std::function<void(Peer&, Arrival&)> received;
    /// On its reading thread, which then ends.
    std::function<void(Peer&, std::string_view why)> ended;
  };

  Peer(ConnectionId id, net::StreamSocket socket, PeerContext& context, Hooks hooks);
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  /// Stops and waits.
  ~Peer();

  void start();
  /// Soon; any thread.
  void stop() noexcept;

  /// What nobody asked for goes only to who wants it. Any thread.
  void offer(const SharedMessagePtr& message);
  /// An answer: never waits for room.
  void answer(const SharedMessagePtr& message);
  bool flush(std::chrono::steady_clock::time_point deadline) { return queue_.wait_until_empty(deadline); }

  /// STT_ and STP_.
  void start_stream(const std::string& type, std::chrono::milliseconds interval);
  void stop_stream(const std::string& type);
  /// CLIENTINFO; ends what STT_ started.
  void set_wishes(ClientInfo wishes);

  void count(std::uint64_t Counters::*what, std::uint64_t count = 1);
  PeerInfo info() const;
  ConnectionId id() const { return id_; }
  /// On the reading thread: whether `connected` was called.
  bool was_connected() const { return was_connected_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Stream {
    bool on = true;
    std::chrono::milliseconds interval{0};
    std::map<std::string, Clock::time_point> due = {};  // by device
  };

  void read();
  void read_messages();
  void handle(Incoming::Message raw);
  void hand_on(Incoming::Message& raw);
  void strike(std::uint64_t Counters::*what, const Header& header, std::string_view why);
  void write() noexcept;
  void write_messages();
  bool is_wanted(const Outgoing& message);

  const ConnectionId id_;
  PeerContext& context_;
  const Hooks hooks_;
  net::StreamSocket socket_;
  SendQueue queue_;
  Tally tally_;
  std::atomic<int> version_;
  int strikes_ = 0;             // of the reading thread: bad messages in a row
  int said_ = 0;                // of the reading thread
  bool was_connected_ = false;  // of the reading thread
  std::atomic<bool> stopped_ = false;
  std::mutex streams_mutex_;
  std::map<std::string, Stream> streams_;  // by type; these are guarded by streams_mutex_
  std::optional<ClientInfo> wishes_;
  std::mutex why_mutex_;
  std::string why_;  // of the writing thread, for who says good-bye; guarded by why_mutex_
  std::thread reader_;
};

}  // namespace sagittal::igtl
