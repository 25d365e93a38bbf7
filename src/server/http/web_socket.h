#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sagittal::server::http {

/// Whether a message may be left out for a peer that does not read fast enough.
enum class Loss { never, when_slow };

/// The server's end of a WebSocket: it tells, its peer listens. Any thread; nothing blocks. Nothing happens once it is
/// closed.
class WebSocket {
 public:
  using Text = std::shared_ptr<const std::string>;  ///< UTF-8; all readers of one message share it

  virtual ~WebSocket() = default;

  /// Sent after what was sent before. A peer for which too much waits that must not be lost is closed with 1013.
  virtual void send(Text text, Loss loss) = 0;
  /// After what was sent before; `code` as in RFC 6455: 1000 done, 1001 the server goes down, 1008 not allowed.
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
};

/// Called on a network thread, at once, when a socket is open. What it returns is let go of when the socket is closed.
using OnWebSocket = std::function<std::shared_ptr<void>(std::shared_ptr<WebSocket>)>;

}  // namespace sagittal::server::http
