#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "stream/message.h"
#include "stream/queue.h"

namespace sagittal::stream {

class InputPort;
class OutputPort;

/// What runs an operator, as its ports see it.
class PortHost {
 public:
  virtual std::optional<Message> take(InputPort& port) = 0;
  virtual std::size_t waiting(const InputPort& port) const = 0;
  virtual void send(OutputPort& port, Message message) = 0;
  virtual bool connected(const OutputPort& port) const = 0;

 protected:
  ~PortHost() = default;
};

/// Which part of an operator a port is; given by what runs it.
struct PortPlace {
  PortHost* host = nullptr;
  std::size_t node = 0, port = 0;
};

/// Where messages come in. Declared in `Operator::setup`, used in `compute` only.
class InputPort {
 public:
  explicit InputPort(ValueType type) : type_(type) {}
  InputPort(const InputPort&) = delete;
  InputPort& operator=(const InputPort&) = delete;

  /// The operator runs whether or not something waits here.
  InputPort& optional();
  /// The operator runs once `messages` wait: in all flows together, or in each of them.
  enum class Count { together, each };
  InputPort& needs(std::size_t messages, Count count = Count::together);
  /// … or the oldest has waited for `delay`.
  InputPort& or_after(std::chrono::nanoseconds delay);
  /// What its flows are where the pipeline does not say.
  InputPort& queue(const QueueOptions& options);

  /// How many messages wait now, in all flows.
  std::size_t waiting() const { return place_.host->waiting(*this); }

  const ValueType& type() const { return type_; }
  const std::string& name() const { return name_; }
  bool is_optional() const { return optional_; }
  std::size_t needed() const { return needed_; }
  Count count() const { return count_; }
  std::optional<std::chrono::nanoseconds> delay() const { return delay_; }
  std::optional<QueueOptions> queue() const { return queue_; }
  const PortPlace& place() const { return place_; }

 protected:
  /// The oldest that waits, of all flows in turn.
  std::optional<Message> next() { return place_.host->take(*this); }
  /// Throws Error(internal): compute() asked for more than it needs.
  [[noreturn]] void throw_nothing_waits() const;

 private:
  friend class Setup;
  friend class Engine;
  ValueType type_;
  std::string name_;
  bool optional_ = false;
  std::size_t needed_ = 1;
  Count count_ = Count::together;
  std::optional<std::chrono::nanoseconds> delay_;
  std::optional<QueueOptions> queue_;
  PortPlace place_;
};

/// Where messages go out. A port without flows costs nothing to send to.
class OutputPort {
 public:
  explicit OutputPort(ValueType type) : type_(type) {}
  OutputPort(const OutputPort&) = delete;
  OutputPort& operator=(const OutputPort&) = delete;

  /// Its source goes on whether or not its receivers keep up: their queues keep the latest, where nothing else is said.
  OutputPort& live();
  /// Of an Output<Any>: what comes in at these goes out here, so it has the type of what flows into them.
  OutputPort& like(std::vector<const InputPort*> inputs);

  /// Any, where it is like its inputs: what flows is then known by the graph.
  const ValueType& type() const { return type_; }
  const std::vector<const InputPort*>& like() const { return like_; }
  const std::string& name() const { return name_; }
  bool is_live() const { return live_; }
  const PortPlace& place() const { return place_; }
  bool connected() const { return place_.host->connected(*this); }

 protected:
  void send_message(Message message) { place_.host->send(*this, std::move(message)); }

 private:
  friend class Setup;
  friend class Engine;
  ValueType type_;
  std::string name_;
  bool live_ = false;
  std::vector<const InputPort*> like_;
  PortPlace place_;
};

/// The type of ports that carry any value: a recorder's, a switch's.
struct Any {
  static constexpr std::string_view kValueName = "any";
};

template <class T>
class Input : public InputPort {
 public:
  Input() : InputPort(value_type<T>()) {}

  /// Error(internal) where nothing waits, which does not happen to the messages that the port needs.
  Incoming<T> take() {
    auto incoming = try_take();
    if (!incoming) throw_nothing_waits();
    return std::move(*incoming);
  }
  std::optional<Incoming<T>> try_take() {
    auto message = next();
    if (!message) return std::nullopt;
    return Incoming<T>{std::static_pointer_cast<const T>(std::move(message->value)), std::move(message->envelope)};
  }
};

template <>
class Input<Any> : public InputPort {
 public:
  Input() : InputPort(value_type<Any>()) {}
  /// As of the others.
  Message take() {
    auto message = next();
    if (!message) throw_nothing_waits();
    return std::move(*message);
  }
  std::optional<Message> try_take() { return next(); }
};

template <class T>
class Output : public OutputPort {
 public:
  Output() : OutputPort(value_type<T>()) {}

  void send(std::shared_ptr<const T> value, Envelope envelope) {
    if (connected()) send_message({std::move(envelope), type(), std::move(value)});
  }
  void send(T value, Envelope envelope) {
    if (connected()) send(std::make_shared<const T>(std::move(value)), std::move(envelope));
  }
};

template <>
class Output<Any> : public OutputPort {
 public:
  Output() : OutputPort(value_type<Any>()) {}
  void send(Message message) {
    if (connected()) send_message(std::move(message));
  }
};

/// What `message` holds as T, or null where it holds another type.
template <class T>
const T* value_in(const Message& message) {
  return message.type == value_type<T>() ? static_cast<const T*>(message.value.get()) : nullptr;
}

}  // namespace sagittal::stream
