#include "server/http/transport.h"

#include <openssl/ssl.h>

#include <string>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::server::http {
namespace {

void require(const boost::system::error_code& error, const std::string& file, std::string_view what) {
  if (error) throw Error(ErrorCode::io, fmt::format("{}: {}: {}", file, what, error.message()));
}

}  // namespace

TlsContext make_tls_context(const std::string& certificate_file, const std::string& key_file) {
  namespace ssl = boost::asio::ssl;
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_compression, error);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    throw Error(ErrorCode::io, "OpenSSL offers none of the ciphers that this server uses");
  }
  // A key with a password would otherwise be asked for at the terminal.
  context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
  context->use_certificate_chain_file(certificate_file, error);
  require(error, certificate_file, "no certificate in PEM form can be read");
  context->use_private_key_file(key_file, ssl::context::pem, error);
  require(error, key_file, "no private key in PEM form, without password, that fits the certificate can be read");
  if (SSL_CTX_check_private_key(native) != 1) {
    throw Error(ErrorCode::io, fmt::format("{} is not the key of the certificate {}", key_file, certificate_file));
  }
  return context;
}

}  // namespace sagittal::server::http
