#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace sagittal::server {

struct FailedLoginLimits {
  int most = 10;                        ///< wrong keys of one address within `window`
  std::chrono::seconds window{60};      ///< counted from the first of them
  std::size_t most_addresses = 16'384;  ///< remembered at once; the oldest makes room
};

/// Counts wrong keys by address. Any thread.
class FailedLogins {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  explicit FailedLogins(const FailedLoginLimits& limits = {}, Clock clock = std::chrono::steady_clock::now)
      : limits_(limits), clock_(std::move(clock)) {}

  /// One more wrong key. How long this address must wait; zero while it has not reached the limit.
  std::chrono::seconds count(const std::string& address);

 private:
  struct Entry {
    std::chrono::steady_clock::time_point since;
    int failures = 0;
  };
  const FailedLoginLimits limits_;
  const Clock clock_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // guarded by mutex_
};

}  // namespace sagittal::server
