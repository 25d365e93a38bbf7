#include "server/state/housekeeper.h"

#include <exception>
#include <utility>

namespace sagittal::server {

Housekeeper::Housekeeper(std::chrono::milliseconds period, std::function<void()> work, LogSink log)
    : period_(period),
      work_(std::move(work)),
      log_(std::move(log)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Housekeeper::~Housekeeper() {
  thread_.request_stop();
  thread_.join();
  work_once();
}

void Housekeeper::work_once() const {
  try {
    work_();
  } catch (const std::exception& error) {
    if (log_) log_(LogLevel::error, error.what());
  }
}

void Housekeeper::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, period_, [] { return false; });
    if (!stop.stop_requested()) work_once();
  }
}

}  // namespace sagittal::server
