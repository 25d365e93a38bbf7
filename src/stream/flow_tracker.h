#pragma once
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stream/histogram.h"
#include "stream/message.h"

namespace sagittal::stream {

struct FlowTrackerOptions {
  std::size_t skip_first = 10, drop_last = 10;  ///< messages of each path that do not count: warm-up and ending
  std::int64_t threshold_ns = 0;                ///< quicker messages do not count
  std::filesystem::path log = {};               ///< empty: none is written
};

struct PathStatistics {
  std::string path;  ///< "camera -> resize -> viewer"
  std::uint64_t messages = 0;
  Histogram latency;  ///< from receiving at the first to the end of the last operator
};

/// How long messages take from each source to each end. Its log has the lines that Holoscan's tools read, one for each
/// message and path: "(camera,RECEIVED,PUBLISHED) -> (viewer,RECEIVED,PUBLISHED)", in microseconds since 1970.
/// Any thread.
class FlowTracker {
 public:
  /// `names`: of the operators, by number. Error(io) where the log cannot be written.
  FlowTracker(std::vector<std::string> names, FlowTrackerOptions options);
  ~FlowTracker();
  FlowTracker(const FlowTracker&) = delete;
  FlowTracker& operator=(const FlowTracker&) = delete;

  /// An end of a path: an operator that sends nothing on, or one that a message reaches for the second time.
  void ended(const Hop& last);

  std::vector<PathStatistics> statistics() const;

  /// Paths that one message may have come by, at most; and operators on one of them.
  static constexpr std::size_t kMaxPaths = 64;
  static constexpr std::uint32_t kMaxDepth = 256;

 private:
  struct Path {
    PathStatistics counted;
    std::deque<std::int64_t> last;  // not yet counted
  };
  void walk(const Hop& hop, std::vector<const Hop*>& way, std::size_t& paths);
  void count(const std::vector<const Hop*>& way);
  void write_line(const std::vector<const Hop*>& way);
  void flush();

  const std::vector<std::string> names_;
  const FlowTrackerOptions options_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::uint32_t>, Path> paths_;
  std::FILE* log_ = nullptr;
  std::string lines_;
};

}  // namespace sagittal::stream
