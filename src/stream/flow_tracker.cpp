#include "stream/flow_tracker.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kLogBuffer = std::size_t{32} << 10;

}  // namespace

FlowTracker::FlowTracker(std::vector<std::string> names, FlowTrackerOptions options)
    : names_(std::move(names)), options_(std::move(options)) {
  if (options_.log.empty()) return;
  log_ = std::fopen(options_.log.c_str(), "we");
  if (log_ == nullptr) {
    throw Error(ErrorCode::io, fmt::format("{}: cannot be written: {}", options_.log.string(), std::strerror(errno)));
  }
}

FlowTracker::~FlowTracker() {
  flush();
  if (log_ != nullptr) std::fclose(log_);
}

void FlowTracker::ended(const Hop& last) {
  const std::lock_guard lock(mutex_);
  std::vector<const Hop*> way;
  std::size_t paths = 0;
  walk(last, way, paths);
}

void FlowTracker::walk(const Hop& hop, std::vector<const Hop*>& way, std::size_t& paths) {
  if (paths == kMaxPaths) return;
  way.push_back(&hop);
  for (const auto& before : hop.from) walk(*before, way, paths);
  if (hop.from.empty()) {
    ++paths;
    count(way);
    if (log_ != nullptr) write_line(way);
  }
  way.pop_back();
}

void FlowTracker::count(const std::vector<const Hop*>& way) {
  std::vector<std::uint32_t> key;
  for (auto hop = way.rbegin(); hop != way.rend(); ++hop) key.push_back((*hop)->node);
  Path& path = paths_[key];
  if (path.counted.path.empty()) {
    for (const std::uint32_t node : key) {
      path.counted.path += (path.counted.path.empty() ? "" : " -> ") + names_[node];
    }
  }
  ++path.counted.messages;
  const std::int64_t latency = way.front()->published - way.back()->received;
  if (path.counted.messages <= options_.skip_first || latency < options_.threshold_ns) return;
  path.last.push_back(latency);
  if (path.last.size() > options_.drop_last) {
    path.counted.latency.add(path.last.front());
    path.last.pop_front();
  }
}

void FlowTracker::write_line(const std::vector<const Hop*>& way) {
  for (auto hop = way.rbegin(); hop != way.rend(); ++hop) {
    const Hop& at = **hop;
    fmt::format_to(std::back_inserter(lines_), "{}({},{},{})", hop == way.rbegin() ? "" : " -> ", names_[at.node],
                   at.received / 1000, at.published / 1000);
  }
  lines_ += '\n';
  if (lines_.size() >= kLogBuffer) flush();
}

void FlowTracker::flush() {
  if (log_ != nullptr && !lines_.empty()) {
    std::fwrite(lines_.data(), 1, lines_.size(), log_);
    std::fflush(log_);
  }
  lines_.clear();
}

std::vector<PathStatistics> FlowTracker::statistics() const {
  const std::lock_guard lock(mutex_);
  std::vector<PathStatistics> all;
  for (const auto& [key, path] : paths_) all.push_back(path.counted);
  return all;
}

}  // namespace sagittal::stream
