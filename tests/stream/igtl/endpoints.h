#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "net/stream_socket.h"
#include "stream/igtl/endpoint.h"
#include "stream/igtl/vectors.h"

namespace sagittal::igtl {

inline constexpr std::chrono::seconds kPatience{20};

/// Waits until it is so; false: it did not become so.
inline bool eventually(const std::function<bool()>& is_so, std::chrono::milliseconds patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// Keeps what comes.
class Inbox {
 public:
  EndpointHandlers handlers() {
    return {.message = [this](const Arrival& arrival) { put(arrival); }};
  }
  void put(const Arrival& arrival) {
    {
      const std::lock_guard lock(mutex_);
      arrivals_.push_back(arrival);
    }
    changed_.notify_all();
  }
  /// The n-th, counted from 0; a failure where it does not come.
  Arrival at(std::size_t n) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return arrivals_.size() > n; })) {
      ADD_FAILURE() << "message " << n << " did not come";
      return {};
    }
    return arrivals_[n];
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return arrivals_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Arrival> arrivals_;
};

inline EndpointSettings server_settings() { return {.port = 0}; }
inline EndpointSettings client_settings(const Endpoint& server) {
  EndpointSettings settings;
  settings.role = Role::client;
  settings.port = server.port();
  settings.first_retry = std::chrono::milliseconds(20);
  return settings;
}

inline Outgoing text_message(const std::string& device, const std::string& text) {
  Outgoing message{.type = "STRING", .device = device};
  message.content = write_string({text});
  return message;
}
inline std::string text_of(const Arrival& arrival) {
  return arrival.body == nullptr ? "" : read_string(arrival.message.content).text;
}

/// A peer that does what it is told, byte by byte.
class RawPeer {
 public:
  explicit RawPeer(const Endpoint& server)
      : socket_(net::StreamSocket::connect("127.0.0.1", server.port(), soon(), {})) {}

  void send(ByteView bytes) { socket_.write({&bytes, 1}, soon()); }
  void send(const Outgoing& message) { send(joined(pack(message))); }
  /// The next message; its content stays valid until the next call.
  Received receive() {
    Bytes head(kHeaderBytes);
    socket_.read_exactly(head, soon());
    const Header header = parse_header(ByteView(head).first<kHeaderBytes>());
    body_.resize(static_cast<std::size_t>(header.body_bytes));
    socket_.read_exactly(body_, soon());
    EXPECT_TRUE(has_good_checksum(header, body_)) << header.type;
    return parse_body(header, body_);
  }
  /// Whether the other side has closed, or broken off, within the time.
  bool is_left(std::chrono::milliseconds patience = kPatience) {
    Bytes rest(65536);
    try {
      for (;;) {
        const auto got = socket_.read_some(rest, std::chrono::steady_clock::now() + patience);
        if (!got) return false;
        if (*got == 0) return true;
      }
    } catch (const Error&) {
      return true;
    }
  }
  void close() { socket_.shut_down(); }

 private:
  static net::Deadline soon() { return std::chrono::steady_clock::now() + kPatience; }

  net::StreamSocket socket_;
  Bytes body_;
};

}  // namespace sagittal::igtl
