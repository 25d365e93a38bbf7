#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "net/stream_socket.h"
#include "stream/igtl/body_pool.h"
#include "stream/igtl/message.h"

namespace sagittal::igtl {

struct IncomingLimits {
  std::uint64_t max_body_bytes = std::uint64_t{256} << 20;
  std::chrono::milliseconds idle_timeout{0};  ///< between messages; 0: for ever
};

/// Messages as they come out of a socket, each body in memory of the pool. One thread. Both must outlive it.
class Incoming {
 public:
  struct Message {
    Header header;
    std::shared_ptr<const BodyPool::Body> body;
  };

  Incoming(net::StreamSocket& socket, BodyPool& pool, IncomingLimits limits)
      : socket_(socket), pool_(pool), limits_(limits) {}

  /// Waits for the next; nothing once the other side has closed between messages. Error(bad_input) for what is no
  /// header, Error(too_large) before room is made for too large a body, Error(unavailable) for a peer that is idle too
  /// long or sends a message slower than 1 MiB/s, Error(io). Behind an error the place in the stream is lost.
  std::optional<Message> next();

 private:
  using Clock = std::chrono::steady_clock;

  bool fill_header();
  std::shared_ptr<const BodyPool::Body> read_body(std::uint64_t size, Clock::time_point deadline);
  std::size_t staged() const { return end_ - begin_; }

  net::StreamSocket& socket_;
  BodyPool& pool_;
  const IncomingLimits limits_;
  std::array<std::uint8_t, 16384> stage_{};  // small messages come several at a time
  std::size_t begin_ = 0, end_ = 0;          // what of it is not used yet
};

}  // namespace sagittal::igtl
