#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stream/igtl/shared_message.h"

namespace sagittal::igtl {

/// The latest message of each type and device that went to everybody, for who asks or comes late. Any thread.
class LatestMessages {
 public:
  /// Beyond them, what was sent longest ago is forgotten. `max_bytes` 0: none is remembered.
  LatestMessages(std::size_t max_messages, std::uint64_t max_bytes)
      : max_messages_(max_messages), max_bytes_(max_bytes) {}

  /// Commands, questions and answers are not; nor VIDEO that needs frames before it.
  void remember(const SharedMessagePtr& message);
  /// Of that type; an empty device means all of them. As long ago as they were sent, the oldest first.
  std::vector<SharedMessagePtr> find(std::string_view type, std::string_view device) const;

 private:
  struct Kept {
    SharedMessagePtr message;
    std::uint64_t turn = 0;
  };
  using Key = std::pair<std::string, std::string>;  // type, device

  void forget_oldest();

  const std::size_t max_messages_;
  const std::uint64_t max_bytes_;
  mutable std::mutex mutex_;
  std::map<Key, Kept> kept_;  // these are guarded by mutex_
  std::uint64_t bytes_ = 0;
  std::uint64_t turn_ = 0;
};

/// What GET_… is answered with, for the device that is asked for: what was sent last; a list of the images; a list of
/// the known types; else a STATUS "not found".
std::vector<SharedMessagePtr> answer_query(const LatestMessages& latest, const Header& query);

}  // namespace sagittal::igtl
