#pragma once
#include <algorithm>
#include <atomic>

namespace sagittal {

/// Says for a scope that one more person's answer is being computed in this process. Any thread.
class Computing {
 public:
  Computing() { ++count(); }
  Computing(const Computing&) = delete;
  Computing& operator=(const Computing&) = delete;
  ~Computing() { --count(); }

  /// How many of `threads`, which are there for all, each of them should use now; at least 1.
  static int fair_threads(int threads) { return std::max(1, threads / std::max(1, count().load())); }

 private:
  static std::atomic<int>& count() {
    static std::atomic<int> all = 0;
    return all;
  }
};

}  // namespace sagittal
