#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "server/http/web_socket.h"

namespace sagittal::server::http {

struct OutboxLimits {
  std::size_t bytes = std::size_t{64} << 20;  ///< that wait or are being sent; one message may be longer
  std::size_t messages = 1024;
  std::size_t lossy_bytes = std::size_t{8} << 20;  ///< beyond these, what may be lost is
  std::size_t lossy_messages = 8;
};

/// What waits to be sent through one WebSocket. Any thread.
class Outbox final : public WebSocket {
 public:
  /// `wake` is called, under a lock, when there is something to send and nobody asked for it yet; it must not block.
  Outbox(const OutboxLimits& limits, std::function<void()> wake) : limits_(limits), wake_(std::move(wake)) {}

  void send(Text text, Loss loss) override;
  void close(std::uint16_t code, std::string_view reason) override;

  struct Closing {
    std::uint16_t code = 0;
    std::string reason;
  };
  struct Next {
    Text text;                       ///< null: nothing more
    std::optional<Closing> closing;  ///< where `text` is null: to be closed now
  };
  /// What to send next; what was taken before is sent by now.
  Next take();
  /// The socket is closed: `wake` is not called any more.
  void detach();

 private:
  struct Item {
    Text text;
    Loss loss;
  };
  bool has_room(std::size_t bytes, Loss loss) const;
  void drop_lossy();
  void wake();

  const OutboxLimits limits_;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::function<void()> wake_;
  std::deque<Item> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t sending_bytes_ = 0;
  std::optional<Closing> closing_;
  bool awake_ = false;
};

}  // namespace sagittal::server::http
