#pragma once
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/bytes.h"

namespace sagittal::net {

/// What a socket said that does not wait: so many bytes, or else the poll event to wait for, or else 0: it has ended.
struct SocketStep {
  std::size_t bytes = 0;
  short wanted = 0;
};

class TlsContext {
 public:
  explicit TlsContext(const SSL_METHOD* method);
  SSL_CTX* get() const { return context_.get(); }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
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
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;  // guarded by mutex_
};

}  // namespace sagittal::net
