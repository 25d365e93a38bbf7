#include "stream/igtl/send_queue.h"

#include <algorithm>
#include <utility>

namespace sagittal::igtl {

bool SendQueue::is_full(const SharedMessage& more) const {
  return waiting_.size() >= limits_.messages || (!waiting_.empty() && bytes_ + more.size() > limits_.bytes);
}

void SendQueue::remove(std::deque<SharedMessagePtr>::iterator position) {
  bytes_ -= (*position)->size();
  waiting_.erase(position);
}

/// In the older one's place, so that none waits for ever.
bool SendQueue::replace_older(const SharedMessagePtr& message) {
  const Outgoing& wanted = message->message();
  for (SharedMessagePtr& one : waiting_) {
    if (one->replacing() != Replacing::by_latest || one->message().type != wanted.type ||
        one->message().device != wanted.device) {
      continue;
    }
    bytes_ += message->size();
    bytes_ -= one->size();
    one = message;
    return true;
  }
  return false;
}

std::size_t SendQueue::drop_key_group(const std::string& device) {
  std::size_t dropped = 0;
  for (auto one = waiting_.begin(); one != waiting_.end();) {
    const bool is_video = (*one)->replacing() == Replacing::by_key || (*one)->replacing() == Replacing::key_frame;
    if (!is_video || (*one)->message().device != device) {
      ++one;
      continue;
    }
    bytes_ -= (*one)->size();
    one = waiting_.erase(one);
    ++dropped;
  }
  return dropped;
}

std::size_t SendQueue::make_room(const SharedMessage& message) {
  std::size_t dropped = 0;
  while (is_full(message)) {
    const auto oldest = std::find_if(waiting_.begin(), waiting_.end(), [](const SharedMessagePtr& one) {
      return one->replacing() == Replacing::by_latest;
    });
    if (oldest == waiting_.end()) break;
    remove(oldest);
    ++dropped;
  }
  return dropped;
}

std::size_t SendQueue::refuse(const SharedMessage& message) {
  if (message.replacing() == Replacing::key_frame || message.replacing() == Replacing::by_key)
    whole_videos_.erase(message.message().device);
  return 1;
}

std::size_t SendQueue::put(SharedMessagePtr message, bool may_wait) {
  std::unique_lock lock(mutex_);
  const std::string& device = message->message().device;
  const Replacing replacing = message->replacing();
  if (replacing == Replacing::by_key && !whole_videos_.contains(device)) return closed_ ? 0 : 1;
  std::size_t dropped = 0;
  if (limits_.policy == QueuePolicy::block && may_wait) {
    emptied_.wait(lock, [&] { return closed_ || !is_full(*message); });
  } else if (limits_.policy == QueuePolicy::keep_latest) {
    if (closed_) return 0;
    if (replacing == Replacing::by_latest && replace_older(message)) return 1;
    if (replacing == Replacing::key_frame) dropped = drop_key_group(device);
    if (replacing != Replacing::by_key) dropped += make_room(*message);
  }
  if (closed_) return 0;
  if (is_full(*message)) return dropped + refuse(*message);
  if (replacing == Replacing::key_frame) whole_videos_.insert(device);
  bytes_ += message->size();
  waiting_.push_back(std::move(message));
  lock.unlock();
  filled_.notify_one();
  return dropped;
}

SharedMessagePtr SendQueue::take(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  is_writing_ = false;
  if (waiting_.empty()) emptied_.notify_all();
  const auto ready = [&] { return closed_ || !waiting_.empty(); };
  if (deadline == std::chrono::steady_clock::time_point::max()) {
    filled_.wait(lock, ready);
  } else if (!filled_.wait_until(lock, deadline, ready)) {
    return nullptr;
  }
  if (closed_) return nullptr;
  SharedMessagePtr out = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= out->size();
  is_writing_ = true;
  lock.unlock();
  emptied_.notify_all();
  return out;
}

void SendQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_.clear();
    bytes_ = 0;
  }
  filled_.notify_all();
  emptied_.notify_all();
}

bool SendQueue::is_closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool SendQueue::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return emptied_.wait_until(lock, deadline, [&] { return closed_ || (waiting_.empty() && !is_writing_); });
}

}  // namespace sagittal::igtl
