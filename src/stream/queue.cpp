#include "stream/queue.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {
namespace {

constexpr std::array<std::pair<std::string_view, WhenFull>, 7> kNames{{{"keep_latest", WhenFull::keep_latest},
                                                                       {"block", WhenFull::block},
                                                                       {"drop", WhenFull::drop},
                                                                       {"fail", WhenFull::fail},
                                                                       {"pop", WhenFull::keep_latest},
                                                                       {"reject", WhenFull::drop},
                                                                       {"fault", WhenFull::fail}}};

}  // namespace

WhenFull when_full_from(std::string_view name) {
  for (const auto& [known, value] : kNames) {
    if (known == name) return value;
  }
  throw Error(ErrorCode::bad_input,
              fmt::format("a queue's policy is \"{}\", expected keep_latest, block, drop or fail", name));
}

std::string_view name_of(WhenFull when_full) {
  return std::find_if(kNames.begin(), kNames.end(), [&](const auto& known) { return known.second == when_full; })
      ->first;
}

Queue::Queue(const QueueOptions& options) : options_(options) {
  if (options.capacity < 1 || options.capacity > QueueOptions::kMaxCapacity) {
    throw Error(ErrorCode::bad_input, fmt::format("a queue's capacity is {}, expected 1 to {}", options.capacity,
                                                  QueueOptions::kMaxCapacity));
  }
}

void Queue::push(Message message, SteadyTime now) {
  ++counters_.sent;
  if (waiting_.size() >= options_.capacity) {
    switch (options_.when_full) {
      case WhenFull::keep_latest:
        waiting_.pop_front();
        ++counters_.dropped;
        break;
      case WhenFull::drop:
        ++counters_.dropped;
        return;
      case WhenFull::block:
        if (waiting_.size() < options_.capacity + kOverflow) break;
        [[fallthrough]];
      case WhenFull::fail:
        throw Error(ErrorCode::conflict, fmt::format("the queue of {} messages is full", options_.capacity));
    }
  }
  waiting_.push_back({std::move(message), now});
  counters_.most_waiting = std::max(counters_.most_waiting, waiting_.size());
}

std::optional<Message> Queue::pop() {
  if (waiting_.empty()) return std::nullopt;
  Message message = std::move(waiting_.front().message);
  waiting_.pop_front();
  ++counters_.taken;
  return message;
}

bool Queue::has_room() const { return options_.when_full != WhenFull::block || waiting_.size() < options_.capacity; }

QueueCounters Queue::counters() const {
  QueueCounters now = counters_;
  now.waiting = waiting_.size();
  return now;
}

}  // namespace sagittal::stream
