#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/incoming.h"
#include "stream/igtl/send_queue.h"
#include "stream/igtl/shared_message.h"

namespace sagittal::igtl {

enum class Role { server, client };

/// Whom it speaks with, and within which limits.
struct EndpointSettings {
  Role role = Role::server;
  std::string host = "127.0.0.1";  ///< of a server: where it listens
  std::uint16_t port = 18944;      ///< of a server: 0 takes any that is free
  /// 1 or 2; 0: 1 until the peer has sent 2, for Debian's library loses its place where a 2 comes.
  int header_version = 0;
  QueueLimits queue = {};  ///< for each peer
  IncomingLimits incoming = {};
  std::size_t max_clients = 16;
  bool verify_checksums = true;
  std::chrono::milliseconds stall_timeout{0};     ///< a peer that takes nothing for so long is left; 0: never
  std::chrono::milliseconds keep_alive{0};        ///< a STATUS whenever nothing was sent for so long; 0: none
  bool unasked = true;                            ///< else only what a peer started with STT_ goes to it
  std::vector<std::string> push_on_connect = {};  ///< types whose latest messages a peer is sent at once
  std::size_t latest_messages = 256;              ///< that queries are answered from; and their bytes
  std::uint64_t latest_bytes = std::uint64_t{512} << 20;

  std::chrono::milliseconds connect_timeout{5000};  ///< these of a client
  std::chrono::milliseconds first_retry{100}, longest_retry{2000};

  std::string tls_certificate = {}, tls_key = {};  ///< of a server: PEM files; empty: no TLS
  bool tls = false;                                ///< of a client
  std::string tls_ca = {};                         ///< whom it believes; empty: the system's
};

/// A number for each connection, never used twice.
using ConnectionId = std::uint64_t;

/// A message that came. `message.content` lies in `body`: keep that to keep voxels without a copy.
struct Arrival {
  ConnectionId connection = 0;
  std::chrono::system_clock::time_point utc;     ///< when its last byte was here
  std::chrono::steady_clock::time_point steady;  ///< the same
  Received message;
  std::shared_ptr<const void> body;
};

/// What was counted, of a connection or of all that ever were.
struct Counters {
  std::uint64_t sent = 0, sent_bytes = 0;
  std::uint64_t received = 0, received_bytes = 0;
  std::uint64_t dropped = 0;        ///< were to be sent, but the peer was too slow
  std::uint64_t bad_checksums = 0;  ///< messages not handed on
  std::uint64_t refused = 0;        ///< contents that are not what their type says, and garbage
  std::uint64_t skipped = 0;        ///< of unknown types
  std::uint64_t unwanted = 0;       ///< not sent, for the peer's CLIENTINFO names others
  std::uint64_t connects = 0, disconnects = 0;
  std::uint64_t turned_away = 0;  ///< clients beyond `max_clients`
};

struct PeerInfo {
  ConnectionId connection = 0;
  std::string address;
  int header_version = 1;  ///< that it is sent
  Counters counters;
};

/// COMMAND, or a STRING "CMD_…" as older Plus clients send it.
struct CommandCall {
  ConnectionId connection = 0;
  Command command;
  Metadata metadata;
};
struct CommandReply {
  bool good = true;
  std::string text;
  Metadata metadata = {};
};

/// All are called on a thread of the connection: of one connection one after the other, of several at once. One that
/// takes long delays only its own connection. They may send, which under QueuePolicy::block may wait for their own
/// peer, but not close the endpoint. Error counts as `refused`.
struct EndpointHandlers {
  /// Known types with good contents; not the questions and commands that the endpoint answers itself.
  std::function<void(const Arrival&)> message = {};
  /// Without it commands are answered with an error.
  std::function<CommandReply(const CommandCall&)> command = {};
  std::function<void(const PeerInfo&)> connected = {};
  std::function<void(const PeerInfo&, std::string_view why)> disconnected = {};
};

/// OpenIGTLink over TCP: a server of several clients, or a client that connects again for ever. Each connection has a
/// thread that reads and one that writes, so a slow, silent or hostile peer delays no other. Queries (GET_, STT_, STP_)
/// are answered and the wishes of a CLIENTINFO obeyed here. All members are for any thread.
class Endpoint {
 public:
  /// Listens, or begins to connect. Error(unavailable) where the port is taken, Error(bad_input) for files of TLS.
  Endpoint(EndpointSettings settings, EndpointHandlers handlers, LogSink log = {});
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();

  /// Of a server: where it listens.
  std::uint16_t port() const;

  /// To all that are connected, and remembered for who asks later. `bulk_owner` keeps `message.bulk` alive, which is
  /// not copied and must not change any more. Waits only under QueuePolicy::block. Error as of `pack`.
  void send(Outgoing message, std::shared_ptr<const void> bulk_owner = nullptr);
  void send(const SharedMessagePtr& message);
  /// To one; false: it is gone.
  bool send_to(ConnectionId connection, const SharedMessagePtr& message);
  /// Each peer is sent this: those that are here now, and who comes later, first of all.
  void greet(Outgoing message);
  /// Until all that was sent has left, or its peer: false at the deadline.
  bool flush(std::chrono::milliseconds timeout);

  /// Of a client: it connects again.
  void disconnect(ConnectionId connection);
  /// Ends all connections; nobody is called any more. What waits to be sent is lost: see `flush`.
  void close();

  Counters counters() const;
  std::vector<PeerInfo> peers() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sagittal::igtl
