#include "stream/igtl/endpoint.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/log_limit.h"
#include "stream/igtl/client_info.h"
#include "stream/igtl/commands.h"
#include "stream/igtl/known_types.h"
#include "stream/igtl/latest.h"
#include "stream/igtl/peer.h"
#include "stream/igtl/wire.h"

namespace sagittal::igtl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kIdleBodies = std::uint64_t{128} << 20;
constexpr std::size_t kPrefix = 4;  // of "GET_" and its like
constexpr std::chrono::milliseconds kBreath{100};
constexpr std::uint32_t kLongestInterval = 3'600'000;

/// Of a STT_…: VIDEO names its codec first.
std::chrono::milliseconds interval_in(std::string_view type, ByteView content) {
  std::uint32_t interval = 0;
  if (type == "VIDEO") {
    if (content.size() >= 8) interval = big_endian<std::uint32_t>(content.data() + 4);
  } else if (content.size() >= 4) {
    interval = big_endian<std::uint32_t>(content.data());
  }
  return std::chrono::milliseconds(std::min(interval, kLongestInterval));
}

SharedMessagePtr ready_message(const Header& asked, bool good) {
  Outgoing message{.type = "RTS_" + asked.type.substr(kPrefix), .device = asked.device};
  message.content = write_ready(good);
  return std::make_shared<SharedMessage>(std::move(message), nullptr);
}

/// So that a peer that follows, as Plus and 3D Slicer do, knows from the start.
SharedMessagePtr version_announcement() {
  Outgoing message{.type = "STATUS", .device = ""};
  message.content = write_status({.code = 1, .detail = 0, .name = "OK", .message = {}});
  return std::make_shared<SharedMessage>(std::move(message), nullptr);
}

}  // namespace

class Endpoint::Impl {
 public:
  Impl(EndpointSettings settings, EndpointHandlers handlers, LogSink log)
      : handlers_(std::move(handlers)), latest_(settings.latest_messages, settings.latest_bytes) {
    context_.settings = std::move(settings);
    context_.log = limited(std::move(log));
    context_.pool = std::make_shared<BodyPool>(kIdleBodies);
    const EndpointSettings& ours = context_.settings;
    if (ours.header_version < 0 || ours.header_version > 2) {
      throw Error(ErrorCode::bad_input, fmt::format("header version {}, expected 1, 2 or 0", ours.header_version));
    }
    if (ours.role == Role::server) {
      if (!ours.tls_certificate.empty()) context_.server_tls = net::tls_for_server(ours.tls_certificate, ours.tls_key);
      listener_.emplace(ours.host, ours.port);
      supervisor_ = std::thread([this] { serve(); });
    } else {
      if (ours.tls) client_tls_ = net::tls_for_client(ours.tls_ca);
      supervisor_ = std::thread([this] { keep_connected(); });
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { close(); }

  std::uint16_t port() const { return listener_ ? listener_->port() : context_.settings.port; }

  void send(const SharedMessagePtr& message) {
    latest_.remember(message);
    for (const auto& peer : everybody()) peer->offer(message);
  }

  bool send_to(ConnectionId connection, const SharedMessagePtr& message) {
    const std::shared_ptr<Peer> peer = find(connection);
    if (peer != nullptr) peer->offer(message);
    return peer != nullptr;
  }

  void greet(Outgoing message) {
    const std::lock_guard lock(mutex_);
    greetings_.push_back(std::make_shared<SharedMessage>(std::move(message), nullptr));
    for (const auto& [id, peer] : peers_) peer->answer(greetings_.back());
  }

  bool flush(std::chrono::milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    bool all = true;
    for (const auto& peer : everybody()) all = peer->flush(deadline) && all;
    return all;
  }

  void disconnect(ConnectionId connection) {
    if (const std::shared_ptr<Peer> peer = find(connection)) peer->stop();
  }

  void close() {
    cancel_.cancel();
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    if (listener_) listener_->wake();
    const std::lock_guard lock(close_mutex_);
    if (supervisor_.joinable()) supervisor_.join();
  }

  Counters counters() const { return context_.totals.read(); }

  std::vector<PeerInfo> peers() const {
    std::vector<PeerInfo> out;
    for (const auto& peer : everybody()) out.push_back(peer->info());
    return out;
  }

 private:
  std::vector<std::shared_ptr<Peer>> everybody() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Peer>> out;
    for (const auto& [id, peer] : peers_) out.push_back(peer);
    return out;
  }
  std::shared_ptr<Peer> find(ConnectionId connection) const {
    const std::lock_guard lock(mutex_);
    const auto found = peers_.find(connection);
    return found != peers_.end() ? found->second : nullptr;
  }
  bool is_closing() const {
    const std::lock_guard lock(mutex_);
    return closing_;
  }

  void serve();
  void keep_connected();
  void try_once(std::string& last_failure, std::chrono::milliseconds& pause);
  void pause_for(std::chrono::milliseconds time);
  void add(net::StreamSocket socket);
  void bury_the_dead();
  void end_all();

  void connected(Peer& peer);
  void received(Peer& peer, Arrival& arrival);
  void ended(Peer& peer, std::string_view why);
  void start_or_stop(Peer& peer, const Arrival& arrival);
  void serve_wishes(Peer& peer, const Arrival& arrival);
  void obey(Peer& peer, const Arrival& arrival, const CommandCall& call);

  PeerContext context_;
  const EndpointHandlers handlers_;
  LatestMessages latest_;
  std::optional<net::Listener> listener_;
  std::shared_ptr<const net::TlsContext> client_tls_;
  const CancelToken cancel_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<ConnectionId, std::shared_ptr<Peer>> peers_;  // these are guarded by mutex_
  std::vector<std::shared_ptr<Peer>> dead_;
  std::vector<SharedMessagePtr> greetings_;
  ConnectionId last_id_ = 0;
  bool closing_ = false;
  std::mutex close_mutex_;
  std::thread supervisor_;  // guarded by close_mutex_
};

void Endpoint::Impl::serve() {
  while (!is_closing()) {
    bury_the_dead();
    try {
      std::optional<net::StreamSocket> socket = listener_->accept();
      if (!socket) continue;
      if (everybody().size() < context_.settings.max_clients) {
        add(std::move(*socket));
        continue;
      }
      context_.totals.add(&Counters::turned_away, 1);
      context_.say(LogLevel::warning, fmt::format("OpenIGTLink, {}: turned away, {} clients are here", socket->peer(),
                                                  context_.settings.max_clients));
    } catch (const std::exception& error) {
      context_.say(LogLevel::error, fmt::format("OpenIGTLink: a client could not be taken: {}", error.what()));
      pause_for(kBreath);
    }
  }
  end_all();
}

void Endpoint::Impl::keep_connected() {
  std::chrono::milliseconds pause = context_.settings.first_retry;
  std::string last_failure;
  while (!is_closing()) {
    const auto begin = Clock::now();
    try_once(last_failure, pause);
    bury_the_dead();
    if (Clock::now() - begin > context_.settings.longest_retry) pause = context_.settings.first_retry;
    pause_for(pause);
    pause = std::min(2 * pause, context_.settings.longest_retry);
  }
  end_all();
}

/// Until the connection ends.
void Endpoint::Impl::try_once(std::string& last_failure, std::chrono::milliseconds& pause) {
  const EndpointSettings& ours = context_.settings;
  try {
    add(net::StreamSocket::connect(ours.host, ours.port, Clock::now() + ours.connect_timeout, cancel_, client_tls_));
    last_failure.clear();
    pause = ours.first_retry;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closing_ || peers_.empty(); });
  } catch (const std::exception& error) {
    if (last_failure == error.what() || cancel_.cancelled()) return;
    last_failure = error.what();
    context_.say(LogLevel::warning, fmt::format("OpenIGTLink: not connected, trying on: {}", last_failure));
  }
}

void Endpoint::Impl::pause_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] { return closing_; });
}

void Endpoint::Impl::add(net::StreamSocket socket) {
  const std::lock_guard lock(mutex_);
  Peer::Hooks hooks{.connected = [this](Peer& peer) { connected(peer); },
                    .received = [this](Peer& peer, Arrival& arrival) { received(peer, arrival); },
                    .ended = [this](Peer& peer, std::string_view why) { ended(peer, why); }};
  const auto peer = std::make_shared<Peer>(++last_id_, std::move(socket), context_, std::move(hooks));
  if (context_.settings.role == Role::client && context_.settings.header_version == 2) {
    peer->answer(version_announcement());
  }
  // Under the lock, so that what is sent meanwhile comes behind.
  for (const SharedMessagePtr& message : greetings_) peer->answer(message);
  for (const std::string& type : context_.settings.push_on_connect) {
    for (const SharedMessagePtr& message : latest_.find(type, "")) peer->answer(message);
  }
  peers_[peer->id()] = peer;
  try {
    peer->start();
  } catch (const std::exception&) {
    peers_.erase(peer->id());
    throw;
  }
}

void Endpoint::Impl::bury_the_dead() {
  std::vector<std::shared_ptr<Peer>> dead;
  {
    const std::lock_guard lock(mutex_);
    dead.swap(dead_);
  }
}  // their threads have ended or are about to

void Endpoint::Impl::end_all() {
  for (const auto& peer : everybody()) peer->stop();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return peers_.empty(); });
  lock.unlock();
  bury_the_dead();
}

void Endpoint::Impl::connected(Peer& peer) {
  const PeerInfo info = peer.info();
  context_.say(LogLevel::info, fmt::format("OpenIGTLink: connected with {}", info.address));
  if (handlers_.connected) handlers_.connected(info);
}

void Endpoint::Impl::ended(Peer& peer, std::string_view why) {
  const PeerInfo info = peer.info();
  try {
    context_.say(LogLevel::info, fmt::format("OpenIGTLink: the connection with {} ended: {}", info.address, why));
    if (handlers_.disconnected && peer.was_connected()) handlers_.disconnected(info, why);
  } catch (const std::exception& error) {
    context_.say(LogLevel::error, fmt::format("OpenIGTLink: hearing of an end: {}", error.what()));
  }
  {
    const std::lock_guard lock(mutex_);
    const auto found = peers_.find(info.connection);
    dead_.push_back(std::move(found->second));
    peers_.erase(found);
    changed_.notify_all();
    if (listener_) listener_->wake();
  }
}

void Endpoint::Impl::received(Peer& peer, Arrival& arrival) {
  const std::string& type = arrival.message.header.type;
  if (type.starts_with("GET_")) {
    for (const SharedMessagePtr& answer : answer_query(latest_, arrival.message.header)) peer.answer(answer);
  } else if (type.starts_with("STT_") || type.starts_with("STP_")) {
    start_or_stop(peer, arrival);
  } else if (type == "CLIENTINFO") {
    serve_wishes(peer, arrival);
  } else if (const std::optional<CommandCall> call = read_call(arrival)) {
    obey(peer, arrival, *call);
  } else if (handlers_.message) {
    handlers_.message(arrival);
  }
}

void Endpoint::Impl::start_or_stop(Peer& peer, const Arrival& arrival) {
  const Header& header = arrival.message.header;
  const std::string type(type_asked_for(std::string_view(header.type).substr(kPrefix)));
  if (!type.empty() && header.type.starts_with("STT_")) {
    peer.start_stream(type, interval_in(type, arrival.message.content));
  } else if (!type.empty()) {
    peer.stop_stream(type);
  }
  peer.answer(ready_message(header, !type.empty()));
}

void Endpoint::Impl::serve_wishes(Peer& peer, const Arrival& arrival) {
  ClientInfo wishes = read_client_info(arrival.message.content);
  context_.say(LogLevel::info, fmt::format("OpenIGTLink, {}: wishes {}", peer.info().address, summary_of(wishes)));
  peer.set_wishes(std::move(wishes));
}

void Endpoint::Impl::obey(Peer& peer, const Arrival& arrival, const CommandCall& call) {
  CommandReply reply{.good = false, .text = "no commands are taken here"};
  if (handlers_.command) {
    try {
      reply = handlers_.command(call);
    } catch (const Error& error) {
      reply.text = error.what();
    }
  }
  peer.answer(write_reply(arrival.message.header, call, reply));
}

Endpoint::Endpoint(EndpointSettings settings, EndpointHandlers handlers, LogSink log)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(handlers), std::move(log))) {}
Endpoint::~Endpoint() = default;

std::uint16_t Endpoint::port() const { return impl_->port(); }
void Endpoint::send(Outgoing message, std::shared_ptr<const void> bulk_owner) {
  send(std::make_shared<SharedMessage>(std::move(message), std::move(bulk_owner)));
}
void Endpoint::send(const SharedMessagePtr& message) { impl_->send(message); }
bool Endpoint::send_to(ConnectionId connection, const SharedMessagePtr& message) {
  return impl_->send_to(connection, message);
}
void Endpoint::greet(Outgoing message) { impl_->greet(std::move(message)); }
bool Endpoint::flush(std::chrono::milliseconds timeout) { return impl_->flush(timeout); }
void Endpoint::disconnect(ConnectionId connection) { impl_->disconnect(connection); }
void Endpoint::close() { impl_->close(); }
Counters Endpoint::counters() const { return impl_->counters(); }
std::vector<PeerInfo> Endpoint::peers() const { return impl_->peers(); }

}  // namespace sagittal::igtl
