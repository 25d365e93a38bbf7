#include "net/tls_stream.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "base/error.h"
#include "net/stream_socket.h"
#include "net/system_certificates.h"

namespace sagittal::net {
namespace {

std::string openssl_reason() {
  std::array<char, 256> text{};
  const unsigned long error = ERR_get_error();
  if (error == 0) return "no reason given";
  ERR_error_string_n(error, text.data(), text.size());
  return text.data();
}

int socket_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

/// OpenSSL's own would raise SIGPIPE.
template <class Call>
int without_waiting(BIO* bio, int should_retry, Call&& call) {
  BIO_clear_retry_flags(bio);
  ssize_t done = 0;
  do {
    done = call();
  } while (done < 0 && errno == EINTR);
  if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    BIO_set_flags(bio, should_retry | BIO_FLAGS_SHOULD_RETRY);
  }
  return static_cast<int>(done);
}
int bio_write(BIO* bio, const char* bytes, int size) {
  return without_waiting(bio, BIO_FLAGS_WRITE, [&] {
    return ::send(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  });
}
int bio_read(BIO* bio, char* bytes, int size) {
  return without_waiting(bio, BIO_FLAGS_READ,
                         [&] { return ::recv(socket_of(bio), bytes, static_cast<std::size_t>(size), MSG_DONTWAIT); });
}
long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* socket_method() {
  static const std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)> method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    if (made == nullptr) throw Error(ErrorCode::internal, "TLS: " + openssl_reason());
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_create(made, bio_create);
    return std::unique_ptr<BIO_METHOD, void (*)(BIO_METHOD*)>(made, BIO_meth_free);
  }();
  return method.get();
}

bool is_address(const std::string& host) {
  std::array<std::uint8_t, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

TlsContext::TlsContext(const SSL_METHOD* method) : context_(SSL_CTX_new(method), SSL_CTX_free) {
  if (context_ == nullptr) throw Error(ErrorCode::internal, "TLS: " + openssl_reason());
  SSL_CTX_set_min_proto_version(get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Messages carry their own length, so an end without a farewell hides nothing.
  SSL_CTX_set_options(get(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
}

std::shared_ptr<const TlsContext> tls_for_server(const std::string& certificate_file, const std::string& key_file) {
  auto context = std::make_shared<TlsContext>(TLS_server_method());
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context->get(), certificate_file.c_str()) != 1) {
    throw Error(ErrorCode::bad_input, fmt::format("the certificate {}: {}", certificate_file, openssl_reason()));
  }
  if (SSL_CTX_use_PrivateKey_file(context->get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context->get()) != 1) {
    throw Error(ErrorCode::bad_input, fmt::format("the key {}: {}", key_file, openssl_reason()));
  }
  return context;
}

std::shared_ptr<const TlsContext> tls_for_client(const std::string& ca_file) {
  auto context = std::make_shared<TlsContext>(TLS_client_method());
  ERR_clear_error();
  const std::string trusted = ca_file.empty() ? system_certificates() : ca_file;
  const int loaded = trusted.empty() ? SSL_CTX_set_default_verify_paths(context->get())
                                     : SSL_CTX_load_verify_file(context->get(), trusted.c_str());
  if (loaded != 1) {
    throw Error(ErrorCode::bad_input, fmt::format("the certificates {}: {}", trusted, openssl_reason()));
  }
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

TlsStream::TlsStream(const TlsContext& context, int socket, const std::string& host)
    : ssl_(SSL_new(context.get()), SSL_free) {
  BIO* bio = BIO_new(socket_method());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    throw Error(ErrorCode::internal, "TLS: " + openssl_reason());
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  SSL_set_bio(ssl_.get(), bio, bio);
  if (host.empty()) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  const bool named = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str()) == 1
                                      : SSL_set1_host(ssl_.get(), host.c_str()) == 1 &&
                                            SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) == 1;
  if (!named) throw Error(ErrorCode::bad_input, fmt::format("\"{}\" is no name of a host", host));
}

SocketStep TlsStream::step(int result, std::size_t bytes, const char* what) {
  if (result > 0) return {bytes, 0};
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {0, POLLIN};
    case SSL_ERROR_WANT_WRITE:
      return {0, POLLOUT};
    case SSL_ERROR_ZERO_RETURN:
      return {0, 0};
    default:
      break;
  }
  if (const long verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK) {
    throw Error(ErrorCode::unauthorized,
                fmt::format("the certificate is not believed: {}", X509_verify_cert_error_string(verified)));
  }
  throw Error(SSL_is_init_finished(ssl_.get()) == 1 ? ErrorCode::io : ErrorCode::unauthorized,
              fmt::format("TLS, {}: {}", what, openssl_reason()));
}

SocketStep TlsStream::handshake() {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  return step(SSL_do_handshake(ssl_.get()), 1, "the handshake");
}

SocketStep TlsStream::read(std::span<std::uint8_t> into) {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  return step(result, bytes, "reading");
}

SocketStep TlsStream::write(ByteView from) {
  const std::lock_guard lock(mutex_);
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_write_ex(ssl_.get(), from.data(), from.size(), &bytes);
  return step(result, bytes, "writing");
}

}  // namespace sagittal::net
