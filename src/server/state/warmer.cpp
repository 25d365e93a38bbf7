#include "server/state/warmer.h"

#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "interact/warm_up.h"

namespace sagittal::server {
namespace {

/// Of this thread and those it starts. A system that refuses leaves it as it was, which only costs the others time.
void lower_priority() {
  constexpr int lowest = 19;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), lowest);
}

}  // namespace

Warmer::Warmer(std::shared_ptr<const interact::Model> model, std::function<bool()> busy)
    : thread_([model = std::move(model), busy = std::move(busy), cancel = cancel_] {
        lower_priority();
        RunControl control{{}, cancel};
        control.sink = [&](const Progress&) {
          if (busy()) cancel.cancel();
        };
        try {
          interact::warm_up(*model, control);
        } catch (const std::exception&) {
          // A prompt came first, or it meets the same error and can say so.
        }
      }) {}

Warmer::~Warmer() {
  cancel_.cancel();
  thread_.join();
}

}  // namespace sagittal::server
