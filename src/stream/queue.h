#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "stream/message.h"

namespace sagittal::stream {

/// What a flow does with a message for which there is no room.
enum class WhenFull {
  keep_latest,  ///< the oldest goes
  block,        ///< the sender does not run until there is room
  drop,         ///< the new one goes
  fail,         ///< the sender fails
};
/// "keep_latest", "block", "drop", "fail"; Holoscan's "pop", "reject" and "fault" are understood too.
/// Error(bad_input) otherwise.
WhenFull when_full_from(std::string_view name);
std::string_view name_of(WhenFull when_full);

struct QueueOptions {
  std::size_t capacity = 1;  ///< messages, from 1 to kMaxCapacity
  WhenFull when_full = WhenFull::block;
  static constexpr std::size_t kMaxCapacity = 1 << 20;
};

struct QueueCounters {
  std::uint64_t sent = 0;     ///< offered by the sender
  std::uint64_t taken = 0;    ///< by the receiver
  std::uint64_t dropped = 0;  ///< of both kinds
  std::size_t waiting = 0, most_waiting = 0;
};

/// The messages between one output and one input. Its user holds the lock.
class Queue {
 public:
  explicit Queue(const QueueOptions& options);

  /// Where `block` finds no room, what one compute sends beyond its room is kept, up to kOverflow messages.
  /// Error(conflict) beyond that, and where the queue fails when full.
  void push(Message message, SteadyTime now);
  std::optional<Message> pop();

  /// Whether its sender may run.
  bool has_room() const;
  std::size_t size() const { return waiting_.size(); }
  /// When the oldest came; not for an empty queue.
  SteadyTime oldest() const { return waiting_.front().arrived; }

  const QueueOptions& options() const { return options_; }
  QueueCounters counters() const;
  static constexpr std::size_t kOverflow = 256;

 private:
  struct Waiting {
    Message message;
    SteadyTime arrived;
  };
  const QueueOptions options_;
  std::deque<Waiting> waiting_;
  QueueCounters counters_;
};

}  // namespace sagittal::stream
