#include "stream/operators/igtl_link.h"

#include <algorithm>

#include <fmt/format.h>

#include "stream/operators/igtl_values.h"

namespace sagittal::stream {

void IgtlInbox::put(Message message) {
  {
    const std::lock_guard lock(mutex_);
    const auto same = [&](const Message& other) {
      return other.type == message.type && other.envelope.device == message.envelope.device;
    };
    if (static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), same)) >= capacity_) {
      waiting_.erase(std::find_if(waiting_.begin(), waiting_.end(), same));
      ++dropped_;
    } else if (waiting_.size() >= 64 * capacity_) {  // of many devices
      waiting_.pop_front();
      ++dropped_;
    }
    waiting_.push_back(std::move(message));
  }
  event_.notify();
}

std::deque<Message> IgtlInbox::take_all() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

std::uint64_t IgtlInbox::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

IgtlLink::IgtlLink(const igtl::EndpointSettings& settings, LogSink log, IgtlInbox* first) {
  if (first != nullptr) inboxes_.insert(first);
  igtl::EndpointHandlers handlers;
  handlers.message = [this](const igtl::Arrival& arrival) { arrived(arrival); };
  handlers.command = [this](const igtl::CommandCall& call) { return called(call); };
  handlers.disconnected = [this](const igtl::PeerInfo& peer, std::string_view) {
    const std::lock_guard lock(mutex_);
    parts_.erase(peer.connection);
  };
  endpoint_ = std::make_unique<igtl::Endpoint>(settings, std::move(handlers), std::move(log));
}

void IgtlLink::join(IgtlInbox& inbox) {
  const std::lock_guard lock(mutex_);
  inboxes_.insert(&inbox);
}

void IgtlLink::leave(IgtlInbox& inbox) {
  const std::lock_guard lock(mutex_);
  inboxes_.erase(&inbox);
}

std::size_t IgtlLink::give(const Message& message, IgtlInbox::Kind kind) {
  const std::lock_guard lock(mutex_);
  std::size_t given = 0;
  for (IgtlInbox* inbox : inboxes_) {
    if (inbox->kind() != kind) continue;
    inbox->put(message);
    ++given;
  }
  return given;
}

void IgtlLink::set_control(RunControl* control) {
  const std::lock_guard lock(mutex_);
  control_ = control;
}

RunControl* IgtlLink::control() {
  const std::lock_guard lock(mutex_);
  return control_;
}

std::shared_ptr<ImageParts> IgtlLink::parts_of(igtl::ConnectionId connection) {
  const std::lock_guard lock(mutex_);
  auto& parts = parts_[connection];
  if (!parts) parts = std::make_shared<ImageParts>();
  return parts;
}

void IgtlLink::arrived(const igtl::Arrival& arrival) {
  if (arrival.message.header.type == "RTS_COMMAND") {
    give(answer_of(arrival), IgtlInbox::Kind::answers);
    return;
  }
  const std::shared_ptr<ImageParts> parts = parts_of(arrival.connection);
  const ImageParts::Counters before = parts->counters();
  const auto message = message_of(arrival, *parts);
  if (const ImageParts::Counters& now = parts->counters(); now.parts != before.parts) {
    const std::lock_guard lock(mutex_);
    in_parts_.parts += now.parts - before.parts;
    in_parts_.images += now.images - before.images;
    in_parts_.abandoned += now.abandoned - before.abandoned;
  }
  if (message && !took_over(*message)) give(*message);
}

/// A text that is an order: "STOP", as scripts of aigt send it, or what SetParameter takes, to the name "Control".
bool IgtlLink::took_over(const Message& message) {
  const Text* const text = value_in<Text>(message);
  RunControl* const run = text != nullptr ? control() : nullptr;
  if (run == nullptr) return false;
  if (text->text == "STOP") return run->stop("stopped by a peer"), true;
  if (message.envelope.device != "Control") return false;
  do_command(*run, "SetParameter", text->text);
  return true;
}

igtl::CommandReply IgtlLink::called(const igtl::CommandCall& call) {
  if (RunControl* const run = control(); run != nullptr && is_control_command(call.command.name)) {
    try {
      return {true, do_command(*run, call.command.name, call.command.text.text)};
    } catch (const Error& error) {
      return {false, error.what()};
    }
  }
  Envelope envelope{call.command.name};
  for (const auto& entry : call.metadata) envelope.metadata.set(entry.key, entry.value);
  auto command = std::make_shared<const Command>(
      Command{call.command.id, call.command.name, call.command.text.text, call.connection});
  if (give({std::move(envelope), value_type<Command>(), std::move(command)}) > 0) return {true, "taken"};
  return {false, "nobody takes commands here"};
}

Json IgtlLink::counters() const {
  const igtl::Counters all = endpoint_->counters();
  Json peers = Json::array();
  for (const igtl::PeerInfo& peer : endpoint_->peers()) {
    peers.push_back({{"address", peer.address},
                     {"header_version", peer.header_version},
                     {"sent", peer.counters.sent},
                     {"received", peer.counters.received},
                     {"dropped", peer.counters.dropped}});
  }
  const std::lock_guard lock(mutex_);
  return {{"sent", all.sent},
          {"sent_bytes", all.sent_bytes},
          {"received", all.received},
          {"received_bytes", all.received_bytes},
          {"dropped", all.dropped},
          {"bad_checksums", all.bad_checksums},
          {"refused", all.refused},
          {"skipped", all.skipped},
          {"unwanted", all.unwanted},
          {"connects", all.connects},
          {"disconnects", all.disconnects},
          {"turned_away", all.turned_away},
          {"image_parts", in_parts_.parts},
          {"images_of_parts", in_parts_.images},
          {"images_incomplete", in_parts_.abandoned},
          {"peers", std::move(peers)}};
}

std::shared_ptr<IgtlLink> IgtlLinks::open(const std::string& name, const igtl::EndpointSettings& settings, LogSink log,
                                          IgtlInbox* inbox) {
  if (name.empty()) return std::make_shared<IgtlLink>(settings, std::move(log), inbox);
  const std::lock_guard lock(mutex_);
  std::erase_if(shared_, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<IgtlLink> link = shared_[name].lock();
  if (!link) {
    link = std::make_shared<IgtlLink>(settings, std::move(log), inbox);
    shared_[name] = link;
  } else if (inbox != nullptr) {
    link->join(*inbox);
  }
  return link;
}

std::shared_ptr<IgtlLink> IgtlLinks::open(const IgtlParameters& connection, Context& context, IgtlInbox* inbox) {
  std::string name = connection.share();
  // Its memory for frames tells a run from others.
  if (!name.empty()) name += fmt::format("@{}", fmt::ptr(&context.frames()));
  return open(
      name, connection.settings(), [&context](LogLevel level, std::string_view text) { context.log(level, text); },
      inbox);
}

void IgtlParameters::declare(Setup& setup, bool server) {
  role_.set(server ? "server" : "client");
  setup.parameter(role_, "role", "server: peers connect here; client: connects, again and again")
      .one_of({"server", "client"})
      .fixed();
  setup.parameter(host_, "host", "of a server: where it listens").fixed();
  setup.parameter(port_, "port", "of a server: 0 takes any").between(0, 65535).fixed();
  setup.parameter(share_, "share", "operators with the same name here use one connection, that of the first").fixed();
  setup.parameter(version_, "header_version", "auto: 1 until the peer has sent 2").one_of({"auto", "1", "2"}).fixed();
  setup.parameter(policy_, "when_full", "what happens when a peer is slow")
      .one_of({"keep_latest", "block", "drop"})
      .fixed();
  setup.parameter(queue_, "queue", "messages that wait for a peer, at most").between(1, 100'000).fixed();
  setup.parameter(max_message_mib_, "max_message_mib", "larger ones are refused; they have a buffer for each peer")
      .between(1, 1024)
      .fixed();
  setup.parameter(max_clients_, "max_clients", "of a server").between(1, 1000).fixed();
  setup.parameter(keep_alive_ms_, "keep_alive_ms", "STATUS after so long without a message; 0: none")
      .between(0, 3'600'000)
      .fixed();
  setup.parameter(stall_timeout_ms_, "stall_timeout_ms", "a peer that takes nothing for so long is left; 0: never")
      .between(0, 3'600'000)
      .fixed();
  setup.parameter(checksums_, "verify_checksums", "of what comes").fixed();
  setup.parameter(push_, "push_on_connect", "types, as IMAGE, whose latest message a new peer is sent").fixed();
  setup.parameter(tls_, "tls", "of a client: encrypted").fixed();
  setup.parameter(certificate_, "tls_certificate", "of a server: PEM file; then it is encrypted").path();
  setup.parameter(key_, "tls_key", "of a server: PEM file").path();
  setup.parameter(authority_, "tls_ca", "of a client: PEM file of whom it believes; empty: the system's").path();
}

igtl::EndpointSettings IgtlParameters::settings() const {
  igtl::EndpointSettings settings;
  settings.role = *role_ == "server" ? igtl::Role::server : igtl::Role::client;
  settings.host = *host_;
  settings.port = static_cast<std::uint16_t>(*port_);
  settings.header_version = *version_ == "auto" ? 0 : *version_ == "1" ? 1 : 2;
  settings.queue.policy = *policy_ == "block"  ? igtl::QueuePolicy::block
                          : *policy_ == "drop" ? igtl::QueuePolicy::drop_newest
                                               : igtl::QueuePolicy::keep_latest;
  settings.queue.messages = static_cast<std::size_t>(*queue_);
  settings.incoming.max_body_bytes = static_cast<std::uint64_t>(*max_message_mib_) << 20;
  settings.max_clients = static_cast<std::size_t>(*max_clients_);
  settings.keep_alive = std::chrono::milliseconds(*keep_alive_ms_);
  settings.stall_timeout = std::chrono::milliseconds(*stall_timeout_ms_);
  settings.verify_checksums = *checksums_;
  settings.push_on_connect = *push_;
  settings.tls = *tls_;
  settings.tls_certificate = *certificate_;
  settings.tls_key = *key_;
  settings.tls_ca = *authority_;
  return settings;
}

}  // namespace sagittal::stream
