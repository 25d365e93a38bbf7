#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/progress.h"

namespace sagittal::net {

using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNever = Deadline::max();

class TlsContext;
class TlsStream;

/// What a server shows to its clients: PEM files. Error(bad_input) names the one that cannot be used.
std::shared_ptr<const TlsContext> tls_for_server(const std::string& certificate_file, const std::string& key_file);
/// Whom a client believes: PEM; empty: the system's. The name of the host is verified too.
std::shared_ptr<const TlsContext> tls_for_client(const std::string& ca_file);

/// A TCP connection, with TLS or without. One thread may read while another writes; `shut_down` is for any. Where the
/// system refuses, Error(io).
class StreamSocket {
 public:
  /// Tries all addresses of the host, IPv4 and IPv6; `tls` may be null. Error(not_found) for a host that has no
  /// address, Error(unavailable) where nobody answers in time, Error(cancelled), Error(unauthorized) for a certificate
  /// that is not believed. Looking the host up is not cancelled.
  static StreamSocket connect(const std::string& host, std::uint16_t port, Deadline deadline, const CancelToken& cancel,
                              const std::shared_ptr<const TlsContext>& tls = nullptr);
  StreamSocket(Descriptor socket, std::string peer);
  StreamSocket(StreamSocket&&) noexcept;
  ~StreamSocket();

  /// Before the first byte, on an accepted connection. Error(unauthorized) where the other side speaks no TLS.
  void secure_as_server(const TlsContext& tls, Deadline deadline);

  /// What has come, at least a byte; 0: the other side has closed; nothing: the deadline has passed.
  std::optional<std::size_t> read_some(std::span<std::uint8_t> into, Deadline deadline);
  /// All of it; Error(io) where the other side closes before, Error(unavailable) at the deadline.
  void read_exactly(std::span<std::uint8_t> into, Deadline deadline);
  /// All parts, one after the other, without joining them. Error(unavailable) at the deadline: part of it may have
  /// gone.
  void write(std::span<const ByteView> parts, Deadline deadline);

  /// Ends both directions and wakes who reads or writes.
  void shut_down() noexcept;
  /// "127.0.0.1:40112", for people.
  const std::string& peer() const { return peer_; }

 private:
  Descriptor socket_;
  std::string peer_;
  std::unique_ptr<TlsStream> tls_;
};

/// Where connections come in.
class Listener {
 public:
  /// An address of this machine ("127.0.0.1", "::1", "0.0.0.0"; "::" takes IPv4 too); port 0: any that is free.
  /// Error(unavailable) where it is taken.
  Listener(const std::string& host, std::uint16_t port);

  std::uint16_t port() const { return port_; }
  /// Waits; nothing once `wake` was called. While the process has no more files to open it waits too.
  std::optional<StreamSocket> accept();
  /// Lets one `accept`, the present or the next, return. Any thread.
  void wake() noexcept;

 private:
  Descriptor socket_;
  Descriptor bell_;
  std::uint16_t port_ = 0;
};

}  // namespace sagittal::net
