#include "stop_on_signal.h"

#include <cstdlib>

namespace sagittal {

StopOnSignal::StopOnSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { wait(); });
}

StopOnSignal::~StopOnSignal() {
  over_ = true;
  thread_.join();
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
}

void StopOnSignal::wait() {
  constexpr timespec tick{0, 100'000'000};
  while (!over_) {
    const int received = sigtimedwait(&signals_, nullptr, &tick);
    if (received <= 0) continue;
    if (token_.cancelled()) std::_Exit(128 + received);
    token_.cancel();
  }
}

}  // namespace sagittal
