#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace sagittal::server {

/// A TCP connection to a port of this machine that sends and receives exactly what a test says.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("no connection");
    }
  }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;
  ~TestClient() { ::close(socket_); }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("the server closed while the test was sending");
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void close_sending() { ::shutdown(socket_, SHUT_WR); }

  /// Everything up to the end of one answer: its header and as many bytes as Content-Length says.
  std::string receive_answer() {
    while (received_.find("\r\n\r\n") == std::string::npos) receive_more();
    const auto body = received_.find("\r\n\r\n") + 4;
    const auto field = received_.find("Content-Length: ");
    const std::size_t length = field < body ? std::strtoull(received_.c_str() + field + 16, nullptr, 10) : 0;
    while (received_.size() < body + length) receive_more();
    const std::string answer = received_.substr(0, body + length);
    received_.erase(0, body + length);
    return answer;
  }

  std::string receive_exactly(std::size_t bytes) {
    while (received_.size() < bytes) receive_more();
    const std::string block = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return block;
  }

  /// Everything until the server closes.
  std::string receive_all() {
    try {
      while (true) receive_more();
    } catch (const Closed&) {
      return std::exchange(received_, {});
    }
  }

 private:
  struct Closed : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  void receive_more() {
    char block[65536];
    const ssize_t got = ::recv(socket_, block, sizeof(block), 0);
    if (got < 0) throw std::runtime_error("the server neither answered nor closed");
    if (got == 0) throw Closed("the server closed");
    received_.append(block, static_cast<std::size_t>(got));
  }

  int socket_;
  std::string received_;
};

}  // namespace sagittal::server
