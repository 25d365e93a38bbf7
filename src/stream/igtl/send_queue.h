#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <set>
#include <string>

#include "stream/igtl/shared_message.h"

namespace sagittal::igtl {

/// What happens when messages come faster than a peer takes them.
enum class QueuePolicy {
  keep_latest,  ///< of each device and type the latest waits; of VIDEO the latest key frame and those behind it
  block,        ///< the sender waits
  drop_newest,  ///< what comes is dropped
};

struct QueueLimits {
  QueuePolicy policy = QueuePolicy::keep_latest;
  std::size_t messages = 64;                       ///< at least 1
  std::uint64_t bytes = std::uint64_t{512} << 20;  ///< of contents; one message may be larger
};

/// Messages that wait for one peer. Any number of threads puts, one takes. With any policy, VIDEO begins with
/// a key frame, and where a frame was lost goes on with one.
class SendQueue {
 public:
  explicit SendQueue(QueueLimits limits) : limits_(limits) {}

  /// How many messages were dropped by this, itself perhaps among them. Where the sender should wait but `may_wait` is
  /// false, it is dropped. A closed queue drops nothing and takes nothing.
  std::size_t put(SharedMessagePtr message, bool may_wait = true);
  /// The next; null at the deadline and once closed. What was taken before counts as written.
  SharedMessagePtr take(std::chrono::steady_clock::time_point deadline);
  void close();
  bool is_closed();
  /// Whether all that was put has been written, or it closed, before the deadline.
  bool wait_until_empty(std::chrono::steady_clock::time_point deadline);

 private:
  bool is_full(const SharedMessage& more) const;
  std::size_t make_room(const SharedMessage& message);
  std::size_t drop_key_group(const std::string& device);
  bool replace_older(const SharedMessagePtr& message);
  std::size_t refuse(const SharedMessage& message);
  void remove(std::deque<SharedMessagePtr>::iterator position);

  const QueueLimits limits_;
  std::mutex mutex_;
  std::condition_variable filled_, emptied_;
  std::deque<SharedMessagePtr> waiting_;  // these are guarded by mutex_
  std::uint64_t bytes_ = 0;
  std::set<std::string> whole_videos_;  // devices that lost no frame since their last key frame
  bool is_writing_ = false;
  bool closed_ = false;
};

}  // namespace sagittal::igtl
