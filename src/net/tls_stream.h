#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/bytes.h"

/// OpenSSL's, which stays inside the .cpp file.
struct ssl_st;
struct ssl_ctx_st;
struct ssl_method_st;

namespace sagittal::net {

/// What a socket said that does not wait: so many bytes, or else the poll event to wait for, or else 0: it has ended.
struct SocketStep {
  std::size_t bytes = 0;
  short wanted = 0;
};

class TlsContext {
 public:
  explicit TlsContext(const ssl_method_st* method);
  ssl_ctx_st* get() const { return context_.get(); }

 private:
  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
};

/// TLS over a socket that does not wait. OpenSSL allows one thread at a time: each call holds a mutex, no call waits.
class TlsStream {
 public:
  /// Of a client, `host` is what the certificate must name; of a server, empty.
  TlsStream(const TlsContext& context, int socket, const std::string& host);

  /// `bytes` is 1 once it is done. Error(unauthorized) says why not.
  SocketStep handshake();
  SocketStep read(std::span<std::uint8_t> into);
  SocketStep write(ByteView bytes);

 private:
  SocketStep step(int result, std::size_t bytes, const char* what);

  std::mutex mutex_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> ssl_;  // guarded by mutex_
};

}  // namespace sagittal::net
