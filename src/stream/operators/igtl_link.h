#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "stream/condition.h"
#include "stream/igtl/endpoint.h"
#include "stream/message.h"
#include "stream/operator.h"
#include "stream/operators/image_parts.h"

namespace sagittal::stream {

/// What waits for an operator that takes messages of a connection: of each device and type at most `capacity`, the
/// oldest goes. Any thread.
class IgtlInbox {
 public:
  /// Answers to commands that were sent are Texts named as the command, how it went as metadata "Status".
  enum class Kind { messages, answers };
  IgtlInbox(AsyncEvent& event, std::size_t capacity, Kind kind = Kind::messages)
      : event_(event), capacity_(capacity), kind_(kind) {}
  Kind kind() const { return kind_; }
  void put(Message message);
  std::deque<Message> take_all();
  std::uint64_t dropped() const;

 private:
  AsyncEvent& event_;
  const std::size_t capacity_;
  const Kind kind_;
  mutable std::mutex mutex_;
  std::deque<Message> waiting_;  // these are guarded by mutex_
  std::uint64_t dropped_ = 0;
};

/// One endpoint for the operators that share it. Any thread.
class IgtlLink {
 public:
  /// `first`, where there is one, has joined before the first message comes.
  IgtlLink(const igtl::EndpointSettings& settings, LogSink log, IgtlInbox* first = nullptr);

  /// `inbox` is called until `leave`, which waits for those calls.
  void join(IgtlInbox& inbox);
  /// Commands of `do_command`, and texts to "Control" or "STOP", change the pipeline; null: they are messages only.
  void set_control(RunControl* control);
  void leave(IgtlInbox& inbox);

  igtl::Endpoint& endpoint() { return *endpoint_; }
  /// Not used before on this link: Plus passes over a command whose number it has seen.
  std::uint32_t next_command_id() { return ++last_command_id_; }
  Json counters() const;

 private:
  void arrived(const igtl::Arrival& arrival);
  igtl::CommandReply called(const igtl::CommandCall& call);
  std::size_t give(const Message& message, IgtlInbox::Kind kind = IgtlInbox::Kind::messages);
  RunControl* control();
  bool took_over(const Message& message);
  /// What a connection has sent of images in parts; its own thread alone uses it.
  std::shared_ptr<ImageParts> parts_of(igtl::ConnectionId connection);

  mutable std::mutex mutex_;
  std::set<IgtlInbox*> inboxes_;  // these are guarded by mutex_
  RunControl* control_ = nullptr;
  std::map<igtl::ConnectionId, std::shared_ptr<ImageParts>> parts_;
  ImageParts::Counters in_parts_;
  std::atomic<std::uint32_t> last_command_id_ = 0;
  std::unique_ptr<igtl::Endpoint> endpoint_;
};

class IgtlParameters;

/// The links that operators of one registry share by name.
class IgtlLinks {
 public:
  /// The link of that name; a new one where there is none, or where the name is empty. `inbox`, if any, has joined it.
  std::shared_ptr<IgtlLink> open(const std::string& name, const igtl::EndpointSettings& settings, LogSink log,
                                 IgtlInbox* inbox = nullptr);
  /// As an operator's parameters say; operators of one run share.
  std::shared_ptr<IgtlLink> open(const IgtlParameters& connection, Context& context, IgtlInbox* inbox = nullptr);

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<IgtlLink>> shared_;
};

/// What operators of OpenIGTLink are told of their connection.
class IgtlParameters {
 public:
  void declare(Setup& setup, bool server);
  igtl::EndpointSettings settings() const;
  const std::string& share() const { return *share_; }

 private:
  Parameter<std::string> role_{"server"}, host_{"127.0.0.1"}, version_{"auto"}, policy_{"keep_latest"}, share_;
  Parameter<std::int64_t> port_{18944}, queue_{64}, max_message_mib_{256}, keep_alive_ms_{0}, stall_timeout_ms_{0},
      max_clients_{16};
  Parameter<bool> checksums_{true}, tls_{false};
  Parameter<std::string> certificate_, key_, authority_;
  Parameter<std::vector<std::string>> push_;
};

/// The operator that sends commands.
std::unique_ptr<Operator> make_igtl_command(std::shared_ptr<IgtlLinks> links);

}  // namespace sagittal::stream
