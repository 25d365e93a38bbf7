#include "stream/igtl/peer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/known_types.h"

namespace sagittal::igtl {
namespace {

constexpr std::chrono::seconds kHandshake{10};
constexpr int kMaxStrikes = 20;     // bad messages in a row
constexpr int kMaxSaid = 5;         // of a connection, in the log
constexpr std::uint16_t kGood = 1;  // of STATUS

SharedMessagePtr sign_of_life() {
  Outgoing message{.type = "STATUS", .device = "", .timestamp = timestamp_of(std::chrono::system_clock::now())};
  message.content = write_status({.code = kGood, .detail = 0, .name = "OK", .message = {}});
  return std::make_shared<SharedMessage>(std::move(message), nullptr);
}

}  // namespace

void Tally::add(std::uint64_t Counters::*what, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  counters_.*what += count;
}

Counters Tally::read() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

Peer::Peer(ConnectionId id, net::StreamSocket socket, PeerContext& context, Hooks hooks)
    : id_(id),
      context_(context),
      hooks_(std::move(hooks)),
      socket_(std::move(socket)),
      queue_(context.settings.queue),
      version_(context.settings.header_version == 2 ? 2 : 1) {}

Peer::~Peer() {
  stop();
  if (reader_.joinable()) reader_.join();
}

void Peer::start() {
  reader_ = std::thread([this] { read(); });
}

void Peer::stop() noexcept {
  stopped_ = true;
  queue_.close();
  socket_.shut_down();
}

void Peer::count(std::uint64_t Counters::*what, std::uint64_t count) {
  tally_.add(what, count);
  context_.totals.add(what, count);
}

PeerInfo Peer::info() const { return {id_, socket_.peer(), version_, tally_.read()}; }

void Peer::offer(const SharedMessagePtr& message) {
  if (!is_wanted(message->message())) return;
  if (const std::size_t dropped = queue_.put(message); dropped > 0) count(&Counters::dropped, dropped);
}

void Peer::answer(const SharedMessagePtr& message) {
  constexpr bool may_wait = false;
  if (const std::size_t dropped = queue_.put(message, may_wait); dropped > 0) count(&Counters::dropped, dropped);
}

bool Peer::is_wanted(const Outgoing& message) {
  const std::lock_guard lock(streams_mutex_);
  const auto found = streams_.find(message.type);
  if (found == streams_.end()) {
    if (!wishes_) return context_.settings.unasked;
    const bool wanted = wants(*wishes_, message);
    if (!wanted) count(&Counters::unwanted);
    return wanted;
  }
  Stream& stream = found->second;
  if (!stream.on || stream.interval.count() == 0) return stream.on;
  const auto now = Clock::now();
  auto& due = stream.due[message.device];
  if (now < due) return false;
  due = due + stream.interval > now ? due + stream.interval : now + stream.interval;
  return true;
}

void Peer::start_stream(const std::string& type, std::chrono::milliseconds interval) {
  const std::lock_guard lock(streams_mutex_);
  streams_[type] = {.on = true, .interval = interval};
}

void Peer::stop_stream(const std::string& type) {
  const std::lock_guard lock(streams_mutex_);
  streams_[type] = {.on = false};
}

void Peer::set_wishes(ClientInfo wishes) {
  if (context_.settings.header_version == 0 && wishes.header_version >= 2) version_ = 2;
  const std::lock_guard lock(streams_mutex_);
  streams_.clear();
  if (wishes.tracking && std::find(wishes.types.begin(), wishes.types.end(), "TDATA") != wishes.types.end()) {
    streams_["TDATA"] = {.on = true, .interval = std::chrono::milliseconds(wishes.tracking_interval)};
  }
  wishes_ = std::move(wishes);
}

void Peer::read() {
  std::string why = "the peer has closed";
  std::thread writer;
  try {
    if (context_.server_tls) socket_.secure_as_server(*context_.server_tls, Clock::now() + kHandshake);
    was_connected_ = true;
    count(&Counters::connects);
    hooks_.connected(*this);
    writer = std::thread([this] { write(); });
    read_messages();
  } catch (const std::exception& error) {
    why = error.what();
  }
  queue_.close();
  socket_.shut_down();
  if (writer.joinable()) writer.join();
  {
    const std::lock_guard lock(why_mutex_);
    if (!why_.empty()) why = why_;
  }
  if (stopped_) why = "closed here";
  if (was_connected_) count(&Counters::disconnects);
  hooks_.ended(*this, why);
}

void Peer::read_messages() {
  Incoming incoming(socket_, *context_.pool, context_.settings.incoming);
  try {
    while (auto message = incoming.next()) handle(std::move(*message));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::bad_input || error.code() == ErrorCode::too_large) {
      count(&Counters::refused);
    }
    throw;
  }
}

void Peer::handle(Incoming::Message raw) {
  count(&Counters::received);
  count(&Counters::received_bytes, kHeaderBytes + raw.header.body_bytes);
  if (context_.settings.header_version == 0 && raw.header.version >= 2) version_ = 2;
  if (context_.settings.verify_checksums && !has_good_checksum(raw.header, raw.body->bytes())) {
    strike(&Counters::bad_checksums, raw.header, "its checksum is wrong");
    return;
  }
  try {
    hand_on(raw);
    strikes_ = 0;
  } catch (const Error& error) {
    strike(&Counters::refused, raw.header, error.what());
  }
}

void Peer::hand_on(Incoming::Message& raw) {
  Arrival arrival{.connection = id_,
                  .utc = std::chrono::system_clock::now(),
                  .steady = Clock::now(),
                  .message = parse_body(raw.header, raw.body->bytes()),
                  .body = raw.body};
  if (!check_content(raw.header.type, arrival.message.content)) {
    count(&Counters::skipped);
    return;
  }
  hooks_.received(*this, arrival);
}

void Peer::strike(std::uint64_t Counters::*what, const Header& header, std::string_view why) {
  count(what);
  if (++said_ <= kMaxSaid) {
    context_.say(LogLevel::warning, fmt::format("OpenIGTLink, {}: {} \"{}\" is not taken: {}", socket_.peer(),
                                                header.type, header.device, why));
  }
  if (++strikes_ >= kMaxStrikes) {
    throw Error(ErrorCode::unavailable, fmt::format("{} bad messages in a row, the last: {}", strikes_, why));
  }
}

void Peer::write() noexcept {
  try {
    write_messages();
  } catch (const std::exception& error) {
    try {
      const std::lock_guard lock(why_mutex_);
      why_ = error.what();
    } catch (const std::exception&) {  // no memory for the reason
    }
  }
  queue_.close();
  socket_.shut_down();
}

void Peer::write_messages() {
  const EndpointSettings& settings = context_.settings;
  const auto within = [](std::chrono::milliseconds time) {
    return time.count() > 0 ? Clock::now() + time : net::kNever;
  };
  for (;;) {
    SharedMessagePtr message = queue_.take(within(settings.keep_alive));
    if (message == nullptr) {
      if (queue_.is_closed()) return;
      message = sign_of_life();
    }
    const Packed& packed = message->packed(static_cast<std::uint16_t>(version_));
    const std::array<ByteView, 3> parts{packed.front, packed.bulk, packed.back};
    socket_.write(parts, within(settings.stall_timeout));
    count(&Counters::sent);
    count(&Counters::sent_bytes, packed.size());
  }
}

}  // namespace sagittal::igtl
