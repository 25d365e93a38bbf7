#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/log.h"

namespace sagittal::server {

/// Calls `work` every `period` on a thread of its own until it is destroyed, and once more then. What `work` throws is
/// told to `log`; the next call comes all the same.
class Housekeeper {
 public:
  Housekeeper(std::chrono::milliseconds period, std::function<void()> work, LogSink log);
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  void run(const std::stop_token& stop);
  void work_once() const;

  const std::chrono::milliseconds period_;
  const std::function<void()> work_;
  const LogSink log_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace sagittal::server
