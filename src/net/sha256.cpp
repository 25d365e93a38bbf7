#include "net/sha256.h"

#include <openssl/evp.h>

#include "base/error.h"

namespace sagittal::net {

Sha256 sha256(ByteView bytes) {
  Sha256 digest{};
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1 ||
      length != digest.size()) {
    throw Error(ErrorCode::internal, "SHA-256 is not available");
  }
  return digest;
}

std::string sha256_hex(ByteView bytes) { return to_hex(sha256(bytes)); }

struct Sha256Sum::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256Sum::Sha256Sum() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1) {
    throw Error(ErrorCode::internal, "SHA-256 is not available");
  }
}

Sha256Sum::~Sha256Sum() = default;

void Sha256Sum::add(ByteView bytes) {
  if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1) {
    throw Error(ErrorCode::internal, "SHA-256 is not available");
  }
}

std::string Sha256Sum::hex() {
  Sha256 digest{};
  unsigned length = 0;
  if (EVP_DigestFinal_ex(state_->context.get(), digest.data(), &length) != 1 || length != digest.size()) {
    throw Error(ErrorCode::internal, "SHA-256 is not available");
  }
  return to_hex(digest);
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace sagittal::net
