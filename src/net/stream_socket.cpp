#include "net/stream_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "net/tls_stream.h"

namespace sagittal::net {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLookUp{50};  // how soon a connect that waits hears of its cancellation
constexpr int kBacklog = 128;
constexpr std::size_t kMaxParts = 16;

[[noreturn]] void refuse(ErrorCode code, std::string_view what, int number) {
  throw Error(code, fmt::format("{}: {}", what, std::strerror(number)));
}

int milliseconds_until(Deadline deadline) {
  if (deadline == kNever) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

/// False at the deadline.
bool wait_for(int socket, short events, Deadline deadline) {
  pollfd waiting{socket, events, 0};
  for (;;) {
    const int ready = ::poll(&waiting, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (ready == 0 && deadline != kNever) return false;
    if (ready < 0 && errno != EINTR) refuse(ErrorCode::io, "a connection", errno);
  }
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Addresses look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int result = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (result != 0) throw Error(ErrorCode::not_found, fmt::format("the host \"{}\": {}", host, ::gai_strerror(result)));
  return {found, ::freeaddrinfo};
}

std::string name_of(const sockaddr* address, socklen_t size) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(address, size, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "somebody";
  }
  const bool has_colons = std::strchr(host.data(), ':') != nullptr;
  return has_colons ? fmt::format("[{}]:{}", host.data(), port.data()) : fmt::format("{}:{}", host.data(), port.data());
}

void set_option(int socket, int level, int name, int value) {
  if (::setsockopt(socket, level, name, &value, sizeof value) != 0) refuse(ErrorCode::io, "a socket's option", errno);
}

/// A peer whose machine is gone is noticed within half a minute.
void prepare(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

/// 0, or why not.
int finish_connecting(int socket, Deadline deadline, const CancelToken& cancel) {
  for (;;) {
    if (cancel.cancelled()) throw Error(ErrorCode::cancelled, "connecting was cancelled");
    if (wait_for(socket, POLLOUT, std::min(deadline, Clock::now() + kLookUp))) break;
    if (Clock::now() >= deadline) return ETIMEDOUT;
  }
  int number = 0;
  socklen_t size = sizeof number;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &number, &size) == 0 ? number : errno;
}

SocketStep read_plain(int socket, std::span<std::uint8_t> into) {
  for (;;) {
    const ssize_t got = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT);
    if (got >= 0) return {static_cast<std::size_t>(got), 0};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, POLLIN};
    if (errno != EINTR) refuse(ErrorCode::io, "reading from a connection", errno);
  }
}

SocketStep write_plain(int socket, std::span<iovec> parts) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  for (;;) {
    const ssize_t done = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done >= 0) return {static_cast<std::size_t>(done), POLLOUT};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, POLLOUT};
    if (errno != EINTR) refuse(ErrorCode::io, "writing to a connection", errno);
  }
}

void shake_hands(TlsStream& tls, int socket, Deadline deadline, const CancelToken& cancel) {
  for (;;) {
    const SocketStep step = tls.handshake();
    if (step.bytes > 0) return;
    if (step.wanted == 0) throw Error(ErrorCode::unauthorized, "the other side ended the TLS handshake");
    while (!wait_for(socket, step.wanted, std::min(deadline, Clock::now() + kLookUp))) {
      if (cancel.cancelled()) throw Error(ErrorCode::cancelled, "connecting was cancelled");
      if (Clock::now() >= deadline) throw Error(ErrorCode::unavailable, "the TLS handshake took too long");
    }
  }
}

}  // namespace

StreamSocket::StreamSocket(Descriptor socket, std::string peer) : socket_(std::move(socket)), peer_(std::move(peer)) {
  prepare(socket_.fd);
}
StreamSocket::StreamSocket(StreamSocket&&) noexcept = default;
StreamSocket::~StreamSocket() = default;

StreamSocket StreamSocket::connect(const std::string& host, std::uint16_t port, Deadline deadline,
                                   const CancelToken& cancel, const std::shared_ptr<const TlsContext>& tls) {
  const Addresses addresses = look_up(host, port, 0);
  int reason = ETIMEDOUT;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    Descriptor socket(::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) {
      reason = errno;
      continue;
    }
    reason = ::connect(socket.fd, one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (reason == EINPROGRESS) reason = finish_connecting(socket.fd, deadline, cancel);
    if (reason != 0) continue;
    StreamSocket connected(std::move(socket), name_of(one->ai_addr, one->ai_addrlen));
    if (tls != nullptr) {
      connected.tls_ = std::make_unique<TlsStream>(*tls, connected.socket_.fd, host);
      shake_hands(*connected.tls_, connected.socket_.fd, deadline, cancel);
    }
    return connected;
  }
  refuse(ErrorCode::unavailable, fmt::format("{} port {}", host, port), reason);
}

void StreamSocket::secure_as_server(const TlsContext& tls, Deadline deadline) {
  tls_ = std::make_unique<TlsStream>(tls, socket_.fd, "");
  shake_hands(*tls_, socket_.fd, deadline, {});
}

std::optional<std::size_t> StreamSocket::read_some(std::span<std::uint8_t> into, Deadline deadline) {
  if (into.empty()) return 0;
  for (;;) {
    const SocketStep step = tls_ ? tls_->read(into) : read_plain(socket_.fd, into);
    if (step.bytes > 0 || step.wanted == 0) return step.bytes;
    if (!wait_for(socket_.fd, step.wanted, deadline)) return std::nullopt;
  }
}

void StreamSocket::read_exactly(std::span<std::uint8_t> into, Deadline deadline) {
  while (!into.empty()) {
    const auto got = read_some(into, deadline);
    if (!got) throw Error(ErrorCode::unavailable, fmt::format("{} bytes did not come in time", into.size()));
    if (*got == 0) throw Error(ErrorCode::io, fmt::format("closed when {} bytes were missing", into.size()));
    into = into.subspan(*got);
  }
}

void StreamSocket::write(std::span<const ByteView> parts, Deadline deadline) {
  std::array<iovec, kMaxParts> left{};
  std::size_t count = 0;
  for (const ByteView part : parts) {
    if (part.empty()) continue;
    if (count == kMaxParts) throw Error(ErrorCode::internal, "too many parts to write at once");
    left[count++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
  }
  std::span<iovec> rest(left.data(), count);
  while (!rest.empty()) {
    const ByteView first(static_cast<const std::uint8_t*>(rest[0].iov_base), rest[0].iov_len);
    const SocketStep step = tls_ ? tls_->write(first) : write_plain(socket_.fd, rest);
    if (step.bytes == 0 && step.wanted == 0) throw Error(ErrorCode::io, "the other side has closed");
    if (step.bytes == 0 && !wait_for(socket_.fd, step.wanted, deadline)) {
      throw Error(ErrorCode::unavailable, "the other side does not take what it is sent");
    }
    for (std::size_t done = step.bytes; done > 0;) {
      const std::size_t here = std::min(done, rest[0].iov_len);
      rest[0].iov_base = static_cast<std::uint8_t*>(rest[0].iov_base) + here;
      rest[0].iov_len -= here;
      done -= here;
      if (rest[0].iov_len == 0) rest = rest.subspan(1);
    }
  }
}

void StreamSocket::shut_down() noexcept { ::shutdown(socket_.fd, SHUT_RDWR); }

Listener::Listener(const std::string& host, std::uint16_t port)
    : socket_([&] {
        const Addresses addresses = look_up(host, port, AI_PASSIVE);
        Descriptor socket(::socket(addresses->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket) refuse(ErrorCode::io, "a socket", errno);
        set_option(socket.fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (addresses->ai_family == AF_INET6) set_option(socket.fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        if (::bind(socket.fd, addresses->ai_addr, addresses->ai_addrlen) != 0 || ::listen(socket.fd, kBacklog) != 0) {
          refuse(ErrorCode::unavailable, fmt::format("listening on {} port {}", host, port), errno);
        }
        return socket;
      }()),
      bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!bell_) refuse(ErrorCode::io, "an event", errno);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (::getsockname(socket_.fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    refuse(ErrorCode::io, "a listening socket", errno);
  }
  port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

std::optional<StreamSocket> Listener::accept() {
  constexpr std::array<int, 9> passing{EAGAIN, EWOULDBLOCK, EINTR,   ECONNABORTED, EPROTO,
                                       EMFILE, ENFILE,      ENOBUFS, ENOMEM};
  constexpr int kBreath = 100;
  bool exhausted = false;
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{bell_.fd, POLLIN, 0}, pollfd{socket_.fd, POLLIN, 0}};
    if (::poll(waiting.data(), exhausted ? 1 : 2, exhausted ? kBreath : -1) < 0 && errno != EINTR) {
      refuse(ErrorCode::io, "listening", errno);
    }
    std::uint64_t rung = 0;
    if (::read(bell_.fd, &rung, sizeof rung) == sizeof rung) return std::nullopt;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    Descriptor socket(
        ::accept4(socket_.fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) return StreamSocket(std::move(socket), name_of(reinterpret_cast<sockaddr*>(&address), size));
    if (std::find(passing.begin(), passing.end(), errno) == passing.end()) refuse(ErrorCode::io, "accepting", errno);
    exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  }
}

void Listener::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t rung = ::write(bell_.fd, &one, sizeof one);  // full: it rings already
}

}  // namespace sagittal::net
